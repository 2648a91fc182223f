package expr

import (
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// relationNamed finds a relation by its name, as the cast to regclass does; a
// number is an OID.
func relationNamed(ctx *Context, text string) (types.Datum, error) {
	oid, ok := lookUpRelation(ctx, text)
	if !ok {
		return types.Null, sqlerr.New(sqlerr.UndefinedTable, -1, "relation \"%s\" does not exist", strings.TrimSpace(text))
	}
	return types.IntDatum(oid), nil
}

func lookUpRelation(ctx *Context, text string) (int64, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return int64(n), true
	}
	if text == "-" {
		return 0, true
	}
	if ctx.Session == nil {
		return 0, false
	}
	parts := splitName(text)
	if len(parts) == 2 {
		oid, ok := ctx.Session.RelationOID(parts[0], parts[1])
		return int64(oid), ok
	}
	for _, schema := range append([]string{"pg_catalog"}, ctx.Session.Schemas()...) {
		if oid, ok := ctx.Session.RelationOID(schema, parts[len(parts)-1]); ok {
			return int64(oid), true
		}
	}
	return 0, false
}

// splitName takes a possibly qualified and quoted name apart and folds what is
// not quoted to lower case.
func splitName(text string) []string {
	var parts []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"' && quoted && i+1 < len(text) && text[i+1] == '"':
			part.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		case !quoted && c >= 'A' && c <= 'Z':
			part.WriteByte(c + 'a' - 'A')
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}
