package expr

// Walk calls visit for e and, where visit returned true, for the expressions
// inside it, in the order in which they are written. Nil expressions are
// skipped.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, child := range Children(e) {
		Walk(child, visit)
	}
}

// Children returns the expressions directly inside e, without absent ones.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *SetCall:
		return e.Args
	case *Cast:
		return []Expr{e.Arg}
	case *And:
		return e.Args
	case *Or:
		return e.Args
	case *Not:
		return []Expr{e.Arg}
	case *IsNull:
		return []Expr{e.Arg}
	case *IsDistinct:
		return []Expr{e.Left, e.Right}
	case *Case:
		return caseChildren(e)
	case *Coalesce:
		return e.Args
	case *In:
		return append([]Expr{e.Arg}, e.List...)
	case *AnyAll:
		return []Expr{e.Left, e.Array}
	case *ArrayConstructor:
		return e.Elems
	case *StructConstructor:
		return e.Fields
	case *MapConstructor:
		return append(append([]Expr{}, e.Keys...), e.Values...)
	case *Subscript:
		return []Expr{e.Arg, e.Index}
	case *Slice:
		return present(e.Arg, e.Low, e.High)
	case *FieldAccess:
		return []Expr{e.Arg}
	case *Subquery:
		return append(present(e.Left), e.Fields...)
	}
	return nil
}

func caseChildren(e *Case) []Expr {
	var out []Expr
	for i := range e.When {
		out = append(out, e.When[i], e.Then[i])
	}
	return append(out, present(e.Else)...)
}

func present(list ...Expr) []Expr {
	var out []Expr
	for _, e := range list {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

// Rewrite returns e with every expression in it replaced by what replace
// returns for it, from the innermost outwards. What is unchanged is shared, not
// copied.
func Rewrite(e Expr, replace func(Expr) (Expr, error)) (Expr, error) {
	if e == nil {
		return nil, nil
	}
	r := rewriter{replace: replace}
	out := r.inside(e)
	if r.err != nil {
		return nil, r.err
	}
	return replace(out)
}

// rewriter rewrites children and remembers the first error and whether anything
// changed.
type rewriter struct {
	replace func(Expr) (Expr, error)
	changed bool
	err     error
}

func (r *rewriter) one(e Expr) Expr {
	if e == nil || r.err != nil {
		return e
	}
	out, err := Rewrite(e, r.replace)
	if err != nil {
		r.err = err
		return e
	}
	if out != e {
		r.changed = true
	}
	return out
}

func (r *rewriter) list(list []Expr) []Expr {
	out := make([]Expr, len(list))
	for i, e := range list {
		out[i] = r.one(e)
	}
	return out
}

// inside returns e with its children rewritten, or e itself when none changed.
func (r *rewriter) inside(e Expr) Expr {
	out := r.copyWithChildren(e)
	if !r.changed {
		return e
	}
	return out
}

func (r *rewriter) copyWithChildren(e Expr) Expr {
	switch e := e.(type) {
	case *Call:
		c := *e
		c.Args = r.list(e.Args)
		return &c
	case *SetCall:
		c := *e
		c.Args = r.list(e.Args)
		return &c
	case *Cast:
		c := *e
		c.Arg = r.one(e.Arg)
		return &c
	case *And:
		c := *e
		c.Args = r.list(e.Args)
		return &c
	case *Or:
		c := *e
		c.Args = r.list(e.Args)
		return &c
	case *Not:
		c := *e
		c.Arg = r.one(e.Arg)
		return &c
	case *IsNull:
		c := *e
		c.Arg = r.one(e.Arg)
		return &c
	case *IsDistinct:
		c := *e
		c.Left, c.Right = r.one(e.Left), r.one(e.Right)
		return &c
	case *Case:
		c := *e
		c.When, c.Then, c.Else = r.list(e.When), r.list(e.Then), r.one(e.Else)
		return &c
	case *Coalesce:
		c := *e
		c.Args = r.list(e.Args)
		return &c
	case *In:
		c := *e
		c.Arg, c.List = r.one(e.Arg), r.list(e.List)
		return &c
	default:
		return r.copyConstructor(e)
	}
}

// copyConstructor is copyWithChildren for what makes and takes apart arrays,
// structs and maps, and for subqueries.
func (r *rewriter) copyConstructor(e Expr) Expr {
	switch e := e.(type) {
	case *AnyAll:
		c := *e
		c.Left, c.Array = r.one(e.Left), r.one(e.Array)
		return &c
	case *ArrayConstructor:
		c := *e
		c.Elems = r.list(e.Elems)
		return &c
	case *StructConstructor:
		c := *e
		c.Fields = r.list(e.Fields)
		return &c
	case *MapConstructor:
		c := *e
		c.Keys, c.Values = r.list(e.Keys), r.list(e.Values)
		return &c
	case *Subscript:
		c := *e
		c.Arg, c.Index = r.one(e.Arg), r.one(e.Index)
		return &c
	case *Slice:
		c := *e
		c.Arg, c.Low, c.High = r.one(e.Arg), r.one(e.Low), r.one(e.High)
		return &c
	case *FieldAccess:
		c := *e
		c.Arg = r.one(e.Arg)
		return &c
	case *Subquery:
		c := *e
		c.Left, c.Fields = r.one(e.Left), r.list(e.Fields)
		return &c
	}
	return e
}
