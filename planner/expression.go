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
	// rows is the block whose SELECT list is bound, where functions may return
	// several rows; nil elsewhere.
	rows *selectBinder
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
		return b.caseExpr(e)
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
		return nil, notSupported(e.Pos(), "WHERE CURRENT OF is not supported")
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
	if e.Operator.Symbol == "->" {
		if name, ok := e.Right.(*ast.ColumnRef); ok && len(name.Parts) == 1 {
			left, err := b.bind(e.Left)
			if err != nil {
				return nil, err
			}
			if left.Type().Kind == types.KindStruct {
				return fieldOf(left, name.Parts[0], name.Pos())
			}
		}
	}
	left, err := b.bind(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.bind(e.Right)
	if err != nil {
		return nil, err
	}
	return b.operator(e.Operator.Symbol, left, right, pos)
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

func (b *exprBinder) cast(e *ast.Cast) (expr.Expr, error) {
	if array, ok := e.Operand.(*ast.ArrayConstructor); ok {
		t, err := b.typeName(e.Type)
		if err != nil {
			return nil, err
		}
		if t.Kind == types.KindArray {
			operand, err := b.array(array, t.Elem)
			if err != nil {
				return nil, err
			}
			return b.coerce(operand, t, expr.Explicit)
		}
	}
	operand, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	pos := e.Pos()
	if pos == e.Operand.Pos() {
		// Behind its operand the cast is written as ::, where PostgreSQL points.
		pos = int(e.Operand.Extent().End)
	}
	return b.castTo(operand, e.Type, pos)
}

func (b *exprBinder) castTo(operand expr.Expr, name *ast.TypeName, pos int) (expr.Expr, error) {
	t, err := b.typeName(name)
	if err != nil {
		return nil, err
	}
	cast, err := b.coerce(operand, t, expr.Explicit)
	if sqlerr.CodeOf(err) == sqlerr.CannotCoerce {
		placed := *sqlerr.From(err)
		placed.Position = pos
		return nil, &placed
	}
	return cast, err
}

// collate accepts the collations that are the one there is.
func (b *exprBinder) collate(e *ast.Collate) (expr.Expr, error) {
	switch e.Collation.Last() {
	case "C", "POSIX", "default", "ucs_basic":
		return b.bind(e.Operand)
	}
	return nil, sqlerr.New(sqlerr.UndefinedObject, e.Collation.Pos(), "collation %q for encoding \"UTF8\" does not exist", e.Collation.Last()).
		WithHint(`Text sorts by the collation "C".`)
}

func (b *exprBinder) atTimeZone(e *ast.AtTimeZone) (expr.Expr, error) {
	args, err := b.bindAll([]ast.Expr{e.Zone, e.Operand})
	if err != nil {
		return nil, err
	}
	return b.call("timezone", args, e.Pos())
}
