package planner

import (
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// array binds ARRAY[…]; element, where not nil, is the element type that a cast
// around it asks for.
func (b *exprBinder) array(e *ast.ArrayConstructor, element *types.Type) (expr.Expr, error) {
	elems := make([]expr.Expr, len(e.Elements))
	for i, item := range e.Elements {
		var err error
		if nested, ok := item.(*ast.ArrayConstructor); ok {
			elems[i], err = b.array(nested, element)
		} else {
			elems[i], err = b.bind(item)
		}
		if err != nil {
			return nil, err
		}
		if element != nil && elems[i].Type().Kind != types.KindArray {
			if elems[i], err = b.coerce(elems[i], *element, expr.Explicit); err != nil {
				return nil, err
			}
		}
	}
	if len(elems) == 0 {
		if element == nil {
			return nil, sqlerr.New(sqlerr.IndeterminateDatatype, e.Pos(), "cannot determine type of empty array").
				WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
		}
		return &expr.ArrayConstructor{Node: expr.Node{ResultType: types.ArrayOf(*element), Position: e.Pos()}}, nil
	}
	elems, common, err := b.unify(elems, "ARRAY", e.Pos())
	if err != nil {
		return nil, err
	}
	result := types.ArrayOf(common)
	if common.Kind == types.KindArray {
		// As in PostgreSQL the number of dimensions is not part of an array's type.
		result = common
	}
	return &expr.ArrayConstructor{Node: expr.Node{ResultType: result, Position: e.Pos()}, Elems: elems}, nil
}

func (b *exprBinder) row(e *ast.Row) (expr.Expr, error) {
	values, err := b.bindAll(e.Elements)
	if err != nil {
		return nil, err
	}
	fields := make([]types.Field, len(values))
	for i := range values {
		if values[i], err = b.settle(values[i]); err != nil {
			return nil, err
		}
		fields[i] = types.Field{Name: fieldName(i), Type: values[i].Type()}
	}
	return &expr.StructConstructor{Node: expr.Node{ResultType: types.StructOf(fields), Position: e.Pos()}, Fields: values}, nil
}

// fieldName is PostgreSQL's name of field i of an anonymous row.
func fieldName(i int) string { return "f" + decimal(i+1) }

func (b *exprBinder) structValue(e *ast.StructConstructor) (expr.Expr, error) {
	fields := make([]types.Field, len(e.Fields))
	values := make([]expr.Expr, len(e.Fields))
	for i, f := range e.Fields {
		value, err := b.bind(f.Value)
		if err != nil {
			return nil, err
		}
		if values[i], err = b.settle(value); err != nil {
			return nil, err
		}
		fields[i] = types.Field{Name: f.Name.Value, Type: values[i].Type()}
	}
	return &expr.StructConstructor{Node: expr.Node{ResultType: types.StructOf(fields), Position: e.Pos()}, Fields: values}, nil
}

func (b *exprBinder) mapValue(e *ast.MapConstructor) (expr.Expr, error) {
	keys := make([]expr.Expr, len(e.Entries))
	values := make([]expr.Expr, len(e.Entries))
	for i, entry := range e.Entries {
		var err error
		if keys[i], err = b.bind(entry.Key); err != nil {
			return nil, err
		}
		if values[i], err = b.bind(entry.Value); err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return nil, sqlerr.New(sqlerr.IndeterminateDatatype, e.Pos(), "cannot determine type of empty map")
	}
	keys, keyType, err := b.unify(keys, "MAP", e.Pos())
	if err != nil {
		return nil, err
	}
	values, valueType, err := b.unify(values, "MAP", e.Pos())
	if err != nil {
		return nil, err
	}
	return &expr.MapConstructor{Node: expr.Node{ResultType: types.MapOf(keyType, valueType), Position: e.Pos()}, Keys: keys, Values: values}, nil
}

func (b *exprBinder) subscript(e *ast.Subscript) (expr.Expr, error) {
	args, err := b.bindAll([]ast.Expr{e.Operand, e.Index})
	if err != nil {
		return nil, err
	}
	var index, result types.Type
	switch t := args[0].Type(); t.Kind {
	case types.KindArray:
		index, result = types.Int4, *t.Elem
	case types.KindMap:
		index, result = *t.Key, *t.Elem
	case types.KindJSONB:
		return b.operator("->", args[0], args[1], e.Pos())
	case types.KindName:
		return b.nameByte(args[0], args[1], e.Pos())
	default:
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, e.Pos(), "cannot subscript type %s because it does not support subscripting", t.BaseName())
	}
	if args[1], err = b.coerce(args[1], index, expr.Assignment); err != nil {
		return nil, err
	}
	return &expr.Subscript{Node: expr.Node{ResultType: result, Position: e.Pos()}, Arg: args[0], Index: args[1]}, nil
}

