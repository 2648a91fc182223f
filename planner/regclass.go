package planner

import (
	"strconv"
	"strings"

	"millrace/sql/catalog/systables"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// registryLiteral reads a literal of type regclass, regtype or regnamespace, whose
// meaning is in the catalog: an OID, or the name of an object.
func (b *binder) registryLiteral(e expr.Expr, t types.Type) (expr.Expr, bool, error) {
	literal, ok := e.(*expr.Const)
	if !ok || !literal.Value.Valid || !isText(literal.ResultType) {
		return nil, false, nil
	}
	switch t.Kind {
	case types.KindRegclass, types.KindRegtype, types.KindRegnamespace:
	default:
		return nil, false, nil
	}
	node := expr.Node{ResultType: t, Position: literal.Position}
	if oid, err := strconv.ParseUint(literal.Value.Str, 10, 32); err == nil {
		return &expr.Const{Node: node, Value: types.IntDatum(int64(oid))}, true, nil
	}
	if literal.Value.Str == "-" {
		return &expr.Const{Node: node, Value: types.IntDatum(0)}, true, nil
	}
	var oid uint32
	var err error
	switch t.Kind {
	case types.KindRegclass:
		oid, err = b.relationOID(literal.Value.Str, literal.Position)
	case types.KindRegnamespace:
		oid, err = b.namespaceOID(literal.Value.Str, literal.Position)
	default:
		oid, err = b.typeOID(literal.Value.Str, literal.Position)
	}
	if err != nil {
		return nil, true, err
	}
	return &expr.Const{Node: node, Value: types.IntDatum(int64(oid))}, true, nil
}

func (b *binder) namespaceOID(name string, pos int) (uint32, error) {
	parts, err := splitName(name, pos)
	if err != nil {
		return 0, err
	}
	oid := systables.NamespaceOID(b.env.Catalog.Present(), parts[0])
	if oid == 0 || len(parts) > 1 {
		return 0, sqlerr.New(sqlerr.InvalidSchemaName, pos, "schema %q does not exist", name)
	}
	return oid, nil
}

func isText(t types.Type) bool {
	switch t.Kind {
	case types.KindUnknown, types.KindText, types.KindVarchar, types.KindName:
		return true
	default:
		return false
	}
}

func (b *binder) typeOID(name string, pos int) (uint32, error) {
	t, err := types.TypeNamed(name)
	if err != nil {
		if created, ok := b.env.Catalog.Present().TypeNamed(b.env.userSchemas(), name); ok {
			return created.OID(), nil
		}
		return 0, sqlerr.From(err).At(pos)
	}
	return t.OID(), nil
}

// relationOID returns the OID of a relation from its name as text, quoted and
// qualified as in SQL.
func (b *binder) relationOID(text string, pos int) (uint32, error) {
	parts, err := splitName(text, pos)
	if err != nil {
		return 0, err
	}
	name := parts[len(parts)-1]
	for _, id := range b.sequences {
		if q := b.env.Catalog.Sequence(id); q != nil && q.Name == name {
			return uint32(id), nil
		}
	}
	schemas := append([]string{"pg_catalog"}, b.env.userSchemas()...)
	if len(parts) > 1 {
		schemas = []string{parts[len(parts)-2]}
	}
	snapshot := b.env.Catalog
	if b.inView > 0 {
		snapshot = snapshot.Present() // a name as a value is none of what the view reads
	}
	for _, schema := range schemas {
		if r := snapshot.Lookup(schema, name); r != nil {
			return uint32(r.ID), nil
		}
		if v := snapshot.LookupView(schema, name); v != nil {
			return uint32(v.ID), nil
		}
		if index := snapshot.LookupIndex(schema, name); index != nil {
			return uint32(index.ID), nil
		}
		if table := snapshot.KeyIndex(schema, name); table != nil {
			return uint32(table.IndexID()), nil
		}
		if q := snapshot.LookupSequence(schema, name); q != nil {
			return uint32(q.ID), nil
		}
		if b.env.System == nil {
			continue
		}
		if t := b.env.System.Lookup(schema, name); t != nil {
			return t.OID, nil
		}
	}
	return 0, sqlerr.New(sqlerr.UndefinedTable, pos, "relation %q does not exist", text)
}

// splitName takes a qualified name apart, folding what is not quoted.
func splitName(text string, pos int) ([]string, error) {
	var parts []string
	var part strings.Builder
	quoted, wasQuoted := false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"' && quoted && i+1 < len(text) && text[i+1] == '"':
			part.WriteByte('"')
			i++
		case c == '"':
			quoted, wasQuoted = !quoted, true
		case c == '.' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		case quoted || c < 'A' || c > 'Z':
			part.WriteByte(c)
		default:
			part.WriteByte(c + 'a' - 'A')
		}
	}
	if quoted || (part.Len() == 0 && !wasQuoted) {
		return nil, sqlerr.New(sqlerr.InvalidName, pos, "invalid name syntax")
	}
	return append(parts, part.String()), nil
}
