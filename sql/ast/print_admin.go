package ast

import "strings"

func (n *Privilege) format(p *printer) {
	switch n.Name {
	case "all", "select", "references", "create", "alter system":
		p.text(strings.ToUpper(n.Name))
	default:
		p.name(n.Name)
	}
	p.parenthesizedIdentifiers(" ", n.Columns)
}

func (n *Grant) format(p *printer) {
	option, direction := "GRANT OPTION", " TO "
	if n.Kind == "" {
		option = "ADMIN OPTION"
	}
	if n.Revoke {
		direction = " FROM "
		p.text("REVOKE ")
		p.when(n.Option, option+" FOR ")
	} else {
		p.text("GRANT ")
	}
	commaList(p, n.Privileges)
	if n.Kind != "" {
		p.text(" ON ")
		if n.AllInSchema {
			p.text("ALL ", n.Kind.upper(), "S IN SCHEMA ")
		} else {
			p.text(n.Kind.upper(), " ")
		}
		commaList(p, n.Objects)
	}
	p.text(direction)
	for i, role := range n.Roles {
		p.when(i > 0, ", ")
		p.role(role.Value)
	}
	p.when(!n.Revoke && n.Option, " WITH "+option)
	if n.GrantedBy != nil {
		p.text(" GRANTED BY ")
		p.role(n.GrantedBy.Value)
	}
	p.behavior(n.Behavior)
}

func (n *Maintain) format(p *printer) {
	if n.Vacuum {
		p.text("VACUUM")
	} else {
		p.text("ANALYZE")
	}
	p.spacedOptions(" ", n.Options)
	clause(p, " ", n.Tables)
}

func (n *MaintainTable) format(p *printer) {
	n.Table.format(p)
	p.parenthesizedIdentifiers(" ", n.Columns)
}

func (n *Cluster) format(p *printer) {
	p.text("CLUSTER")
	p.spacedOptions(" ", n.Options)
	if n.Table != nil {
		p.text(" ")
		n.Table.format(p)
	}
	p.optionalIdentifier(" USING ", n.Index)
}

func (n *Reindex) format(p *printer) {
	p.text("REINDEX")
	p.spacedOptions(" ", n.Options)
	p.text(" ", strings.ToUpper(n.Object), " ")
	p.when(n.Concurrently, "CONCURRENTLY ")
	n.Name.format(p)
}

func (n *RefreshMaterializedView) format(p *printer) {
	p.text("REFRESH MATERIALIZED VIEW ")
	p.when(n.Concurrently, "CONCURRENTLY ")
	n.Name.format(p)
	p.when(n.WithNoData, " WITH NO DATA")
}

func (n *Checkpoint) format(p *printer) { p.text("CHECKPOINT") }