// nameByte is name[i], a "char": in PostgreSQL a name is an array of them that begins at
// 0, which pg_dump makes use of.
func (b *exprBinder) nameByte(name, index expr.Expr, pos int) (expr.Expr, error) {
	one := &expr.Const{Node: expr.Node{ResultType: types.Int4, Position: pos}, Value: types.IntDatum(1)}
	index, err := b.coerce(index, types.Int4, expr.Assignment)
	if err != nil {
		return nil, err
	}
	place, err := b.operator("+", index, one, pos)
	if err != nil {
		return nil, err
	}
	text, err := b.coerce(name, types.Text, expr.Implicit)
	if err != nil {
		return nil, err
	}
	part, err := b.call("substr", []expr.Expr{text, place, one}, pos)
	if err != nil {
		return nil, err
	}
	return b.coerce(part, types.Char, expr.Explicit)
}

func (b *exprBinder) slice(e *ast.Slice) (expr.Expr, error) {
	arg, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	if arg.Type().Kind != types.KindArray {
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, e.Pos(), "cannot subscript type %s because it does not support subscripting", arg.Type().BaseName())
	}
	s := &expr.Slice{Node: expr.Node{ResultType: arg.Type(), Position: e.Pos()}, Arg: arg}
	for _, bound := range []struct {
		from ast.Expr
		to   *expr.Expr
	}{{e.Low, &s.Low}, {e.High, &s.High}} {
		if bound.from == nil {
			continue
		}
		value, err := b.bind(bound.from)
		if err != nil {
			return nil, err
		}
		if *bound.to, err = b.coerce(value, types.Int4, expr.Assignment); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (b *exprBinder) field(operand ast.Expr, name string, pos int) (expr.Expr, error) {
	value, err := b.bind(operand)
	if err != nil {
		return nil, err
	}
	return fieldOf(value, name, pos)
}

func fieldOf(value expr.Expr, name string, pos int) (expr.Expr, error) {
	if value.Type().Kind != types.KindStruct {
		return nil, sqlerr.New(sqlerr.WrongObjectType, pos, "column notation .%s applied to type %s, which is not a composite type", name, value.Type().BaseName())
	}
	for i, f := range value.Type().Fields {
		if f.Name == name {
			return &expr.FieldAccess{Node: expr.Node{ResultType: f.Type, Position: pos}, Arg: value, Field: i}, nil
		}
	}
	return nil, sqlerr.New(sqlerr.UndefinedColumn, pos, "column %q not found in data type %s", name, value.Type().BaseName())
}

// compareRows compares rows field by field.
func (b *exprBinder) compareRows(symbol string, left, right *ast.Row, pos int) (expr.Expr, error) {
	if symbol != "=" && symbol != "<>" {
		return nil, notSupported(pos, "comparing rows by %s is not supported", symbol)
	}
	if len(left.Elements) != len(right.Elements) {
		return nil, sqlerr.New(sqlerr.SyntaxError, pos, "unequal number of entries in row expressions")
	}
	fields := make([]expr.Expr, len(left.Elements))
	for i := range fields {
		args, err := b.bindAll([]ast.Expr{left.Elements[i], right.Elements[i]})
		if err != nil {
			return nil, err
		}
		if fields[i], err = b.operator(symbol, args[0], args[1], pos); err != nil {
			return nil, err
		}
	}
	if symbol == "<>" {
		return disjunction(fields), nil
	}
	return conjunction(fields), nil
}
