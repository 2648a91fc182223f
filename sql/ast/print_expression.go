package ast

import "strconv"

func (n *IntegerLiteral) format(p *printer) { p.text(strconv.FormatInt(n.Value, 10)) }
func (n *NumericLiteral) format(p *printer) { p.text(n.Text) }
func (n *StringLiteral) format(p *printer)  { p.quotedString(n.Value) }
func (n *NullLiteral) format(p *printer)    { p.text("NULL") }
func (n *Default) format(p *printer)        { p.text("DEFAULT") }
func (n *Parameter) format(p *printer)      { p.text("$", strconv.Itoa(n.Number)) }

func (n *BitLiteral) format(p *printer) {
	prefix := "B"
	if n.Hex {
		prefix = "X"
	}
	p.text(prefix)
	p.quotedString(n.Digits)
}

func (n *BooleanLiteral) format(p *printer) {
	if n.Value {
		p.text("TRUE")
		return
	}
	p.text("FALSE")
}

func (n *TypedLiteral) format(p *printer) {
	// The fields of an interval stand behind the string.
	bare := *n.Type
	fields := bare.IntervalFields
	if fields != "" {
		bare.IntervalFields, bare.Modifiers = "", nil
	}
	bare.format(p)
	p.node(" ", n.Value)
	if fields != "" {
		p.intervalFields(n.Type)
	}
}

func (n *ColumnRef) format(p *printer) { p.names(n.Parts) }

func (n *Star) format(p *printer) {
	if len(n.Qualifier) > 0 {
		p.names(n.Qualifier)
		p.text(".")
	}
	p.text("*")
}

func (n *ExpandFields) format(p *printer) {
	if n.Arrow {
		p.operand(n.Operand, precedenceOther)
		p.text("->*")
		return
	}
	p.indirected(n.Operand)
	p.text(".*")
}

func (n *FieldAccess) format(p *printer) {
	p.indirected(n.Operand)
	p.text(".")
	p.name(n.Field.Value)
}

// indirected writes the value of which a field is taken. A name needs
// parentheses, or the field would be read as a part of it.
func (p *printer) indirected(e Expr) {
	switch e.(type) {
	case *Subscript, *Slice, *FieldAccess:
		e.format(p)
	default:
		p.node("(", e)
		p.text(")")
	}
}

// subscripted writes the value of which an element is taken.
func (p *printer) subscripted(e Expr) {
	switch e := e.(type) {
	case *ColumnRef, *Parameter, *Subscript, *Slice, *FieldAccess:
		e.format(p)
		return
	case *FunctionCall:
		if e.Form == FormCall {
			e.format(p)
			return
		}
	}
	p.node("(", e)
	p.text(")")
}

func (n *Subscript) format(p *printer) {
	p.subscripted(n.Operand)
	p.node("[", n.Index)
	p.text("]")
}

func (n *Slice) format(p *printer) {
	p.subscripted(n.Operand)
	p.text("[")
	p.bounds(n.Low, n.High)
	p.text("]")
}

// bounds writes low:high of a slice.
func (p *printer) bounds(low, high Expr) {
	p.optional("", low)
	p.text(":")
	// The space keeps the colon from being lexed with what follows it.
	p.optional(" ", high)
}

// text returns the operator as it is written.
func (o *Operator) text() string {
	if len(o.Qualifier) == 0 {
		return o.Symbol
	}
	p := printer{}
	p.text("OPERATOR(")
	p.names(o.Qualifier)
	p.text(".", o.Symbol, ")")
	return p.b.String()
}

func (n *Unary) format(p *printer) {
	if n.Operator.isSign() {
		p.text(n.Operator.Symbol)
		// Two signs beside each other could begin a comment.
		p.operand(n.Operand, precedencePrimary)
		return
	}
	p.text(n.Operator.text(), " ")
	p.operand(n.Operand, precedenceOther+1)
}

func (n *Binary) format(p *printer) {
	level := n.Operator.infixPrecedence()
	left := level
	if level == precedenceComparison {
		left++
	}
	p.operand(n.Left, left)
	p.text(" ", n.Operator.text(), " ")
	p.operand(n.Right, level+1)
}

func (n *Logical) format(p *printer) {
	level, word := precedenceAnd, " AND "
	if n.Kind == Or {
		level, word = precedenceOr, " OR "
	}
	for i, operand := range n.Operands {
		p.when(i > 0, word)
		p.operand(operand, level+1)
	}
}

func (n *Not) format(p *printer) {
	p.text("NOT ")
	p.operand(n.Operand, precedenceNot)
}

// isWords are the words behind IS or IS NOT for each kind.
var isWords = [...]string{
	IsNull: "NULL", IsTrue: "TRUE", IsFalse: "FALSE", IsUnknown: "UNKNOWN",
	IsDocument: "DOCUMENT", IsNormalized: "NORMALIZED",
}

