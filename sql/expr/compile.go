package expr

import (
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Program is a compiled expression. It owns scratch memory and belongs to one
// goroutine; compile once per host.
type Program struct {
	root   Expr
	result operand
	filter filter
}

// evaluator computes the values of one node of an expression for the rows in
// selection into out, which has the node's type, is sized to the batch and
// zeroed. Rows that fail are reported through ctx.Fail and left NULL.
type evaluator interface {
	evaluate(ctx *Context, in *types.Batch, selection []int32, out *types.Vector)
}

// filter appends to out the rows of selection for which a boolean node is true.
type filter interface {
	choose(ctx *Context, in *types.Batch, selection []int32, out []int32) []int32
}

// Compile turns an expression into a program. It fails for expressions that
// have no evaluation (0A000).
func Compile(e Expr) (*Program, error) {
	result, err := compileOperand(e)
	if err != nil {
		return nil, err
	}
	p := &Program{root: e, result: result}
	if f, ok := result.eval.(filter); ok {
		p.filter = f
	}
	return p, nil
}

// Type returns the type of the values that Eval produces.
func (p *Program) Type() types.Type { return p.root.Type() }

// Eval computes the expression for the rows of in that are in selection (nil:
// all rows). out is resized to in.Len and takes the expression's type; only the
// selected rows that did not fail are meaningful. Failing rows are reported
// through ctx.Fail. out must not be a column of in.
func (p *Program) Eval(ctx *Context, in *types.Batch, selection []int32, out *types.Vector) {
	if selection == nil {
		selection = ctx.allRows(in.Len)
	}
	if p.result.isComputed() {
		out.Type = p.result.typ
		out.Resize(in.Len)
		p.result.eval.evaluate(ctx, in, selection, out)
		return
	}
	v := p.result.values(ctx, in, selection)
	out.Reset(p.result.typ)
	appendPrefix(out, v, in.Len)
}

// EvalRef is Eval into a vector that the program owns, or into none when the
// expression is a column of the batch, which is returned itself. The result is
// valid until the next call and must not be changed.
func (p *Program) EvalRef(ctx *Context, in *types.Batch, selection []int32) *types.Vector {
	if selection == nil {
		selection = ctx.allRows(in.Len)
	}
	return p.result.values(ctx, in, selection)
}

// EvalPredicate appends to out those rows of selection (nil: all rows), in
// order, for which the boolean expression is true and did not fail. selection
// and out must not overlap.
func (p *Program) EvalPredicate(ctx *Context, in *types.Batch, selection []int32, out []int32) []int32 {
	if selection == nil {
		selection = ctx.allRows(in.Len)
	}
	start := len(out)
	if p.filter != nil {
		out = p.filter.choose(ctx, in, selection, out)
	} else {
		out = appendTrue(p.result.values(ctx, in, selection), selection, out)
	}
	if len(ctx.Errors) == 0 {
		return out
	}
	kept := out[:start]
	for _, row := range out[start:] {
		if !ctx.Failed(row) {
			kept = append(kept, row)
		}
	}
	return kept
}

// appendTrue appends the rows of selection where the boolean vector is true. A
// NULL's slot is zero, so it reads as false.
func appendTrue(v *types.Vector, selection, out []int32) []int32 {
	values := v.Ints
	for _, i := range selection {
		if values[i] != 0 {
			out = append(out, i)
		}
	}
	return out
}

// appendPrefix appends the first n values of v, which may be longer, to out.
func appendPrefix(out, v *types.Vector, n int) {
	switch v.Type.Physical() {
	case types.PhysicalInt:
		out.Ints = append(out.Ints, v.Ints[:n]...)
	case types.PhysicalFloat:
		out.Floats = append(out.Floats, v.Floats[:n]...)
	default:
		out.Strs = append(out.Strs, v.Strs[:n]...)
	}
	out.Nulls = append(out.Nulls[:0], v.Nulls...)
}

// operand is a compiled argument: a column of the batch, a constant, or a
// computed value with its scratch memory.
type operand struct {
	typ      types.Type
	column   int // of the batch, when eval and constant are nil
	constant *types.Datum
	eval     evaluator
	scratch  types.Vector
}

// isComputed reports whether the operand has an evaluation of its own.
func (o *operand) isComputed() bool { return o.eval != nil }

// values returns a vector whose selected rows hold the operand's values, valid
// until the next call. It may be longer than the batch.
func (o *operand) values(ctx *Context, in *types.Batch, selection []int32) *types.Vector {
	switch {
	case o.eval != nil:
		o.scratch.Type = o.typ
		o.scratch.Resize(in.Len)
		o.eval.evaluate(ctx, in, selection, &o.scratch)
		return &o.scratch
	case o.constant != nil:
		o.repeatConstant(in.Len)
		return &o.scratch
	case o.typ.Kind != in.Columns[o.column].Type.Kind:
		o.scratch = in.Columns[o.column]
		o.scratch.Type = o.typ
		return &o.scratch
	default:
		return &in.Columns[o.column]
	}
}

// repeatConstant makes the scratch vector at least n copies of the constant; the
// copies are written once and then serve every batch.
func (o *operand) repeatConstant(n int) {
	have := o.scratch.Len()
	for ; have < n; have++ {
		o.scratch.Append(*o.constant)
	}
}

// compileOperand compiles e.
func compileOperand(e Expr) (operand, error) {
	o := operand{typ: e.Type(), column: -1}
	o.scratch.Type = o.typ
	switch e := e.(type) {
	case *Column:
		o.column = e.Index
		return o, nil
	case *Const:
		value := e.Value
		o.constant = &value
		return o, nil
	case *Cast:
		if isRelabel(e.Arg.Type(), e.ResultType) {
			return compileRelabel(e)
		}
	}
	eval, err := compileEvaluator(e)
	if err != nil {
		return operand{}, err
	}
	o.eval = eval
	return o, nil
}

// compileRelabel compiles a cast that leaves the values as they are: the
// argument's, under another type.
func compileRelabel(e *Cast) (operand, error) {
	o, err := compileOperand(e.Arg)
	o.typ = e.ResultType
	o.scratch.Type = o.typ
	return o, err
}

// compileOperands compiles a list.
func compileOperands(list []Expr) ([]operand, error) {
	out := make([]operand, len(list))
	for i, e := range list {
		o, err := compileOperand(e)
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

// compileEvaluator compiles an expression other than a column or a constant.
func compileEvaluator(e Expr) (evaluator, error) {
	switch e := e.(type) {
	case *Rowtime:
		return rowtimeEval{}, nil
	case *RowOffset:
		return rowOffsetEval{}, nil
	case *RowPartition:
		return rowPartitionEval{}, nil
	case *Param:
		return paramEval{index: e.Index}, nil
	case *Outer:
		return outerEval{level: e.Level, index: e.Index}, nil
	case *Call:
		return compileCall(e)
	case *Cast:
		return compileCast(e)
	case *And:
		return compileAnd(e)
	case *Or:
		return compileOr(e)
	case *Not:
		return compileNot(e)
	case *IsNull:
		return compileIsNull(e)
	case *IsDistinct:
		return compileIsDistinct(e)
	case *Case:
		return compileCase(e)
	case *Coalesce:
		return compileCoalesce(e)
	case *In:
		return compileIn(e)
	case *AnyAll:
		return compileAnyAll(e)
	case *ArrayConstructor:
		return compileArray(e)
	case *StructConstructor:
		return compileStruct(e)
	case *MapConstructor:
		return compileMap(e)
	case *Subscript:
		return compileSubscript(e)
	case *Slice:
		return compileSlice(e)
	case *FieldAccess:
		return compileFieldAccess(e)
	case *Subquery:
		return compileSubquery(e)
	}
	return nil, sqlerr.New(sqlerr.FeatureNotSupported, e.Pos(), "this expression cannot be evaluated here")
}

// EvalDatum computes an expression for one row, for constants, defaults and the
// like: it compiles it each time. It leaves ctx.Errors empty.
func EvalDatum(ctx *Context, e Expr, row []types.Datum) (types.Datum, error) {
	if c, ok := e.(*Const); ok {
		return c.Value, nil
	}
	p, err := Compile(e)
	if err != nil {
		return types.Null, err
	}
	in := types.Batch{Len: 1, Columns: make([]types.Vector, len(row))}
	setColumnTypes(e, in.Columns)
	for i := range row {
		in.Columns[i].Append(row[i])
	}
	ctx.ResetErrors()
	d := p.EvalRef(ctx, &in, nil).Datum(0)
	if len(ctx.Errors) > 0 {
		err := ctx.Errors[0].Err
		ctx.ResetErrors()
		return types.Null, err
	}
	return d, nil
}

// setColumnTypes gives the columns that e names the types it has for them.
func setColumnTypes(e Expr, columns []types.Vector) {
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Column); ok && c.Index < len(columns) {
			columns[c.Index].Type = c.ResultType
		}
		return true
	})
}
