package planner

import (
	"math"

	"millrace/planner/plan"
	"millrace/sql/ast"
	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// exprBinder binds value expressions that stand in one clause of one query.
type exprBinder struct {
	*binder
	scope *scope
	// clause names the place in errors: WHERE, GROUP BY, ...
	clause string
	// aggregates collects the calls of aggregates; nil where none may stand.
	aggregates *aggregateList
	// inAggregate is set while the arguments of an aggregate are bound.
	inAggregate bool
	// sets says that functions may return several rows, and conditional names what
	// around the place may pass over it, where they may not.
	sets        bool
	conditional string
	// lowers says that subqueries become joins where the result is kept up to date:
	// the clause's host lowers them.
	lowers bool
	// overs collects the calls of window functions; nil where none may stand. inOver
	// is set while what such a call reads is bound.
	overs  *overList
	inOver bool
}

// aggregateList holds the aggregate calls of one SELECT, each different one
// once.
type aggregateList struct {
	calls []plan.AggregateCall
	names []string
}

// aggregateRef stands for the result of an aggregate call while a SELECT is
// bound; group.go replaces it by a column.
type aggregateRef struct {
	expr.Node
	number int
}

// insideOf is the binder of what CASE or COALESCE may pass over.
func (b *exprBinder) insideOf(what string) *exprBinder {
	inner := *b
	inner.conditional = what
	return &inner
}

// bind returns the typed expression for a value expression. Literals and
// parameters without a type have the type unknown.
func (b *exprBinder) bind(e ast.Expr) (expr.Expr, error) {
	pos := e.Pos()
	switch e := e.(type) {
	case *ast.ColumnRef:
		return b.columnRef(e, b.scope)
	case *ast.IntegerLiteral, *ast.NumericLiteral, *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.BitLiteral:
		return b.literal(e)
	case *ast.TypedLiteral:
		return b.castTo(&expr.Const{Node: expr.Node{Position: e.Value.Pos(), ResultType: types.Unknown}, Value: types.StringDatum(e.Value.Value)}, e.Type, pos)
	case *ast.Parameter:
		return b.params.reference(e.Number, pos)
	case *ast.Unary:
		return b.unary(e)
	case *ast.Binary:
		return b.binary(e)
	case *ast.Logical:
		return b.logical(e)
	case *ast.Not:
		arg, err := b.bindBool(e.Operand, "NOT")
		return &expr.Not{Node: boolAt(pos), Arg: arg}, err
	case *ast.Is:
		return b.is(e)
	case *ast.IsDistinctFrom:
		return b.isDistinct(e)
	case *ast.Between:
		return b.between(e)
	case *ast.InList:
		return b.inList(e)
	case *ast.Like:
		return b.like(e)
	case *ast.Case:
		return b.insideOf("CASE").caseExpr(e)
	case *ast.Cast:
		return b.cast(e)
	case *ast.Collate:
		return b.collate(e)
	case *ast.AtTimeZone:
		return b.atTimeZone(e)
	case *ast.FunctionCall:
		return b.functionCall(e)
	case *ast.ValueFunction:
		return b.valueFunction(e)
	case *ast.InQuery, *ast.Quantified, *ast.Exists, *ast.Subquery, *ast.ArrayQuery:
		return b.subquery(e)
	default:
		return b.composite(e)
	}
}

// composite binds what makes and takes apart arrays, structs and maps.
func (b *exprBinder) composite(e ast.Expr) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.ArrayConstructor:
		return b.array(e, nil)
	case *ast.Row:
		return b.row(e)
	case *ast.StructConstructor:
		return b.structValue(e)
	case *ast.MapConstructor:
		return b.mapValue(e)
	case *ast.Subscript:
		return b.subscript(e)
	case *ast.Slice:
		return b.slice(e)
	case *ast.FieldAccess:
		return b.field(e.Operand, e.Field.Value, e.Field.Pos())
	case *ast.Default:
		return nil, sqlerr.New(sqlerr.SyntaxError, e.Pos(), "DEFAULT is not allowed in this context")
	case *ast.Star:
		return nil, sqlerr.New(sqlerr.SyntaxError, e.Pos(), "* is not allowed in this context")
	case *ast.Lambda, *ast.ArrowArgument:
		return nil, notSupported(e.Pos(), "lambda expressions are not supported")
	case *ast.NamedArgument:
		return nil, notSupported(e.Pos(), "named arguments are not supported")
	case *ast.CurrentOf:
		return nil, notSupported(e.Pos(), "WHERE CURRENT OF is not supported here").
			WithHint("It takes a statement by itself and a table with a PRIMARY KEY. Name the row by its key.")
	default:
		return nil, notSupported(e.Pos(), "this expression is not supported")
	}
}

