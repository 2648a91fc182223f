package ast

import "strings"

// withClause writes WITH … in front of a statement.
func (p *printer) withClause(with *With) {
	if with != nil {
		with.format(p)
		p.text(" ")
	}
}

func (n *Insert) format(p *printer) {
	p.withClause(n.With)
	p.node("INSERT INTO ", n.Table)
	p.withOptions(n.Options)
	p.optionalIdentifier(" AS ", n.Alias)
	parenthesizedClause(p, " ", n.Columns)
	if n.Overriding != "" {
		p.text(" OVERRIDING ", strings.ToUpper(n.Overriding), " VALUE")
	}
	if n.Source == nil {
		p.text(" DEFAULT VALUES")
	} else {
		p.node(" ", n.Source)
	}
	if n.OnConflict != nil {
		n.OnConflict.format(p)
	}
	clause(p, " RETURNING ", n.Returning)
}

func (n *TargetColumn) format(p *printer) {
	p.name(n.Name.Value)
	for _, step := range n.Path {
		step.format(p)
	}
}

func (n *PathStep) format(p *printer) {
	switch {
	case n.Field != nil:
		p.optionalIdentifier(".", n.Field)
	case n.Slice:
		p.text("[")
		p.bounds(n.Low, n.High)
		p.text("]")
	default:
		p.node("[", n.Index)
		p.text("]")
	}
}

func (n *OnConflict) format(p *printer) {
	p.text(" ON CONFLICT")
	parenthesizedClause(p, " ", n.Columns)
	p.optional(" WHERE ", n.Where)
	p.optionalIdentifier(" ON CONSTRAINT ", n.Constraint)
	if n.DoNothing {
		p.text(" DO NOTHING")
		return
	}
	clause(p, " DO UPDATE SET ", n.Set)
	p.optional(" WHERE ", n.UpdateWhere)
}

func (n *Assignment) format(p *printer) {
	p.when(n.Multiple, "(")
	commaList(p, n.Columns)
	p.when(n.Multiple, ")")
	p.node(" = ", n.Value)
}

func (n *Update) format(p *printer) {
	p.withClause(n.With)
	p.node("UPDATE ", n.Table)
	clause(p, " SET ", n.Set)
	clause(p, " FROM ", n.From)
	p.optional(" WHERE ", n.Where)
	clause(p, " RETURNING ", n.Returning)
}

func (n *Delete) format(p *printer) {
	p.withClause(n.With)
	p.node("DELETE FROM ", n.Table)
	clause(p, " USING ", n.Using)
	p.optional(" WHERE ", n.Where)
	clause(p, " RETURNING ", n.Returning)
}

func (n *Truncate) format(p *printer) {
	clause(p, "TRUNCATE ", n.Tables)
	p.when(n.RestartIdentity, " RESTART IDENTITY")
	p.behavior(n.Behavior)
}

func (n *Copy) format(p *printer) {
	p.text("COPY ")
	if n.Statement != nil {
		p.node("(", n.Statement)
		p.text(")")
	} else {
		n.Table.format(p)
		p.parenthesizedIdentifiers(" ", n.Columns)
	}
	direction, stdio := " TO ", "STDOUT"
	if n.From {
		direction, stdio = " FROM ", "STDIN"
	}
	p.text(direction)
	switch n.Endpoint {
	case CopyStdio:
		p.text(stdio)
	case CopyProgram:
		p.text("PROGRAM ")
		p.quotedString(n.Path)
	default:
		p.quotedString(n.Path)
	}
	p.spacedOptions(" WITH ", n.Options)
	p.optional(" WHERE ", n.Where)
}
