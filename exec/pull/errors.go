package pull

import "millrace/sql/sqlerr"

func notSupported(what string) error {
	return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s are not supported", what)
}