func boolAt(pos int) expr.Node { return expr.Node{ResultType: types.Bool, Position: pos} }

// bindAll binds a list of expressions.
func (b *exprBinder) bindAll(list []ast.Expr) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		bound, err := b.bind(e)
		if err != nil {
			return nil, err
		}
		out[i] = bound
	}
	return out, nil
}

// bindBool binds a condition; what names the construct that asks for it.
func (b *exprBinder) bindBool(e ast.Expr, what string) (expr.Expr, error) {
	bound, err := b.bind(e)
	if err != nil {
		return nil, err
	}
	return b.asBool(bound, what)
}

func (b *exprBinder) asBool(e expr.Expr, what string) (expr.Expr, error) {
	if kind := e.Type().Kind; kind != types.KindBool && kind != types.KindUnknown {
		return nil, sqlerr.New(sqlerr.DatatypeMismatch, e.Pos(), "argument of %s must be type boolean, not type %s", what, e.Type().BaseName())
	}
	return b.coerce(e, types.Bool, expr.Implicit)
}

func (b *exprBinder) literal(e ast.Expr) (expr.Expr, error) {
	node := expr.Node{Position: e.Pos(), ResultType: types.Unknown}
	switch e := e.(type) {
	case *ast.IntegerLiteral:
		return integerConst(e.Value, e.Pos()), nil
	case *ast.NumericLiteral:
		return b.numericConst(e.Text, e.Pos())
	case *ast.StringLiteral:
		return &expr.Const{Node: node, Value: types.StringDatum(e.Value)}, nil
	case *ast.BooleanLiteral:
		return &expr.Const{Node: boolAt(e.Pos()), Value: types.BoolDatum(e.Value)}, nil
	case *ast.NullLiteral:
		return &expr.Const{Node: node}, nil
	default:
		return nil, notSupported(e.Pos(), "bit strings are not supported")
	}
}

func integerConst(v int64, pos int) *expr.Const {
	t := types.Int8
	if v >= math.MinInt32 && v <= math.MaxInt32 {
		t = types.Int4
	}
	return &expr.Const{Node: expr.Node{ResultType: t, Position: pos}, Value: types.IntDatum(v)}
}

func (b *exprBinder) numericConst(text string, pos int) (expr.Expr, error) {
	value, err := types.ParseText(types.Numeric, text, b.format())
	if err != nil {
		return nil, sqlerr.From(err).At(pos)
	}
	return &expr.Const{Node: expr.Node{ResultType: types.Numeric, Position: pos}, Value: value}, nil
}

func (b *exprBinder) unary(e *ast.Unary) (expr.Expr, error) {
	if e.Operator.Symbol == "-" {
		// As in PostgreSQL a minus belongs to the constant behind it, so that the
		// smallest integers can be written.
		switch operand := e.Operand.(type) {
		case *ast.IntegerLiteral:
			return integerConst(-operand.Value, e.Pos()), nil
		case *ast.NumericLiteral:
			if operand.Text == "9223372036854775808" {
				return integerConst(math.MinInt64, e.Pos()), nil
			}
			return b.numericConst("-"+operand.Text, e.Pos())
		}
	}
	operand, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	return b.operator(e.Operator.Symbol, nil, operand, int(e.Operator.Position))
}

func (b *exprBinder) binary(e *ast.Binary) (expr.Expr, error) {
	pos := int(e.Operator.Position)
	if left, ok := e.Left.(*ast.Row); ok {
		if right, ok := e.Right.(*ast.Row); ok {
			return b.compareRows(e.Operator.Symbol, left, right, pos)
		}
	}
	if e.Operator.Symbol == "->" && !isTight(e) && mayBeStruct(ast.ArrowBase(e)) {
		base, err := b.bind(ast.ArrowBase(e))
		if err != nil {
			return nil, err
		}
		if base.Type().Kind == types.KindStruct {
			return b.bind(ast.TightenArrows(e))
		}
	}
	left, err := b.bind(e.Left)
	if err != nil {
		return nil, err
	}
	if name, ok := e.Right.(*ast.ColumnRef); ok && e.Operator.Symbol == "->" && len(name.Parts) == 1 && left.Type().Kind == types.KindStruct {
		return fieldOf(left, name.Parts[0], name.Pos())
	}
	right, err := b.bind(e.Right)
	if err != nil {
		return nil, err
	}
	return b.operator(e.Operator.Symbol, left, right, pos)
}

