package ast

// TightenArrows returns the tree of an expression with -> in it as KSQL reads
// it: there an arrow binds more tightly than every other operator, while in
// PostgreSQL it binds less tightly than arithmetic:
//
//	a + s->f * 2    PostgreSQL: (a + s) -> (f * 2)    KSQL: a + ((s->f) * 2)
//
// The parser follows PostgreSQL. A binder that finds a struct at the left of
// an arrow (ArrowBase) takes this tree instead. Parentheses are no nodes, so
// those that only repeat PostgreSQL's reading are undone too; with a struct
// they would make no sense. The argument is not changed.
func TightenArrows(arrow *Binary) Expr {
	left := arrow.Left
	if inner, ok := left.(*Binary); ok && inner.isArrow() {
		left = TightenArrows(inner)
	}
	base, before := operatorsBefore(left)
	field, behind := operatorsBehind(arrow.Right)
	var e Expr = &Binary{Span: around(base, field), Operator: arrow.Operator, Left: base, Right: field}
	for len(before) > 0 || len(behind) > 0 {
		// Of two operators of one precedence the left one comes first.
		if len(behind) == 0 || len(before) > 0 && before[len(before)-1].precedence >= behind[len(behind)-1].precedence {
			e = before[len(before)-1].fill(e)
			before = before[:len(before)-1]
		} else {
			e = behind[len(behind)-1].fill(e)
			behind = behind[:len(behind)-1]
		}
	}
	return e
}

// openOperator is an operator with one operand left open.
type openOperator struct {
	precedence int
	// fill returns the operator with the operand in its place.
	fill func(operand Expr) Expr
}

// ArrowBase returns the value that the first arrow of an expression takes a
// field of, in KSQL's reading: s of a + s->f->g.
func ArrowBase(arrow *Binary) Expr {
	for {
		inner, ok := arrow.Left.(*Binary)
		if !ok || !inner.isArrow() {
			break
		}
		arrow = inner
	}
	base, _ := operatorsBefore(arrow.Left)
	return base
}

// isArrow says whether the operator is -> or ->>.
func (n *Binary) isArrow() bool {
	return len(n.Operator.Qualifier) == 0 && (n.Operator.Symbol == "->" || n.Operator.Symbol == "->>")
}

// around returns the span from the start of one node to the end of another.
func around(first, last Node) Span {
	return Span{Start: first.Extent().Start, End: last.Extent().End}
}

// operatorsBefore returns the rightmost operand of an expression's operators,
// and these operators from the outermost to the innermost.
func operatorsBefore(e Expr) (base Expr, operators []openOperator) {
	for {
		switch n := e.(type) {
		case *Binary:
			if n.isArrow() {
				return e, operators
			}
			operators = append(operators, openOperator{n.Operator.infixPrecedence(), func(right Expr) Expr {
				return &Binary{Span: around(n.Left, right), Operator: n.Operator, Left: n.Left, Right: right}
			}})
			e = n.Right
		case *Unary:
			operators = append(operators, openOperator{precedenceOf(n), func(operand Expr) Expr {
				span := Span{Start: n.Start, End: operand.Extent().End}
				return &Unary{Span: span, Operator: n.Operator, Operand: operand}
			}})
			e = n.Operand
		default:
			return e, operators
		}
	}
}

// operatorsBehind returns the leftmost operand of an expression's operators,
// and these operators from the outermost to the innermost.
func operatorsBehind(e Expr) (base Expr, operators []openOperator) {
	for {
		precedence, operand, fill := openLeft(e)
		if operand == nil {
			return e, operators
		}
		operators = append(operators, openOperator{precedence, fill})
		e = operand
	}
}

// openLeft takes the leftmost operand out of an operator; it is nil where
// there is none.
func openLeft(e Expr) (precedence int, operand Expr, fill func(Expr) Expr) {
	switch n := e.(type) {
	case *Binary:
		return n.Operator.infixPrecedence(), n.Left, func(left Expr) Expr {
			return &Binary{Span: around(left, n.Right), Operator: n.Operator, Left: left, Right: n.Right}
		}
	case *AtTimeZone:
		return precedenceAt, n.Operand, func(left Expr) Expr {
			return &AtTimeZone{Span: around(left, n), Operand: left, Zone: n.Zone}
		}
	case *Collate:
		return precedenceCollate, n.Operand, func(left Expr) Expr {
			return &Collate{Span: around(left, n), Operand: left, Collation: n.Collation}
		}
	case *Cast:
		return precedencePrimary, n.Operand, func(left Expr) Expr {
			return &Cast{Span: around(left, n), Operand: left, Type: n.Type}
		}
	case *Subscript:
		return precedencePrimary, n.Operand, func(left Expr) Expr {
			return &Subscript{Span: around(left, n), Operand: left, Index: n.Index}
		}
	case *Slice:
		return precedencePrimary, n.Operand, func(left Expr) Expr {
			return &Slice{Span: around(left, n), Operand: left, Low: n.Low, High: n.High}
		}
	}
	return 0, nil, nil
}
