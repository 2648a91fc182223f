package session

import (
	"millrace/sql/ast"
	"millrace/sql/sqlerr"
)

// transactionModes are the settings that show the modes of the transaction, each
// with the setting that gives its default.
var transactionModes = [...]struct{ mode, standard int }{
	{settingNumbers["transaction_read_only"], settingNumbers["default_transaction_read_only"]},
	{settingNumbers["transaction_isolation"], settingNumbers["default_transaction_isolation"]},
	{settingNumbers["transaction_deferrable"], settingNumbers["default_transaction_deferrable"]},
}

// checkModesInTime refuses modes that come too late: behind a query, or in a
// savepoint of a transaction that only reads.
func (s *Session) checkModesInTime(modes ast.TransactionModes) error {
	if err := s.checkLevelInTime(isolationName(modes.Isolation)); err != nil {
		return err
	}
	if modes.Access != ast.ReadWrite {
		return nil
	}
	return s.checkWritableInTime()
}

// checkWritableInTime refuses to let a transaction write that may not, once it
// has begun to read.
func (s *Session) checkWritableInTime() error {
	t := &s.transaction
	switch {
	case !t.readOnly:
		return nil
	case len(t.savepoints) > 0:
		return sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "cannot set transaction read-write mode inside a read-only transaction")
	case t.queried:
		return sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "transaction read-write mode must be set before any query")
	default:
		return nil
	}
}

// setModes applies the modes of BEGIN and SET TRANSACTION to the transaction.
func (s *Session) setModes(modes ast.TransactionModes) error {
	if err := s.checkModesInTime(modes); err != nil {
		return err
	}
	switch modes.Access {
	case ast.ReadOnly:
		s.transaction.readOnly = true
	case ast.ReadWrite:
		s.transaction.readOnly = false
	}
	local := func(name, value string) {
		s.settings = s.settings.replace(settingNumbers[name], value)
	}
	if modes.Access != ast.AccessDefault {
		local("transaction_read_only", onOff(s.transaction.readOnly))
	}
	if level := isolationName(modes.Isolation); level != "" {
		local("transaction_isolation", level)
	}
	if modes.Deferrable != ast.DeferrableDefault {
		local("transaction_deferrable", onOff(modes.Deferrable == ast.Deferrable))
	}
	return nil
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

func isolationName(level ast.IsolationLevel) string {
	switch level {
	case ast.Serializable:
		return "serializable"
	case ast.RepeatableRead:
		return "repeatable read"
	case ast.ReadCommitted:
		return "read committed"
	case ast.ReadUncommitted:
		return "read uncommitted"
	default:
		return ""
	}
}

// chainModes returns the settings that show the transaction's modes, which AND CHAIN
// hands on.
func (s *Session) chainModes() [len(transactionModes)]string {
	var modes [len(transactionModes)]string
	for i, pair := range transactionModes {
		modes[i] = s.settings.byNumber[pair.mode]
	}
	return modes
}

// setTransaction is SET TRANSACTION and SET SESSION CHARACTERISTICS.
func (s *Session) setTransaction(n *ast.SetTransaction) (string, error) {
	if n.Snapshot != nil {
		return "", sqlerr.New(sqlerr.FeatureNotSupported, n.Pos(), "SET TRANSACTION SNAPSHOT is not supported")
	}
	if n.Session {
		if n.Modes.Access != ast.AccessDefault {
			s.set("default_transaction_read_only", onOff(n.Modes.Access == ast.ReadOnly))
		}
		if level := isolationName(n.Modes.Isolation); level != "" {
			s.set("default_transaction_isolation", level)
		}
		if n.Modes.Deferrable != ast.DeferrableDefault {
			s.set("default_transaction_deferrable", onOff(n.Modes.Deferrable == ast.Deferrable))
		}
		return "SET", nil
	}
	if !s.inBlock() {
		err := s.notice("WARNING", sqlerr.New(sqlerr.NoActiveSQLTransaction, -1,
			"SET TRANSACTION can only be used in transaction blocks"))
		return "SET", err
	}
	return "SET", s.setModes(n.Modes)
}

// set gives a setting, by its name in lower case, a value in its kept form for
// the rest of the session.
func (s *Session) set(name, value string) {
	i := settingNumbers[name]
	s.settings = s.settings.replace(i, value)
	s.lasting = s.lasting.replace(i, value)
}

// requireWritable refuses a write in a read-only transaction.
func (s *Session) requireWritable(statement string) error {
	if s.transaction.readOnly {
		return sqlerr.New(sqlerr.ReadOnlySQLTransaction, -1, "cannot execute %s in a read-only transaction", statement)
	}
	if s.isolation() == "serializable" {
		return sqlerr.New(sqlerr.FeatureNotSupported, -1, "%s in a transaction of isolation level SERIALIZABLE is not supported", statement).
			WithHint("Use REPEATABLE READ, and SELECT … FOR UPDATE for rows on which a write depends; SERIALIZABLE, READ ONLY is the same as REPEATABLE READ, READ ONLY.")
	}
	return nil
}
