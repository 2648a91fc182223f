package session

import (
	"context"
	"slices"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// Definitions in transactions.
//
// A transaction that defines something has a copy of the catalog to which its commands
// are applied (catalog.Snapshot.Extend). Its statements are planned against the copy,
// system tables show it, and nobody else sees it. COMMIT hands the commands over as one
// (catalog.Define), together with the rows that the transaction wrote: exec says which
// entry of which log decides, and what a crash leaves.
//
// Invariants:
//   - The copy is the catalog of now with the steps applied in order. Where others have
//     changed the catalog, the copy is made anew before the next statement is planned
//     (rebase); what cannot be applied any more is 40001.
//   - What is changed or dropped is locked as ACCESS EXCLUSIVE until the transaction
//     ends, and so is what is made, which others see at COMMIT before its rows are
//     there. So no other transaction has read or written these relations since the
//     first definition, nor will before the end.
//   - The rows that are held were made for the relation as it was then. They are fitted
//     to the relation as it is where they are read (the overlay) and at COMMIT; those of
//     relations that the transaction has dropped are left out, and so are those from
//     before the table was rewritten, which the rewritten rows contain.
//   - ROLLBACK TO a savepoint drops the steps behind it. The IDs of what they made are
//     not given again in this transaction.
//   - Continuous queries begin at COMMIT. Their results cannot be read before.

// definitions is what the open transaction has defined.
type definitions struct {
	// steps are the commands, and copy is base, a version of everybody's catalog, with
	// them. Without steps there is no copy.
	steps      []catalog.Step
	base, copy *catalog.Snapshot
	// first to end, end left out, are the IDs that are reserved, next the next one.
	first, next, end catalog.ObjectID
	// rewrites are the tables that were rewritten, and how many writes were held then.
	rewrites []rewritten
}

// rewritten is a table whose rows from before count no more.
type rewritten struct {
	table catalog.ObjectID
	held  int
}

// reservedIDs is how many IDs a transaction reserves: so many objects, with their
// constraints, it can make.
const reservedIDs = 1 << 14

// catalog returns the catalog as the session's transaction sees it.
func (s *Session) catalog() *catalog.Snapshot {
	if own := s.ownCatalog(); own != nil {
		return own
	}
	return s.options.Backend.Catalog()
}

// ownCatalog returns the transaction's copy of the catalog, nil for none.
func (s *Session) ownCatalog() *catalog.Snapshot {
	if d := s.transaction.definitions; d != nil {
		return d.copy
	}
	return nil
}

// rebase makes the transaction's copy of the catalog anew where the catalog has
// changed since.
func (s *Session) rebase() error {
	d := s.transaction.definitions
	if d == nil || d.copy == nil {
		return nil
	}
	base := s.options.Backend.Catalog()
	if base.Version() == d.base.Version() {
		return nil
	}
	return s.replay(base)
}

// replay applies the transaction's steps to a version of the catalog.
func (s *Session) replay(base *catalog.Snapshot) error {
	d := s.transaction.definitions
	if len(d.steps) == 0 {
		d.base, d.copy = nil, nil
		return nil
	}
	replayed, _, err := base.Replay(d.steps)
	if err != nil {
		return err
	}
	d.base, d.copy = base, replayed
	return nil
}

// rebaseCommand is rebase for a command that was planned before.
func (s *Session) rebaseCommand(command catalog.Command) (catalog.Command, error) {
	d := s.transaction.definitions
	if d == nil || d.copy == nil {
		return command, nil
	}
	planned := d.base.Version()
	if err := s.rebase(); err != nil {
		return nil, err
	}
	return catalog.Moved(command, planned, d.base.Version()), nil
}

// defineHeld carries a command out for the transaction alone. The command was planned by
// the copy of the catalog that there is.
func (s *Session) defineHeld(ctx context.Context, command catalog.Command) (catalog.Result, error) {
	if err := s.reserveIDs(ctx); err != nil {
		return catalog.Result{}, err
	}
	d := s.transaction.definitions
	base, before := d.base, d.copy
	if before == nil {
		base = s.options.Backend.Catalog()
		before = base
	}
	after, step, result, err := before.Extend(command, base.Version(), d.next)
	if err != nil {
		return result, err
	}
	if after.NextID() > d.end {
		return result, sqlerr.New(sqlerr.ProgramLimitExceeded, -1, "a transaction cannot define more than %d objects", reservedIDs).
			WithHint("Define them in several transactions.")
	}
	if step.Changes == 0 {
		return result, nil
	}
	d.next = max(d.next, after.NextID())
	d.base, d.copy, d.steps = base, after, append(d.steps, step)
	if err := s.takeCreated(ctx, result.Created); err != nil {
		return result, err
	}
	if s.changesHeld(before, after) {
		s.refit()
	}
	return result, nil
}

// changesHeld reports whether something that the transaction has written to is another
// one in the second catalog.
func (s *Session) changesHeld(before, after *catalog.Snapshot) bool {
	known := map[catalog.ObjectID]bool{}
	for i := range s.transaction.held {
		id := s.transaction.held[i].Relation.ID
		if known[id] {
			continue
		}
		known[id] = true
		if before.Relation(id) != after.Relation(id) || before.Index(id) != after.Index(id) ||
			!slices.Equal(before.UniqueOf(id), after.UniqueOf(id)) {
			return true
		}
	}
	return false
}

// takeCreated locks the relations that a command has made, and begins the sequences
// as the transaction's own.
func (s *Session) takeCreated(ctx context.Context, created []catalog.ObjectID) error {
	own := s.ownCatalog()
	for _, id := range created {
		if r := own.Relation(id); r != nil {
			if _, err := s.lockTable(ctx, r, lock.AccessExclusive, lock.Block); err != nil {
				return err
			}
		}
		if q := own.Sequence(id); q != nil {
			s.restart(*q)
		}
	}
	return nil
}

// reserveIDs reserves IDs for the transaction, once.
func (s *Session) reserveIDs(ctx context.Context) error {
	if s.transaction.definitions != nil {
		return nil
	}
	result, err := s.options.Backend.Define(ctx, &catalog.ReserveIDs{Count: reservedIDs})
	if err != nil {
		return interrupted(ctx, err)
	}
	first := catalog.ObjectID(result.First)
	s.transaction.definitions = &definitions{first: first, next: first, end: first + reservedIDs}
	return nil
}

// dropDefinitions forgets what a transaction has defined that is rolled back.
func (s *Session) dropDefinitions() {
	d := s.transaction.definitions
	if d == nil {
		return
	}
	s.transaction.definitions = nil
	s.forgetSequences(d)
	ctx, end := context.WithTimeout(context.Background(), writeGrace)
	defer end()
	if _, err := s.options.Backend.Define(ctx, &catalog.ReturnIDs{First: d.first, End: d.end}); err != nil {
		s.logger.Debug("reserved IDs were not given back", "error", err)
	}
}

// forgetSequences forgets the values taken of sequences that the transaction has made
// and that are gone.
func (s *Session) forgetSequences(d *definitions) {
	for id := range s.sequences.current {
		if id >= d.first && id < d.end && s.catalog().Sequence(id) == nil {
			delete(s.sequences.current, id)
			if s.sequences.last == id {
				s.sequences.last = 0
			}
		}
	}
}

// undefine goes back to a number of steps and rewrites.
func (s *Session) undefine(steps, rewrites int) error {
	d := s.transaction.definitions
	if d == nil || len(d.steps) == steps {
		return nil
	}
	d.steps, d.rewrites = d.steps[:steps], d.rewrites[:rewrites]
	if err := s.replay(s.options.Backend.Catalog()); err != nil {
		return err
	}
	s.forgetSequences(d)
	return nil
}

// counts returns the numbers of steps and rewrites, for undefine; d may be nil.
func (d *definitions) counts() (steps, rewrites int) {
	if d == nil {
		return 0, 0
	}
	return len(d.steps), len(d.rewrites)
}

// refit makes the overlay anew from the held writes, after relations or what is held
// has changed.
func (s *Session) refit() {
	t := &s.transaction
	t.overlay = nil
	for i := range t.held {
		if rows, counts := s.fitted(i); counts {
			t.overlayRows(rows)
		}
	}
}

// fitted returns a held write as it is to be done to the relation as it is now; counts
// is false where it is not to be done any more.
func (s *Session) fitted(i int) (rows exec.Rows, counts bool) {
	rows = s.transaction.held[i]
	own := s.ownCatalog()
	if own == nil {
		return rows, true
	}
	for _, r := range s.transaction.definitions.rewrites {
		if r.table == rows.Relation.ID && i < r.held {
			return rows, false
		}
	}
	now := own.Relation(rows.Relation.ID)
	if now == nil {
		now = own.UniqueRelation(rows.Relation.ID)
	}
	if now == nil {
		return rows, false
	}
	rows.Relation, rows.Batch, rows.Old = now, widened(rows.Batch, now), widened(rows.Old, now)
	if now.Kind == catalog.KindTable && now.Index == nil {
		rows.Unique = indexIDs(own.UniqueOf(now.ID))
	}
	return rows, true
}

// widened returns rows with the columns that were added to their relation since they
// were made; b may be nil.
func widened(b *types.Batch, now *catalog.Relation) *types.Batch {
	if b == nil || len(b.Columns) >= len(now.Columns) {
		return b
	}
	wide := *b
	wide.Columns = append([]types.Vector(nil), b.Columns...)
	for i := len(b.Columns); i < len(now.Columns); i++ {
		column := types.Vector{Type: now.Columns[i].Type}
		for range b.Len {
			column.Append(now.Columns[i].Missing)
		}
		wide.Columns = append(wide.Columns, column)
	}
	return &wide
}

// commitDefinitions makes what the transaction has defined and written everybody's.
func (s *Session) commitDefinitions(ctx context.Context) error {
	if err := s.rebase(); err != nil {
		return err
	}
	d := s.transaction.definitions
	command := &catalog.Define{Steps: d.steps, End: d.end}
	if held, is := s.held(command).(*catalog.Held); is {
		command.Held, command.Reign, command.Holder = true, held.Reign, held.Holder
	}
	for id, q := range s.transaction.restarts {
		if d.copy.Sequence(id) == nil {
			continue
		}
		set := &catalog.SetSequence{ID: id, Value: q.Last, Called: q.Called}
		command.Steps = append(command.Steps, catalog.Step{Command: set, Base: d.base.Version(), First: d.next})
	}
	writes := s.heldWrites()
	before, after := d.base, d.copy
	var changed []catalog.ObjectID
	for _, relation := range after.Relations() {
		if was := before.Relation(relation.ID); was != nil && was != relation {
			changed = append(changed, relation.ID)
		}
	}
	defer s.options.Feeds.pause(ctx, changed, len(writes) > 0)()
	err := s.defineNow(ctx, command, after, writes)
	if sqlerr.CodeOf(err) != sqlerr.SerializationFailure {
		// The IDs are in use, or may be.
		s.transaction.definitions, s.transaction.restarts = nil, nil
	}
	return err
}

// defineNow commits definitions with the rows of the transaction.
func (s *Session) defineNow(ctx context.Context, command *catalog.Define, after *catalog.Snapshot, writes []exec.Rows) error {
	if len(writes) == 0 {
		_, err := s.options.Backend.Define(ctx, command)
		return interrupted(ctx, err)
	}
	return s.seeThrough(ctx, func(life context.Context) error {
		return s.backendWriter().WriteDefining(life, command, after, writes)
	})
}

// refuseUnbegun refuses to read results of continuous queries that begin when the
// transaction commits, and to follow what it has made or changed.
func (s *Session) refuseUnbegun(q *plan.Query) error {
	d := s.transaction.definitions
	if d == nil || d.copy == nil {
		return nil
	}
	for _, r := range q.Sources {
		before := d.base.Relation(r.ID)
		switch {
		case before == nil && r.Query != 0:
			return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "%s %q has no rows before the transaction that creates it commits", r.Kind, r.Name).
				WithHint("The continuous query that computes it begins at COMMIT.")
		case q.Emit != plan.EmitNone && before != r:
			return sqlerr.New(sqlerr.ObjectNotInPrerequisiteState, -1, "%s %q cannot be followed before the transaction that defines it commits", r.Kind, r.Name).
				WithHint("COMMIT, then run the query with EMIT.")
		}
	}
	return nil
}

// errAlone is the error of a statement that cannot be part of a transaction.
func errAlone(tag string) error {
	return sqlerr.New(sqlerr.ActiveSQLTransaction, -1, "%s cannot run inside a transaction block", tag)
}
