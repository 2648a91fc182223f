package ast

import "strings"

var (
	isolationWords = [...]string{
		IsolationDefault: "", Serializable: "ISOLATION LEVEL SERIALIZABLE",
		RepeatableRead:  "ISOLATION LEVEL REPEATABLE READ",
		ReadCommitted:   "ISOLATION LEVEL READ COMMITTED",
		ReadUncommitted: "ISOLATION LEVEL READ UNCOMMITTED",
	}
	accessWords     = [...]string{AccessDefault: "", ReadWrite: "READ WRITE", ReadOnly: "READ ONLY"}
	deferrableWords = [...]string{DeferrableDefault: "", Deferrable: "DEFERRABLE", NotDeferrable: "NOT DEFERRABLE"}
)

// modes writes the modes of a transaction, with a space in front of the first.
func (p *printer) modes(m TransactionModes) {
	separator := " "
	for _, mode := range []string{isolationWords[m.Isolation], accessWords[m.Access], deferrableWords[m.Deferrable]} {
		if mode != "" {
			p.text(separator, mode)
			separator = ", "
		}
	}
}

func (n *Begin) format(p *printer) {
	if n.Start {
		p.text("START TRANSACTION")
	} else {
		p.text("BEGIN")
	}
	p.modes(n.Modes)
}

func (n *Commit) format(p *printer) {
	p.text("COMMIT")
	p.when(n.Chain, " AND CHAIN")
}

func (n *Rollback) format(p *printer) {
	p.text("ROLLBACK")
	p.when(n.Chain, " AND CHAIN")
}

func (n *Savepoint) format(p *printer) {
	p.text("SAVEPOINT ")
	p.name(n.Name.Value)
}

func (n *ReleaseSavepoint) format(p *printer) {
	p.text("RELEASE SAVEPOINT ")
	p.name(n.Name.Value)
}

func (n *RollbackTo) format(p *printer) {
	p.text("ROLLBACK TO SAVEPOINT ")
	p.name(n.Name.Value)
}

func (n *PrepareTransaction) format(p *printer) {
	p.text("PREPARE TRANSACTION ")
	p.quotedString(n.ID)
}

func (n *FinishPrepared) format(p *printer) {
	if n.Rollback {
		p.text("ROLLBACK PREPARED ")
	} else {
		p.text("COMMIT PREPARED ")
	}
	p.quotedString(n.ID)
}

func (n *SetTransaction) format(p *printer) {
	switch {
	case n.Session:
		p.text("SET SESSION CHARACTERISTICS AS TRANSACTION")
	case n.Snapshot != nil:
		p.node("SET TRANSACTION SNAPSHOT ", n.Snapshot)
	default:
		p.text("SET TRANSACTION")
	}
	p.modes(n.Modes)
}

func (n *SetConstraints) format(p *printer) {
	p.text("SET CONSTRAINTS ")
	p.when(len(n.Names) == 0, "ALL")
	commaList(p, n.Names)
	if n.Deferred {
		p.text(" DEFERRED")
	} else {
		p.text(" IMMEDIATE")
	}
}

func (n *Lock) format(p *printer) {
	clause(p, "LOCK TABLE ", n.Tables)
	if n.Mode != "" {
		p.text(" IN ", strings.ToUpper(n.Mode), " MODE")
	}
	p.when(n.NoWait, " NOWAIT")
}
