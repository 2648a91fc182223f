package session

import (
	"context"
	"time"

	"millrace/exec"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
)

// transactionState is where a session stands between BEGIN and COMMIT.
type transactionState uint8

const (
	// stateNone is outside a block: statements commit by themselves, or
	// together where one message has several.
	stateNone transactionState = iota
	// stateBlock is behind BEGIN.
	stateBlock
	// stateFailed is a block in which a statement failed.
	stateFailed
)

// transaction is the open transaction, in a block or not.
type transaction struct {
	state transactionState
	// started is the time that now() gives; zero while nothing has run.
	started time.Time
	// readOnly refuses writes.
	readOnly bool
	// several says that the transaction is that of several statements in one Query
	// message, which make a block of their own.
	several bool
	// queried says that a statement which reads or writes tables has begun.
	queried bool
	// view is what all statements of a REPEATABLE READ or SERIALIZABLE transaction read,
	// nil before the first one.
	view *exec.View
	// held are the writes to be made at COMMIT, heldBytes their size in memory.
	held      []exec.Rows
	heldBytes int
	// overlay is what the held writes make of source tables, nil for nothing, and
	// readers how many queries are reading through it.
	overlay *exec.Overlay
	readers *int
	// locks is the owner of the transaction's locks, nil before the first.
	locks exec.LockOwner
	// locksAlone says that no statement before the running one holds any.
	locksAlone bool
	// restarts are the sequences that the transaction began anew, as it sees them.
	restarts map[catalog.ObjectID]catalog.Sequence
	// definitions are what it has defined, nil for nothing.
	definitions *definitions
	// settings and lasting are the session's before the transaction.
	settings, lasting *values
	savepoints        []savepoint
	notifications     notifications
}

// TransactionStatus returns the letter that ReadyForQuery carries: I outside a
// block, T in one, E in a failed one.
func (s *Session) TransactionStatus() byte {
	switch s.transaction.state {
	case stateBlock:
		return 'T'
	case stateFailed:
		return 'E'
	default:
		return 'I'
	}
}

// openTransaction begins a transaction, if none is open, around a statement.
// Its modes are the defaults of the settings.
func (s *Session) openTransaction() {
	if !s.transaction.started.IsZero() {
		return
	}
	s.transaction = transaction{
		started: s.now(), readOnly: s.settings.readOnly,
		settings: s.settings, lasting: s.lasting,
	}
	for _, pair := range transactionModes {
		s.settings = s.settings.replace(pair.mode, s.settings.byNumber[pair.standard])
	}
}

func (s *Session) transactionTime() time.Time {
	if s.transaction.started.IsZero() {
		return s.now()
	}
	return s.transaction.started
}

// Abort tells the session that a message failed: in a block, the block has
// failed; outside, what the messages before it wrote is dropped.
func (s *Session) Abort() {
	if s.transaction.state == stateNone {
		s.rollback()
		return
	}
	s.transaction.state = stateFailed
	// What is left waits for ROLLBACK TO a savepoint, or for the block's end.
	mark := 0
	if points := s.transaction.savepoints; len(points) > 0 {
		mark = points[len(points)-1].locks
	}
	s.releaseLocks(mark)
}

// rollback drops the transaction.
func (s *Session) rollback() {
	if s.transaction.settings != nil {
		s.settings, s.lasting = s.transaction.settings, s.transaction.lasting
	}
	s.endTransaction(true)
}

// endTransaction closes what lives no longer than its transaction. What it wrote
// is applied by then.
func (s *Session) endTransaction(failed bool) {
	s.releaseLocks(0)
	s.closePortals()
	for name, c := range s.cursors {
		if !c.hold || failed && c.inTransaction {
			s.closeCursor(name)
			continue
		}
		c.inTransaction = false
	}
	s.dropDefinitions()
	s.closeView()
	s.transaction = transaction{}
}

// commit writes what is held, all or nothing, and ends the transaction. On
// error the transaction is rolled back.
func (s *Session) commit(ctx context.Context) error {
	err := s.checkLocks(ctx)
	if err == nil {
		err = s.holdCursors(ctx)
	}
	if err == nil {
		err = s.writeHeld(ctx)
	}
	if err != nil {
		s.rollback()
		return err
	}
	s.settings = s.lasting
	s.endTransaction(false)
	return nil
}

