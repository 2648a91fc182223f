package session

import (
	"context"
	"slices"

	"millrace/exec"
	"millrace/planner"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// ALTER TABLE and unique indexes in a transaction: what is stored anew for them is held
// until COMMIT like other rows of the transaction, and bounded like these.

// alterHeld carries out an ALTER for the transaction alone; the rows have been looked
// at.
func (s *Session) alterHeld(ctx context.Context, n *plan.Alter, command *catalog.AlterRelation) (string, error) {
	if n.Rewrite != nil {
		return n.Tag, s.rewriteHeld(ctx, n, command)
	}
	result, err := s.defineHeld(ctx, s.authored(command))
	if err != nil {
		return "", err
	}
	return n.Tag, s.noticeAll(result.Notices)
}

// addUniqueHeld adds a UNIQUE constraint, which is an index and nothing else.
func (s *Session) addUniqueHeld(ctx context.Context, n *plan.Alter) (string, error) {
	result, err := s.defineHeld(ctx, s.authored(&catalog.CreateIndex{Index: n.Indexes[0]}))
	if err == nil {
		err = s.fillUnique(ctx, result.Created[0])
	}
	if err != nil {
		return "", err
	}
	return n.Tag, s.noticeAll(result.Notices)
}

// rewriteHeld gives a table another storage, which has the rows that the rewrite gives.
// These contain what the transaction has done to the table.
func (s *Session) rewriteHeld(ctx context.Context, n *plan.Alter, command *catalog.AlterRelation) error {
	result, err := s.defineHeld(ctx, &catalog.CreateShadow{
		Relation: command.Relation, Base: command.Base, DropIndexes: n.DropIndexes, Indexes: n.Indexes,
	})
	if err != nil {
		return err
	}
	shadow := s.catalog().Shadow(result.Created[0])
	rows, err := s.gatherRows(ctx, n.Rewrite, shadow)
	if err != nil {
		return err
	}
	if err := s.options.Backend.SetRowIDs(ctx, shadow, rows); err != nil {
		return err
	}
	moved := *command
	moved.Shadow = shadow.ID
	if result, err = s.defineHeld(ctx, s.authored(&moved)); err != nil {
		return err
	}
	d := s.transaction.definitions
	d.rewrites = append(d.rewrites, rewritten{table: n.Target.ID, held: len(s.transaction.held)})
	s.refit()
	table := s.catalog().Relation(n.Target.ID)
	if r := firstRefused(table, rows, nothingFound(rows.Len), nil); r != nil {
		return rewriteError(shadow, r.err)
	}
	unique := s.catalog().UniqueOf(table.ID)
	if err := s.holdSome(exec.Rows{Relation: table, Batch: rows, Unique: indexIDs(unique)}); err != nil {
		return err
	}
	for _, index := range unique {
		if err := s.holdEntries(index, table, rows); err != nil {
			return err
		}
	}
	return s.noticeAll(result.Notices)
}

// fillUnique adds to a new unique index the entries of the rows that its table has,
// and calls it ready.
func (s *Session) fillUnique(ctx context.Context, id catalog.ObjectID) error {
	table := s.catalog().Relation(s.catalog().Index(id).Table)
	source, err := planner.TableRows(s.plannerEnvironment(s.catalog(), nil), table)
	if err != nil {
		return err
	}
	rows, err := s.gatherRows(ctx, source, table)
	if err != nil {
		return err
	}
	if _, err := s.defineHeld(ctx, &catalog.IndexReady{ID: id}); err != nil {
		return err
	}
	return s.holdEntries(s.catalog().Index(id), table, rows)
}

// holdEntries holds the entries of rows in a unique index, which has no others.
func (s *Session) holdEntries(index *catalog.Index, table *catalog.Relation, rows *types.Batch) error {
	relation := s.catalog().UniqueRelation(index.ID)
	entries, _ := exec.UniqueEntries(relation, table, rows)
	if r := firstRefused(relation, entries, nothingFound(entries.Len), nil); r != nil {
		return rewriteError(table, r.err)
	}
	return s.holdSome(exec.Rows{Relation: relation, Batch: entries})
}

// holdSome holds rows if there are any.
func (s *Session) holdSome(rows exec.Rows) error {
	if rows.Batch.Len == 0 {
		return nil
	}
	return s.hold(rows)
}

// nothingFound says of a number of keys that there are no rows with them.
func nothingFound(keys int) *exec.Found { return &exec.Found{At: slices.Repeat([]int32{-1}, keys)} }

// gatherRows returns all rows of a query that gives the columns of a table, as far as a
// transaction may hold them.
func (s *Session) gatherRows(ctx context.Context, q *plan.Query, table *catalog.Relation) (*types.Batch, error) {
	rows, err := s.queryNow(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	all, size := newTargetBatch(table), s.transaction.heldBytes
	for {
		ok, err := rows.fill(ctx)
		if err != nil || !ok {
			return all, err
		}
		if size += batchBytes(rows.batch); size > s.heldLimit() {
			return nil, errHeldTooMuch(s.heldLimit()).
				WithHint("What is stored anew is held until COMMIT: run this statement outside of a transaction block.")
		}
		for i := range all.Columns {
			all.Columns[i].AppendAll(&rows.batch.Columns[i])
		}
		all.Len += rows.batch.Len
		rows.at = rows.batch.Len
	}
}
