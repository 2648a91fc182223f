package planner

import (
	"math"
	"strconv"
	"strings"

	"millrace/sql/ast"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// internalNames maps names of PostgreSQL's types that the system catalog
// mentions, and that there are no values of, to the type that stands in.
var internalNames = map[string]types.Type{
	"char":         types.Char,
	"xid":          types.OID,
	"pg_node_tree": types.Text,
}

// typeName returns the type that a name stands for.
func (b *binder) typeName(name *ast.TypeName) (types.Type, error) {
	t, err := b.elementType(name)
	if err != nil {
		return types.Type{}, sqlerr.From(err).At(name.Pos())
	}
	if name.SetOf {
		return types.Type{}, notSupported(name.Pos(), "SETOF is not supported here")
	}
	// As in PostgreSQL the number of dimensions is not part of an array's type.
	if len(name.ArrayBounds) > 0 && t.Kind != types.KindArray {
		if t.Kind == types.KindVoid {
			return types.Type{}, sqlerr.New(sqlerr.UndefinedObject, name.Pos(), "type %q does not exist", name.Name+"[]")
		}
		t = types.ArrayOf(t)
	}
	return t, nil
}

func (b *binder) elementType(name *ast.TypeName) (types.Type, error) {
	switch {
	case name.Element != nil:
		element, err := b.typeName(name.Element)
		return types.ArrayOf(element), err
	case name.Key != nil:
		key, err := b.typeName(name.Key)
		if err != nil {
			return types.Type{}, err
		}
		value, err := b.typeName(name.Value)
		return types.MapOf(key, value), err
	case name.Fields != nil:
		return b.structType(name)
	}
	if len(name.Qualifier) > 0 && name.Qualifier[len(name.Qualifier)-1] != "pg_catalog" {
		if t, ok := b.createdType(name.Qualifier[len(name.Qualifier)-1:], name.Name); ok {
			return t, noModifiers(name)
		}
		return types.Type{}, sqlerr.New(sqlerr.UndefinedObject, name.Pos(), "type %q does not exist",
			strings.Join(append(name.Qualifier, name.Name), "."))
	}
	if t, ok := internalNames[name.Name]; ok && len(name.Modifiers) == 0 {
		return t, nil
	}
	modifiers, err := typeModifiers(name)
	if err != nil {
		return types.Type{}, err
	}
	full := name.Name
	if name.IntervalFields != "" {
		full += " " + name.IntervalFields
	}
	t, err := types.TypeByName(full, modifiers)
	if err != nil && len(name.Qualifier) == 0 {
		if created, ok := b.createdType(b.env.userSchemas(), name.Name); ok {
			return created, noModifiers(name)
		}
	}
	return t, err
}

func noModifiers(name *ast.TypeName) error {
	if len(name.Modifiers) == 0 {
		return nil
	}
	return sqlerr.New(sqlerr.SyntaxError, name.Pos(), "type modifier is not allowed for type %q", name.Name)
}

func (b *binder) structType(name *ast.TypeName) (types.Type, error) {
	fields, err := b.structFields(name.Fields)
	return types.StructOf(fields), err
}

func (b *binder) structFields(list []*ast.TypeField) ([]types.Field, error) {
	fields := make([]types.Field, len(list))
	for i, f := range list {
		t, err := b.typeName(f.Type)
		if err != nil {
			return nil, err
		}
		for _, earlier := range fields[:i] {
			if earlier.Name == f.Name.Value {
				return nil, sqlerr.New(sqlerr.DuplicateColumn, f.Pos(), "column %q specified more than once", f.Name.Value)
			}
		}
		fields[i] = types.Field{Name: f.Name.Value, Type: t}
	}
	return fields, nil
}

func typeModifiers(name *ast.TypeName) ([]int32, error) {
	values, ok := name.IntegerModifiers()
	if !ok {
		return nil, sqlerr.New(sqlerr.SyntaxError, name.Pos(), "type modifiers must be simple constants or identifiers")
	}
	var modifiers []int32
	for _, v := range values {
		if v < math.MinInt32 || v > math.MaxInt32 {
			return nil, sqlerr.New(sqlerr.NumericValueOutOfRange, name.Pos(), "value %q is out of range for type integer", decimal64(v))
		}
		modifiers = append(modifiers, int32(v))
	}
	return modifiers, nil
}

func decimal(v int) string { return strconv.Itoa(v) }

func decimal64(v int64) string { return strconv.FormatInt(v, 10) }
