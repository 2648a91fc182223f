package planner

import (
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/types"
)

func (b *exprBinder) logical(e *ast.Logical) (expr.Expr, error) {
	what := "AND"
	if e.Kind == ast.Or {
		what = "OR"
	}
	args := make([]expr.Expr, len(e.Operands))
	for i, operand := range e.Operands {
		var err error
		if args[i], err = b.bindBool(operand, what); err != nil {
			return nil, err
		}
	}
	if e.Kind == ast.Or {
		return &expr.Or{Node: boolAt(e.Pos()), Args: args}, nil
	}
	return &expr.And{Node: boolAt(e.Pos()), Args: args}, nil
}

func (b *exprBinder) is(e *ast.Is) (expr.Expr, error) {
	if row, ok := e.Operand.(*ast.Row); ok && e.Kind == ast.IsNull {
		return b.isNullRow(e, row)
	}
	arg, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	switch e.Kind {
	case ast.IsNull:
		if t := arg.Type(); t.Kind == types.KindStruct && t.Named != nil && len(t.Fields) > 0 {
			return isNullComposite(e, arg), nil
		}
		return &expr.IsNull{Node: boolAt(e.Pos()), Arg: arg, Negated: e.Negated}, nil
	case ast.IsTrue, ast.IsFalse, ast.IsUnknown:
		words := map[ast.IsKind]string{ast.IsTrue: "IS TRUE", ast.IsFalse: "IS FALSE", ast.IsUnknown: "IS UNKNOWN"}
		if arg, err = b.asBool(arg, words[e.Kind]); err != nil {
			return nil, err
		}
		if e.Kind == ast.IsUnknown {
			return &expr.IsNull{Node: boolAt(e.Pos()), Arg: arg, Negated: e.Negated}, nil
		}
		truth := &expr.Const{Node: boolAt(e.Pos()), Value: types.BoolDatum(e.Kind == ast.IsTrue)}
		return &expr.IsDistinct{Node: boolAt(e.Pos()), Left: arg, Right: truth, Negated: !e.Negated}, nil
	default:
		return nil, notSupported(e.Pos(), "IS DOCUMENT and IS NORMALIZED are not supported")
	}
}

// isNullComposite is isNullRow for a value of a composite type.
func isNullComposite(e *ast.Is, value expr.Expr) expr.Expr {
	fields := make([]expr.Expr, len(value.Type().Fields))
	for i, f := range value.Type().Fields {
		field := &expr.FieldAccess{Node: expr.Node{ResultType: f.Type, Position: e.Pos()}, Arg: value, Field: i}
		fields[i] = &expr.IsNull{Node: boolAt(e.Pos()), Arg: field, Negated: e.Negated}
	}
	return conjunction(fields)
}

// isNullRow is true where all fields are null, and IS NOT NULL where none is.
func (b *exprBinder) isNullRow(e *ast.Is, row *ast.Row) (expr.Expr, error) {
	fields, err := b.bindAll(row.Elements)
	if err != nil {
		return nil, err
	}
	for i := range fields {
		fields[i] = &expr.IsNull{Node: boolAt(fields[i].Pos()), Arg: fields[i], Negated: e.Negated}
	}
	return conjunction(fields), nil
}