func (n *Is) format(p *printer) {
	p.operand(n.Operand, precedenceIs+1)
	p.text(" IS ")
	p.when(n.Negated, "NOT ")
	p.when(n.Form != "", n.Form+" ")
	p.text(isWords[n.Kind])
}

func (n *IsDistinctFrom) format(p *printer) {
	p.operand(n.Left, precedenceIs+1)
	p.text(" IS ")
	p.when(n.Negated, "NOT ")
	p.text("DISTINCT FROM ")
	p.operand(n.Right, precedenceIs+1)
}

// patternStart writes the operand of BETWEEN, IN or LIKE, and NOT perhaps.
func (p *printer) patternStart(operand Expr, negated bool) {
	p.operand(operand, precedencePattern+1)
	p.text(" ")
	p.when(negated, "NOT ")
}

func (n *Between) format(p *printer) {
	p.patternStart(n.Operand, n.Negated)
	p.text("BETWEEN ")
	p.when(n.Symmetric, "SYMMETRIC ")
	p.restricted(n.Low)
	p.text(" AND ")
	p.operand(n.High, precedencePattern+1)
}

func (n *InList) format(p *printer) {
	p.patternStart(n.Operand, n.Negated)
	parenthesizedClause(p, "IN ", n.List)
}

func (n *InQuery) format(p *printer) {
	p.patternStart(n.Operand, n.Negated)
	p.subquery("IN ", n.Query)
}

// subquery writes a query in parentheses behind a piece of text.
func (p *printer) subquery(before string, q *Query) {
	p.text(before, "(")
	q.format(p)
	p.text(")")
}

// likeWords are the words of each kind.
var likeWords = [...]string{LikeCase: "LIKE ", LikeFold: "ILIKE ", LikeSimilar: "SIMILAR TO "}

func (n *Like) format(p *printer) {
	p.patternStart(n.Operand, n.Negated)
	p.text(likeWords[n.Kind])
	p.operand(n.Pattern, precedencePattern+1)
	if n.Escape != nil {
		p.text(" ESCAPE ")
		p.operand(n.Escape, precedencePattern+1)
	}
}

func (n *Quantified) format(p *printer) {
	p.operand(n.Left, n.Operator.infixPrecedence()+1)
	p.text(" ", n.Operator.text())
	if n.All {
		p.text(" ALL ")
	} else {
		p.text(" ANY ")
	}
	if n.Query != nil {
		p.subquery("", n.Query)
		return
	}
	p.node("(", n.Array)
	p.text(")")
}

func (n *Exists) format(p *printer)     { p.subquery("EXISTS ", n.Query) }
func (n *Subquery) format(p *printer)   { p.subquery("", n.Query) }
func (n *ArrayQuery) format(p *printer) { p.subquery("ARRAY", n.Query) }

func (n *Case) format(p *printer) {
	p.text("CASE")
	p.optional(" ", n.Operand)
	for _, when := range n.Whens {
		when.format(p)
	}
	p.optional(" ELSE ", n.Else)
	p.text(" END")
}

func (n *When) format(p *printer) {
	p.node(" WHEN ", n.Condition)
	p.node(" THEN ", n.Result)
}

func (n *Cast) format(p *printer) {
	p.node("CAST(", n.Operand)
	p.node(" AS ", n.Type)
	p.text(")")
}

func (n *Collate) format(p *printer) {
	p.operand(n.Operand, precedenceCollate)
	p.node(" COLLATE ", n.Collation)
}

func (n *AtTimeZone) format(p *printer) {
	p.operand(n.Operand, precedenceAt)
	p.text(" AT TIME ZONE ")
	p.operand(n.Zone, precedenceAt+1)
}

func (n *ArrayConstructor) format(p *printer) {
	p.text("ARRAY[")
	commaList(p, n.Elements)
	p.text("]")
}

func (n *Row) format(p *printer) {
	p.when(n.Explicit, "ROW")
	p.text("(")
	commaList(p, n.Elements)
	p.text(")")
}

func (n *StructConstructor) format(p *printer) {
	p.text("STRUCT(")
	commaList(p, n.Fields)
	p.text(")")
}

func (n *StructField) format(p *printer) {
	p.name(n.Name.Value)
	p.node(" := ", n.Value)
}

func (n *MapConstructor) format(p *printer) {
	p.text("MAP(")
	commaList(p, n.Entries)
	p.text(")")
}

func (n *MapEntry) format(p *printer) {
	n.Key.format(p)
	p.node(" := ", n.Value)
}

func (n *CurrentOf) format(p *printer) {
	p.text("CURRENT OF ")
	p.name(n.Cursor.Value)
}
