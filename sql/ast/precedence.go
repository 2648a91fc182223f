package ast

// Precedences of printed expressions; an operand of lower precedence than its
// place asks for gets parentheses. They are those of the parser.
const (
	precedenceOr = 1 + iota
	precedenceAnd
	precedenceNot
	precedenceIs
	precedenceComparison
	precedencePattern
	_ // ESCAPE
	precedenceOther
	precedenceAdditive
	precedenceMultiplicative
	precedencePower
	precedenceAt
	precedenceCollate
	precedenceSign
	precedencePrimary
)

// precedenceOf returns the precedence of an expression's outermost operator.
func precedenceOf(e Expr) int {
	switch e := e.(type) {
	case *Logical:
		if e.Kind == Or {
			return precedenceOr
		}
		return precedenceAnd
	case *Not:
		return precedenceNot
	case *Is, *IsDistinctFrom:
		return precedenceIs
	case *Between, *InList, *InQuery, *Like:
		return precedencePattern
	case *Binary:
		return e.Operator.infixPrecedence()
	case *Quantified:
		return e.Operator.infixPrecedence()
	case *Unary:
		if e.Operator.isSign() {
			return precedenceSign
		}
		return precedenceOther
	case *AtTimeZone:
		return precedenceAt
	case *Collate:
		return precedenceCollate
	case *ExpandFields:
		if e.Arrow {
			return precedenceOther
		}
	case *FunctionCall:
		if e.Form == FormOverlaps {
			return precedenceIs
		}
	}
	return precedencePrimary
}

// isSign says whether the operator, in front of a value, is a sign.
func (o *Operator) isSign() bool {
	return len(o.Qualifier) == 0 && (o.Symbol == "-" || o.Symbol == "+")
}

// infixPrecedence returns the precedence of the operator between two values.
func (o *Operator) infixPrecedence() int {
	if len(o.Qualifier) > 0 {
		return precedenceOther
	}
	switch o.Symbol {
	case "<", ">", "=", "<=", ">=", "<>":
		return precedenceComparison
	case "+", "-":
		return precedenceAdditive
	case "*", "/", "%":
		return precedenceMultiplicative
	case "^":
		return precedencePower
	}
	return precedenceOther
}

// operand writes an expression, in parentheses if it binds less tightly than
// minimum.
func (p *printer) operand(e Expr, minimum int) {
	if precedenceOf(e) < minimum {
		p.text("(")
		e.format(p)
		p.text(")")
		return
	}
	e.format(p)
}

// restricted writes an expression where the grammar takes only one without
// words as operators.
func (p *printer) restricted(e Expr) { p.operand(e, precedenceSign) }