// begin is BEGIN and START TRANSACTION.
func (s *Session) begin(n *ast.Begin) (string, error) {
	if s.transaction.state == stateBlock {
		err := s.notice("WARNING", sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "there is already a transaction in progress"))
		if err != nil {
			return "", err
		}
	}
	if err := s.setModes(n.Modes); err != nil {
		return "", err
	}
	s.transaction.state = stateBlock
	if n.Start {
		return "START TRANSACTION", nil
	}
	return "BEGIN", nil
}

// warnNoTransaction is the answer to COMMIT and ROLLBACK outside a block.
func (s *Session) warnNoTransaction() error {
	return s.notice("WARNING", sqlerr.New(sqlerr.NoActiveSQLTransaction, -1, "there is no transaction in progress"))
}

// commitStatement is COMMIT. In a failed block it rolls back, and says so in
// its tag.
func (s *Session) commitStatement(ctx context.Context, n *ast.Commit) (string, error) {
	modes := s.chainModes()
	switch s.transaction.state {
	case stateNone:
		if n.Chain {
			return "", chainOutside("COMMIT")
		}
		if err := s.warnNoTransaction(); err != nil {
			return "", err
		}
	case stateFailed:
		s.rollback()
		s.chain(n.Chain, modes)
		return "ROLLBACK", nil
	}
	if err := s.commit(ctx); err != nil {
		return "", err
	}
	s.chain(n.Chain, modes)
	return "COMMIT", nil
}

// rollbackStatement is ROLLBACK.
func (s *Session) rollbackStatement(n *ast.Rollback) (string, error) {
	modes := s.chainModes()
	if s.transaction.state == stateNone {
		if n.Chain {
			return "", chainOutside("ROLLBACK")
		}
		if err := s.warnNoTransaction(); err != nil {
			return "", err
		}
	}
	s.rollback()
	s.chain(n.Chain, modes)
	return "ROLLBACK", nil
}

func chainOutside(statement string) error {
	return sqlerr.New(sqlerr.NoActiveSQLTransaction, -1, "%s AND CHAIN can only be used in transaction blocks", statement)
}

// chain begins the next block where AND CHAIN was written.
func (s *Session) chain(chain bool, modes [len(transactionModes)]string) {
	if !chain {
		return
	}
	s.openTransaction()
	s.transaction.state = stateBlock
	for i, pair := range transactionModes {
		s.settings = s.settings.replace(pair.mode, modes[i])
	}
	s.transaction.readOnly = s.settings.byNumber[settingNumbers["transaction_read_only"]] == "on"
}

// untouched reports whether a statement that comes now and alone may commit by itself.
func (t *transaction) untouched() bool {
	return t.state == stateNone && len(t.held) == 0 && t.definitions == nil && t.view == nil
}

// inBlock reports whether the statement has others around it in its
// transaction: behind BEGIN, or in a Query message with several.
func (s *Session) inBlock() bool {
	return s.transaction.state != stateNone || s.transaction.several
}

// requireBlock refuses a statement that is of no use outside BEGIN … COMMIT.
func (s *Session) requireBlock(statement string) error {
	if s.transaction.state == stateNone {
		return sqlerr.New(sqlerr.NoActiveSQLTransaction, -1, "%s can only be used in transaction blocks", statement)
	}
	return nil
}

// requireTogether is requireBlock for a statement that several statements in one
// Query message make useful, too.
func (s *Session) requireTogether(statement string) error {
	if s.transaction.several {
		return nil
	}
	return s.requireBlock(statement)
}

// errBlockFailed is the answer to statements in a failed block.
func errBlockFailed() error {
	return sqlerr.New(sqlerr.InFailedSQLTransaction, -1,
		"current transaction is aborted, commands ignored until end of transaction block")
}

// allowedInFailed reports whether a statement may run in a failed block: those
// that end it.
func allowedInFailed(tree ast.Statement) bool {
	switch tree.(type) {
	case *ast.Commit, *ast.Rollback, *ast.RollbackTo:
		return true
	default:
		return false
	}
}
