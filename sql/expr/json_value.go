package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

func castJSONB(to types.Type) castFunc {
	return func(_ *Context, d types.Datum) (types.Datum, error) {
		return types.Null, sqlerr.New(sqlerr.FeatureNotSupported, -1, "jsonb")
	}
}

func jsonSubscript(text string, index types.Type, d types.Datum) (types.Datum, error) {
	return types.Null, sqlerr.New(sqlerr.FeatureNotSupported, -1, "jsonb")
}