func (b *exprBinder) isDistinct(e *ast.IsDistinctFrom) (expr.Expr, error) {
	left, err := b.bind(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.bind(e.Right)
	if err != nil {
		return nil, err
	}
	// The comparison is that of =, whose operands may have different types.
	_, want, err := expr.ResolveOperator("=", left.Type(), right.Type(), e.Pos())
	if err != nil {
		return nil, err
	}
	common := want[0]
	if !want[0].SameKind(want[1]) {
		if common, err = expr.CommonType(want, "IS DISTINCT FROM", e.Pos()); err != nil {
			return nil, err
		}
	}
	if left, err = b.coerce(left, common, expr.Implicit); err != nil {
		return nil, err
	}
	if right, err = b.coerce(right, common, expr.Implicit); err != nil {
		return nil, err
	}
	return &expr.IsDistinct{Node: boolAt(e.Pos()), Left: left, Right: right, Negated: e.Negated}, nil
}

func (b *exprBinder) between(e *ast.Between) (expr.Expr, error) {
	operands, err := b.bindAll([]ast.Expr{e.Operand, e.Low, e.High})
	if err != nil {
		return nil, err
	}
	within := func(low, high expr.Expr) (expr.Expr, error) {
		above, err := b.operator(">=", operands[0], low, e.Pos())
		if err != nil {
			return nil, err
		}
		below, err := b.operator("<=", operands[0], high, e.Pos())
		if err != nil {
			return nil, err
		}
		return &expr.And{Node: boolAt(e.Pos()), Args: []expr.Expr{above, below}}, nil
	}
	result, err := within(operands[1], operands[2])
	if err != nil {
		return nil, err
	}
	if e.Symmetric {
		swapped, err := within(operands[2], operands[1])
		if err != nil {
			return nil, err
		}
		result = &expr.Or{Node: boolAt(e.Pos()), Args: []expr.Expr{result, swapped}}
	}
	if e.Negated {
		result = &expr.Not{Node: boolAt(e.Pos()), Arg: result}
	}
	return result, nil
}

// inList becomes an expr.In where all elements have one type with the operand,
// else a chain of comparisons.
func (b *exprBinder) inList(e *ast.InList) (expr.Expr, error) {
	if row, ok := e.Operand.(*ast.Row); ok {
		return b.inRows(e, row)
	}
	operands, err := b.bindAll(append([]ast.Expr{e.Operand}, e.List...))
	if err != nil {
		return nil, err
	}
	if common, err := expr.CommonType(exprTypes(operands), "IN", e.Pos()); err == nil {
		if common.Kind == types.KindUnknown {
			common = types.Text
		}
		if _, _, err := expr.ResolveOperator("=", common, common, e.Pos()); err != nil {
			return nil, err
		}
		for i := range operands {
			if operands[i], err = b.coerce(operands[i], common, expr.Implicit); err != nil {
				return nil, err
			}
		}
		return &expr.In{Node: boolAt(e.Pos()), Arg: operands[0], List: operands[1:], Negated: e.Negated}, nil
	}
	choices := make([]expr.Expr, len(e.List))
	for i := range choices {
		if choices[i], err = b.operator("=", operands[0], operands[i+1], e.Pos()); err != nil {
			return nil, err
		}
	}
	return negatedIf(disjunction(choices), e.Negated), nil
}

func (b *exprBinder) inRows(e *ast.InList, row *ast.Row) (expr.Expr, error) {
	choices := make([]expr.Expr, len(e.List))
	for i, item := range e.List {
		right, ok := item.(*ast.Row)
		if !ok {
			return nil, notSupported(item.Pos(), "comparing a row with a value that is not written as a row is not supported")
		}
		var err error
		if choices[i], err = b.compareRows("=", row, right, e.Pos()); err != nil {
			return nil, err
		}
	}
	return negatedIf(disjunction(choices), e.Negated), nil
}

func negatedIf(e expr.Expr, negated bool) expr.Expr {
	if !negated {
		return e
	}
	return &expr.Not{Node: boolAt(e.Pos()), Arg: e}
}

// conjunction joins conditions with AND; nil for none.
func conjunction(list []expr.Expr) expr.Expr {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	default:
		return &expr.And{Node: boolAt(list[0].Pos()), Args: list}
	}
}

func disjunction(list []expr.Expr) expr.Expr {
	if len(list) == 1 {
		return list[0]
	}
	return &expr.Or{Node: boolAt(list[0].Pos()), Args: list}
}

// likeOperators are the operators behind LIKE and its relatives, plain and
// negated.
var likeOperators = map[ast.LikeKind][2]string{
	ast.LikeCase: {"~~", "!~~"},
	ast.LikeFold: {"~~*", "!~~*"},
	// SIMILAR TO matches the regular expression that its pattern becomes.
	ast.LikeSimilar: {"~", "!~"},
}

func (b *exprBinder) like(e *ast.Like) (expr.Expr, error) {
	operand, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	pattern, err := b.bind(e.Pattern)
	if err != nil {
		return nil, err
	}
	args := []expr.Expr{pattern}
	if e.Escape != nil {
		escape, err := b.bind(e.Escape)
		if err != nil {
			return nil, err
		}
		args = append(args, escape)
	}
	switch {
	case e.Kind == ast.LikeSimilar:
		pattern, err = b.call("similar_to_escape", args, e.Pos())
	case e.Escape != nil:
		pattern, err = b.call("like_escape", args, e.Pos())
	}
	if err != nil {
		return nil, err
	}
	symbols := likeOperators[e.Kind]
	if e.Negated {
		return b.operator(symbols[1], operand, pattern, e.Pos())
	}
	return b.operator(symbols[0], operand, pattern, e.Pos())
}