// isTight reports whether the arrows of s->f->g stand between names alone, so that
// a struct's arrow, which binds more tightly than any other operator, and
// PostgreSQL's, which binds less tightly than arithmetic, mean the same tree.
func isTight(arrow *ast.Binary) bool {
	for {
		if _, ok := arrow.Right.(*ast.ColumnRef); !ok {
			return false
		}
		inner, ok := arrow.Left.(*ast.Binary)
		if !ok || inner.Operator.Symbol != "->" {
			return ast.ArrowBase(arrow) == arrow.Left
		}
		arrow = inner
	}
}

// mayBeStruct reports whether an expression is of a kind whose type is a struct at
// times and that can be bound twice.
func mayBeStruct(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ColumnRef, *ast.FieldAccess, *ast.StructConstructor:
		return true
	case *ast.Subscript:
		return mayBeStruct(e.Operand)
	}
	return false
}

// operator applies an operator; left is nil for a prefix operator.
func (b *exprBinder) operator(symbol string, left, right expr.Expr, pos int) (expr.Expr, error) {
	leftType := types.Void
	if left != nil {
		leftType = left.Type()
	}
	overload, want, err := expr.ResolveOperator(symbol, leftType, right.Type(), pos)
	if err != nil {
		return nil, err
	}
	args := []expr.Expr{right}
	if left != nil {
		args = []expr.Expr{left, right}
	}
	return b.apply(overload, args, want[len(want)-len(args):], pos)
}

// apply calls an overload with arguments coerced to the types it wants.
func (b *exprBinder) apply(overload *expr.Overload, args []expr.Expr, want []types.Type, pos int) (expr.Expr, error) {
	coerced := make([]expr.Expr, len(args))
	for i, arg := range args {
		var err error
		if coerced[i], err = b.coerce(arg, want[i], expr.Implicit); err != nil {
			return nil, err
		}
	}
	result, err := overload.ResultType(exprTypes(coerced))
	if err != nil {
		return nil, sqlerr.From(err).At(pos)
	}
	return &expr.Call{Node: expr.Node{ResultType: result, Position: pos}, Func: overload, Args: coerced}, nil
}

// call calls a function by name.
func (b *exprBinder) call(name string, args []expr.Expr, pos int) (expr.Expr, error) {
	overload, want, err := expr.ResolveFunction(name, exprTypes(args), pos)
	if err != nil {
		return nil, err
	}
	return b.apply(overload, args, want, pos)
}

func (b *exprBinder) caseExpr(e *ast.Case) (expr.Expr, error) {
	var operand expr.Expr
	var err error
	if e.Operand != nil {
		if operand, err = b.bind(e.Operand); err != nil {
			return nil, err
		}
		if operand, err = b.settle(operand); err != nil {
			return nil, err
		}
	}
	c := &expr.Case{Node: expr.Node{Position: e.Pos()}}
	for _, when := range e.Whens {
		condition, err := b.whenCondition(operand, when)
		if err != nil {
			return nil, err
		}
		result, err := b.bind(when.Result)
		if err != nil {
			return nil, err
		}
		c.When, c.Then = append(c.When, condition), append(c.Then, result)
	}
	if e.Else != nil {
		if c.Else, err = b.bind(e.Else); err != nil {
			return nil, err
		}
	}
	// PostgreSQL looks at ELSE first, which decides between types of one category.
	results := append([]expr.Expr{}, c.Then...)
	if c.Else != nil {
		results = append([]expr.Expr{c.Else}, results...)
	}
	if results, c.ResultType, err = b.unify(results, "CASE", e.Pos()); err != nil {
		return nil, err
	}
	if c.Else != nil {
		c.Else, results = results[0], results[1:]
	}
	c.Then = results
	return c, nil
}

func (b *exprBinder) whenCondition(operand expr.Expr, when *ast.When) (expr.Expr, error) {
	if operand == nil {
		return b.bindBool(when.Condition, "CASE/WHEN")
	}
	value, err := b.bind(when.Condition)
	if err != nil {
		return nil, err
	}
	return b.operator("=", operand, value, when.Condition.Pos())
}

// unify coerces values to the type that they have in common; all unknown ones
// become text.
func (b *exprBinder) unify(values []expr.Expr, context string, pos int) ([]expr.Expr, types.Type, error) {
	common, err := expr.CommonType(exprTypes(values), context, pos)
	if err != nil {
		return nil, types.Type{}, err
	}
	if common.Kind == types.KindUnknown {
		common = types.Text
	}
	out := make([]expr.Expr, len(values))
	for i, v := range values {
		if out[i], err = b.coerce(v, common, expr.Implicit); err != nil {
			return nil, types.Type{}, err
		}
	}
	return out, common, nil
}
