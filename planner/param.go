package planner

import (
	"slices"

	"millrace/sql/expr"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// maxParameters is how many parameters a statement may have: the protocol
// counts them in 16 bits.
const maxParameters = 65535

// parameters are the types of $1, $2 …: given by the client, or taken from the
// first place that demands one.
type parameters struct {
	types []types.Type
	// position is where each parameter first stands, -1 for nowhere.
	position []int
	// closed says that there are none: the expression is stored.
	closed bool
}

func newParameters(given []types.Type) *parameters {
	p := &parameters{types: slices.Clone(given)}
	for range given {
		p.position = append(p.position, -1)
	}
	return p
}

// reference returns the expression for parameter number (from 1).
func (p *parameters) reference(number, pos int) (expr.Expr, error) {
	if number < 1 || number > maxParameters || p.closed {
		return nil, sqlerr.New(sqlerr.UndefinedParameter, pos, "there is no parameter $%d", number)
	}
	for len(p.types) < number {
		p.types, p.position = append(p.types, types.Unknown), append(p.position, -1)
	}
	if p.position[number-1] < 0 {
		p.position[number-1] = pos
	}
	return &expr.Param{Node: expr.Node{ResultType: p.types[number-1], Position: pos}, Index: number - 1}, nil
}

// demand gives a parameter of unknown type the type that its place asks for.
func (p *parameters) demand(param *expr.Param, t types.Type) (expr.Expr, error) {
	bare := t
	bare.Mod = -1
	known := p.types[param.Index]
	if known.Kind == types.KindUnknown {
		p.types[param.Index], known = bare, bare
	}
	if !known.SameKind(bare) {
		return nil, sqlerr.New(sqlerr.AmbiguousParameter, param.Position, "inconsistent types deduced for parameter $%d", param.Index+1).
			WithDetail("%s versus %s", known, bare)
	}
	typed := *param
	typed.ResultType = known
	return &typed, nil
}

// check makes sure that all parameters have got a type.
func (p *parameters) check() error {
	for i, t := range p.types {
		if t.Kind == types.KindUnknown {
			return sqlerr.New(sqlerr.IndeterminateDatatype, p.position[i], "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}

// coerce makes a value of type t from e; parameters of unknown type take it.
func (b *binder) coerce(e expr.Expr, t types.Type, context expr.CastContext) (expr.Expr, error) {
	if t.Kind == types.KindUnknown {
		return e, nil
	}
	if param, ok := e.(*expr.Param); ok && param.ResultType.Kind == types.KindUnknown {
		typed, err := b.params.demand(param, t)
		if err != nil {
			return nil, err
		}
		e = typed
	}
	if e.Type().Equal(t) {
		return e, nil
	}
	if resolved, ok, err := b.registryLiteral(e, t); ok || err != nil {
		return resolved, err
	}
	return expr.Coerce(e, t, context)
}

// settle gives a value that is still of unknown type the type text.
func (b *binder) settle(e expr.Expr) (expr.Expr, error) {
	if e.Type().Kind != types.KindUnknown {
		return e, nil
	}
	return b.coerce(e, types.Text, expr.Implicit)
}
