package ast

import "strings"

func (n *Query) format(p *printer) {
	if n.With != nil {
		n.With.format(p)
		p.text(" ")
	}
	n.Body.format(p)
	clause(p, " ORDER BY ", n.OrderBy)
	if n.Limit != nil {
		n.Limit.format(p)
	}
	p.optional(" OFFSET ", n.Offset)
	for _, locking := range n.Locking {
		locking.format(p)
	}
	if n.Emit != nil {
		n.Emit.format(p)
	}
}

func (n *Select) format(p *printer) {
	p.text("SELECT")
	if n.Distinct {
		p.text(" DISTINCT")
		parenthesizedClause(p, " ON ", n.DistinctOn)
	}
	clause(p, " ", n.Targets)
	if n.Into != nil {
		n.Into.format(p)
	}
	clause(p, " FROM ", n.From)
	if n.Window != nil {
		p.node(" WINDOW ", n.Window)
	}
	p.optional(" WHERE ", n.Where)
	if n.GroupBy != nil {
		n.GroupBy.format(p)
	}
	clause(p, " PARTITION BY ", n.PartitionBy)
	p.optional(" HAVING ", n.Having)
	clause(p, " WINDOW ", n.Windows)
}

func (n *Target) format(p *printer) {
	n.Expr.format(p)
	p.optionalIdentifier(" AS ", n.Alias)
}

func (n *IntoTable) format(p *printer) {
	p.text(" INTO ")
	p.when(n.Temporary, "TEMPORARY ")
	p.when(n.Unlogged, "UNLOGGED ")
	p.node("TABLE ", n.Name)
}

func (n *GroupBy) format(p *printer) {
	p.text(" GROUP BY ")
	p.when(n.Distinct, "DISTINCT ")
	commaList(p, n.Items)
}

// groupingWords are the words in front of each kind's list.
var groupingWords = [...]string{
	GroupingEmpty: "", GroupingRollup: "ROLLUP ", GroupingCube: "CUBE ", GroupingSets: "GROUPING SETS ",
}

func (n *GroupingSet) format(p *printer) {
	p.text(groupingWords[n.Kind], "(")
	commaList(p, n.Items)
	p.text(")")
}

func (n *NamedWindow) format(p *printer) {
	p.name(n.Name.Value)
	p.node(" AS ", n.Spec)
}

var setOperatorWords = [...]string{Union: " UNION ", Intersect: " INTERSECT ", Except: " EXCEPT "}

func (n *SetOperation) format(p *printer) {
	p.setOperand(n.Left, n.Operator.precedence())
	p.text(setOperatorWords[n.Operator])
	p.when(n.All, "ALL ")
	p.setOperand(n.Right, n.Operator.precedence()+1)
}

// precedence tells how tightly the operator binds: INTERSECT more than others.
func (o SetOperator) precedence() int {
	if o == Intersect {
		return 2
	}
	return 1
}

// setOperand writes an operand, in parentheses if it binds less tightly than
// minimum or has clauses of its own.
func (p *printer) setOperand(body QueryBody, minimum int) {
	parenthesized := false
	switch body := body.(type) {
	case *Query:
		parenthesized = true
	case *SetOperation:
		parenthesized = body.Operator.precedence() < minimum
	}
	p.when(parenthesized, "(")
	body.format(p)
	p.when(parenthesized, ")")
}

func (n *Values) format(p *printer) {
	p.text("VALUES ")
	for i, row := range n.Rows {
		p.when(i > 0, ", ")
		p.text("(")
		commaList(p, row)
		p.text(")")
	}
}

func (n *TableQuery) format(p *printer) { p.node("TABLE ", n.Table) }

func (n *With) format(p *printer) {
	p.text("WITH ")
	p.when(n.Recursive, "RECURSIVE ")
	commaList(p, n.Tables)
}

var materializationWords = [...]string{
	MaterializeDefault: " AS ", Materialized: " AS MATERIALIZED ", NotMaterialized: " AS NOT MATERIALIZED ",
}

func (n *CommonTable) format(p *printer) {
	p.name(n.Name.Value)
	p.parenthesizedIdentifiers(" ", n.Columns)
	p.text(materializationWords[n.Hint], "(")
	n.Statement.format(p)
	p.text(")")
}

var (
	sortDirectionWords = [...]string{SortDefault: "", Ascending: " ASC", Descending: " DESC", SortUsing: " USING "}
	nullsOrderWords    = [...]string{NullsDefault: "", NullsFirst: " NULLS FIRST", NullsLast: " NULLS LAST"}
)

func (n *OrderItem) format(p *printer) {
	n.Expr.format(p)
	p.text(sortDirectionWords[n.Direction])
	if n.Using != nil {
		p.text(n.Using.text())
	}
	p.text(nullsOrderWords[n.Nulls])
}

func (n *Limit) format(p *printer) {
	if !n.WithTies {
		p.node(" LIMIT ", n.Count)
		return
	}
	p.text(" FETCH FIRST ")
	if _, ok := n.Count.(*IntegerLiteral); ok {
		n.Count.format(p)
	} else {
		// ROW and ROWS in front of an expression would be read as the end.
		p.node("(", n.Count)
		p.text(")")
	}
	p.text(" ROWS WITH TIES")
}

func (n *Locking) format(p *printer) {
	p.text(" FOR ", strings.ToUpper(n.Strength))
	clause(p, " OF ", n.Tables)
	p.when(n.Wait != "", " "+strings.ToUpper(n.Wait))
}

func (n *Emit) format(p *printer) {
	if n.Kind == EmitFinal {
		p.text(" EMIT FINAL")
	} else {
		p.text(" EMIT CHANGES")
	}
	p.withOptions(n.Options)
	p.optional(" LIMIT ", n.Limit)
}

var windowKindWords = [...]string{
	TumblingWindow: "TUMBLING (SIZE ", HoppingWindow: "HOPPING (SIZE ",
	SessionWindow: "SESSION (", CumulateWindow: "CUMULATE (SIZE ",
}

func (n *StreamWindow) format(p *printer) {
	p.optionalIdentifier("", n.Name)
	p.when(n.Name != nil, " ")
	p.node(windowKindWords[n.Kind], n.Size)
	p.duration(", ADVANCE BY ", n.Advance)
	p.duration(", RETENTION ", n.Retention)
	p.duration(", GRACE PERIOD ", n.Grace)
	p.text(")")
}

// duration writes a length of time behind a piece of text, nothing if it is nil.
func (p *printer) duration(before string, d *Duration) {
	if d != nil {
		p.node(before, d)
	}
}
