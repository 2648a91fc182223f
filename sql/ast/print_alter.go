package ast

import (
	"strconv"
	"strings"
)

// upper returns the kind as SQL spells it.
func (k ObjectKind) upper() string { return strings.ToUpper(string(k)) }

func (n *AlterRelation) format(p *printer) {
	p.text("ALTER ", n.Kind.upper(), " ")
	p.when(n.IfExists, "IF EXISTS ")
	n.Table.format(p)
	clause(p, " ", n.Actions)
}

func (n *AddColumn) format(p *printer) {
	p.text("ADD COLUMN ")
	p.when(n.IfNotExists, "IF NOT EXISTS ")
	n.Column.format(p)
}

func (n *DropColumn) format(p *printer) {
	p.text("DROP COLUMN ")
	p.when(n.IfExists, "IF EXISTS ")
	p.name(n.Column.Value)
	p.behavior(n.Behavior)
}

func (n *AlterColumn) format(p *printer) {
	p.text("ALTER COLUMN ")
	p.name(n.Column.Value)
	switch n.Kind {
	case SetColumnDefault:
		p.node(" SET DEFAULT ", n.Expr)
	case DropColumnDefault:
		p.text(" DROP DEFAULT")
	case SetColumnNotNull:
		p.text(" SET NOT NULL")
	case DropColumnNotNull:
		p.text(" DROP NOT NULL")
	case SetColumnType:
		p.node(" TYPE ", n.Type)
		p.collation(n.Collation)
		p.optional(" USING ", n.Expr)
	case SetColumnStatistics:
		p.text(" SET STATISTICS ", strconv.Itoa(n.Statistics))
	case SetColumnStorage:
		p.text(" SET STORAGE ")
		p.name(n.Storage)
	case SetColumnOptions:
		parenthesizedClause(p, " SET ", n.Options)
	case ResetColumnOptions:
		parenthesizedClause(p, " RESET ", n.Options)
	case AddColumnIdentity:
		p.text(" ADD ")
		p.generated(n.ByDefault)
		p.identity(n.Options)
	case DropColumnIdentity:
		p.text(" DROP IDENTITY")
		p.when(n.IfExists, " IF EXISTS")
	case DropColumnExpression:
		p.text(" DROP EXPRESSION")
		p.when(n.IfExists, " IF EXISTS")
	}
	p.behavior(n.Behavior)
}

func (n *AddConstraint) format(p *printer) { p.node("ADD ", n.Constraint) }

func (n *DropConstraint) format(p *printer) {
	p.text("DROP CONSTRAINT ")
	p.when(n.IfExists, "IF EXISTS ")
	p.name(n.Constraint.Value)
	p.behavior(n.Behavior)
}

func (n *ValidateConstraint) format(p *printer) {
	p.text("VALIDATE CONSTRAINT ")
	p.name(n.Constraint.Value)
}

func (n *RenameTo) format(p *printer) {
	p.text("RENAME TO ")
	p.name(n.Name.Value)
}

func (n *RenameMember) format(p *printer) {
	p.text("RENAME ", n.Kind.upper(), " ")
	p.name(n.Old.Value)
	p.text(" TO ")
	p.name(n.New.Value)
}

func (n *SetSchema) format(p *printer) {
	p.text("SET SCHEMA ")
	p.name(n.Schema.Value)
}

func (n *OwnerTo) format(p *printer) {
	p.text("OWNER TO ")
	p.role(n.Role.Value)
}

func (n *SetOptions) format(p *printer) {
	word := "SET "
	if n.Reset {
		word = "RESET "
	}
	parenthesizedClause(p, word, n.Options)
}

func (n *AlterFlag) format(p *printer) {
	p.text(strings.ToUpper(n.Words))
	if n.Name != nil {
		p.node(" ", n.Name)
	}
}

func (n *AlterSequenceOptions) format(p *printer) {
	for i, option := range n.Options {
		p.when(i > 0, " ")
		p.text(strings.ToUpper(option.Name))
		p.optional(" ", option.Value)
	}
}

func (n *AlterObject) format(p *printer) {
	p.text("ALTER ", n.Kind.upper(), " ")
	n.Name.format(p)
	p.node(" ", n.Action)
}

func (n *AddEnumValue) format(p *printer) {
	p.text("ADD VALUE ")
	p.when(n.IfNotExists, "IF NOT EXISTS ")
	p.quotedString(n.Label)
	if n.Place != "" {
		p.text(" ", strings.ToUpper(n.Place), " ")
		p.quotedString(n.Neighbor)
	}
}

func (n *RenameEnumValue) format(p *printer) {
	p.text("RENAME VALUE ")
	p.quotedString(n.Old)
	p.text(" TO ")
	p.quotedString(n.New)
}

func (n *AlterSystem) format(p *printer) { p.node("ALTER SYSTEM ", n.Set) }

func (n *AlterRole) format(p *printer) {
	p.text("ALTER ", strings.ToUpper(n.Word), " ")
	if n.All {
		p.text("ALL")
	} else {
		p.role(n.Name.Value)
	}
	p.optionalIdentifier(" IN DATABASE ", n.Database)
	switch {
	case n.Set != nil:
		p.node(" ", n.Set)
	case n.RenameTo != nil:
		p.text(" RENAME TO ")
		p.role(n.RenameTo.Value)
	default:
		p.wordOptions(n.Options)
	}
}

func (n *Drop) format(p *printer) {
	p.text("DROP ", n.Kind.upper(), " ")
	p.when(n.Concurrently, "CONCURRENTLY ")
	p.when(n.IfExists, "IF EXISTS ")
	switch n.Kind {
	case ObjectRole, ObjectUser, ObjectGroup:
		for i, role := range n.Names {
			p.when(i > 0, ", ")
			p.role(role.Last())
		}
	default:
		commaList(p, n.Names)
	}
	p.behavior(n.Behavior)
	p.when(n.DeleteTopic, " DELETE TOPIC")
}

func (n *Comment) format(p *printer) {
	p.text("COMMENT ON ", n.Kind.upper(), " ")
	n.Name.format(p)
	if n.Table != nil {
		p.node(" ON ", n.Table)
	}
	if n.Text == nil {
		p.text(" IS NULL")
		return
	}
	p.node(" IS ", n.Text)
}
