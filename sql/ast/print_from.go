package ast

import "strconv"

// alias writes an alias, nothing if it is nil.
func (p *printer) alias(a *Alias) {
	if a != nil {
		p.node(" AS ", a)
	}
}

func (n *Alias) format(p *printer) {
	p.name(n.Name.Value)
	p.parenthesizedIdentifiers(" ", n.Columns)
}

func (n *TableName) format(p *printer) {
	p.when(n.Only, "ONLY ")
	p.when(n.Changes, "CHANGES OF ")
	n.Name.format(p)
	if n.AsOf != nil {
		p.text(" FOR SYSTEM_TIME AS OF ")
		p.operand(n.AsOf, precedenceOther)
		p.duration(" GRACE PERIOD ", n.Grace)
	}
	p.alias(n.Alias)
	if n.Sample != nil {
		n.Sample.format(p)
	}
}

func (n *TableSample) format(p *printer) {
	p.text(" TABLESAMPLE ")
	p.callee(n.Method)
	parenthesizedClause(p, "", n.Args)
	if n.Repeatable != nil {
		p.node(" REPEATABLE (", n.Repeatable)
		p.text(")")
	}
}

// callee writes the name of a function.
func (p *printer) callee(n *Name) {
	if len(n.Parts) == 1 {
		p.functionName(n.Parts[0])
		return
	}
	n.format(p)
}

func (n *DerivedTable) format(p *printer) {
	p.when(n.Lateral, "LATERAL ")
	p.subquery("", n.Query)
	p.alias(n.Alias)
}

func (n *FunctionTable) format(p *printer) {
	p.when(n.Lateral, "LATERAL ")
	if n.RowsFrom {
		p.text("ROWS FROM (")
		commaList(p, n.Functions)
		p.text(")")
	} else {
		n.Functions[0].Call.format(p)
	}
	p.when(n.Ordinality, " WITH ORDINALITY")
	p.alias(n.Alias)
	if len(n.Columns) > 0 {
		p.when(n.Alias == nil, " AS")
		parenthesizedClause(p, " ", n.Columns)
	}
}

func (n *RowFunction) format(p *printer) {
	n.Call.format(p)
	parenthesizedClause(p, " AS ", n.Columns)
}

var joinWords = [...]string{
	InnerJoin: "JOIN ", LeftJoin: "LEFT JOIN ", RightJoin: "RIGHT JOIN ",
	FullJoin: "FULL JOIN ", CrossJoin: "CROSS JOIN ",
}

func (n *Join) format(p *printer) {
	n.Left.format(p)
	p.text(" ")
	p.when(n.Natural, "NATURAL ")
	p.when(n.AsOf, "ASOF ")
	p.node(joinWords[n.Kind], n.Right)
	if n.Within != nil {
		n.Within.format(p)
	}
	p.optional(" ON ", n.On)
	p.parenthesizedIdentifiers(" USING ", n.Using)
	p.optionalIdentifier(" AS ", n.UsingAlias)
}

func (n *Within) format(p *printer) {
	if n.After == nil {
		p.node(" WITHIN ", n.Before)
	} else {
		p.node(" WITHIN (", n.Before)
		p.node(", ", n.After)
		p.text(")")
	}
	p.duration(" GRACE PERIOD ", n.Grace)
}

func (n *ParenthesizedTable) format(p *printer) {
	p.node("(", n.Table)
	p.text(")")
	p.alias(n.Alias)
}

var unitWords = [...]string{
	Milliseconds: " MILLISECONDS", Seconds: " SECONDS", Minutes: " MINUTES", Hours: " HOURS",
	Days: " DAYS", Weeks: " WEEKS", Months: " MONTHS", Years: " YEARS",
}

func (n *Duration) format(p *printer) {
	if n.Interval != nil {
		n.Interval.format(p)
		return
	}
	p.text(strconv.FormatInt(n.Count, 10), unitWords[n.Unit])
}
