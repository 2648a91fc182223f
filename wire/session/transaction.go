package session

import (
	"context"
	"time"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/sql/ast"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
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
	locks *lock.Owner
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

// transactionModes are the settings that show the modes of the transaction, each
// with the setting that gives its default.
var transactionModes = [...]struct{ mode, standard int }{
	{settingNumbers["transaction_read_only"], settingNumbers["default_transaction_read_only"]},
	{settingNumbers["transaction_isolation"], settingNumbers["default_transaction_isolation"]},
	{settingNumbers["transaction_deferrable"], settingNumbers["default_transaction_deferrable"]},
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
	err := s.holdCursors(ctx)
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

// writeHeld makes the held writes, and what the transaction has defined, and sends the
// notifications.
func (s *Session) writeHeld(ctx context.Context) error {
	return s.commitNotifying(ctx, func() error { return s.writeHeldRows(ctx) })
}

// writeHeldRows makes the held writes, and what the transaction has defined.
func (s *Session) writeHeldRows(ctx context.Context) error {
	if s.ownCatalog() != nil {
		return s.commitDefinitions(ctx)
	}
	if writes := s.heldWrites(); len(writes) > 0 {
		if err := s.writeNow(ctx, writes, true); err != nil {
			return err
		}
	}
	return s.keepRestarts(ctx)
}

// heldWrites takes what is held as it is to be written.
func (s *Session) heldWrites() []exec.Rows {
	var writes []exec.Rows
	for i := range s.transaction.held {
		if rows, counts := s.fitted(i); counts && rows.Relation.Kind == catalog.KindStream {
			writes = append(writes, rows)
		}
	}
	if s.ownCatalog() != nil {
		s.refit() // the copy of the catalog may be another one
	}
	if s.transaction.overlay != nil {
		writes = append(writes, s.transaction.overlay.Steps()...)
	}
	s.transaction.held, s.transaction.heldBytes, s.transaction.overlay = nil, 0, nil
	return writes
}

// hold keeps rows until the transaction commits. The batch belongs to the
// session from then on.
func (s *Session) hold(rows exec.Rows) error {
	limit := s.heldLimit()
	s.transaction.heldBytes += batchBytes(rows.Batch)
	if rows.Old != nil {
		s.transaction.heldBytes += batchBytes(rows.Old)
	}
	if s.transaction.heldBytes > limit {
		return errHeldTooMuch(limit).WithHint("Rows are held until COMMIT. Write less in one transaction, or COPY outside of one.")
	}
	s.transaction.held = append(s.transaction.held, rows)
	s.transaction.overlayRows(rows)
	return nil
}

// errHeldTooMuch is the error of a transaction that would hold more than limit bytes.
func errHeldTooMuch(limit int) *sqlerr.Error {
	return sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "the transaction holds more than %d bytes of rows", limit)
}

// heldLimit bounds the bytes that a transaction holds.
func (s *Session) heldLimit() int {
	if s.options.HeldBytes == 0 {
		return defaultHeldBytes
	}
	return s.options.HeldBytes
}

// overlayRows adds a held write to the overlay. A query that reads through it
// goes on with what it has begun with.
func (t *transaction) overlayRows(rows exec.Rows) {
	if rows.Relation.Kind != catalog.KindTable {
		return
	}
	switch {
	case t.overlay == nil:
		t.overlay, t.readers = exec.NewOverlay(), new(int)
	case *t.readers > 0:
		t.overlay, t.readers = t.overlay.Clone(), new(int)
	}
	t.overlay.Add(rows)
}

// cut drops the held writes from a number on.
func (s *Session) cut(held, heldBytes int) {
	t := &s.transaction
	if held == len(t.held) && t.definitions == nil {
		return
	}
	clear(t.held[held:])
	t.held, t.heldBytes = t.held[:held], heldBytes
	s.refit()
}

// batchBytes estimates the memory of a batch.
func batchBytes(b *types.Batch) int {
	const stringHeader = 16
	n := 0
	for i := range b.Columns {
		v := &b.Columns[i]
		n += 8*len(v.Ints) + 8*len(v.Floats) + stringHeader*len(v.Strs)
		for _, str := range v.Strs {
			n += len(str)
		}
	}
	return n
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

// chainModes returns the settings that show the transaction's modes, which AND CHAIN
// hands on.
func (s *Session) chainModes() [len(transactionModes)]string {
	var modes [len(transactionModes)]string
	for i, pair := range transactionModes {
		modes[i] = s.settings.byNumber[pair.mode]
	}
	return modes
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
