package session

import (
	"context"
	"slices"
	"strings"

	"millrace/exec"
	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/catalog"
	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// alter is ALTER TABLE and ALTER STREAM: all of its actions take effect with one
// command of the catalog. The table is locked, so nobody writes to it meanwhile. What it asks of the rows is looked at before, and where
// they must be stored anew, they are copied before: the command makes the copy the
// table. Whatever fails leaves the table as it was.
func (s *Session) alter(ctx context.Context, p *portal, n *plan.Alter, immediate bool) (string, error) {
	if err := s.mayDefine(n.Tag, false); err != nil {
		return "", err
	}
	if immediate {
		defer s.releaseLocks(0)
	}
	if n.Command == nil {
		return n.Tag, s.noticeAll(n.Notices)
	}
	if _, err := s.lockTable(ctx, n.Target, lock.AccessExclusive, lock.Block); err != nil {
		return "", err
	}
	if err := s.rebase(); err != nil {
		return "", err
	}
	if s.catalog().Relation(n.Target.ID) != n.Target {
		return "", errPlanOutdated
	}
	if err := s.noticeAll(n.Notices); err != nil {
		return "", err
	}
	for i := range n.Checks {
		if err := s.requireAll(ctx, &n.Checks[i]); err != nil {
			return "", err
		}
	}
	command := *n.Command
	if err := s.fillMissing(ctx, n, &command.Relation); err != nil {
		return "", err
	}
	unique := n.Rewrite == nil && len(n.Indexes) > 0
	switch {
	case unique && immediate:
		return n.Tag, s.addUnique(ctx, n)
	case unique:
		return s.addUniqueHeld(ctx, n)
	case !immediate:
		return s.alterHeld(ctx, n, &command)
	}
	if n.Rewrite != nil {
		shadow, err := s.rewriteTable(ctx, n)
		if err != nil {
			return "", err
		}
		command.Shadow = shadow
	}
	defer s.options.Feeds.pause(ctx, []catalog.ObjectID{n.Target.ID}, false)()
	result, err := s.options.Backend.Define(ctx, s.held(s.authored(&command)))
	if err != nil {
		if command.Shadow != 0 {
			s.dropShadow(ctx, command.Shadow)
		}
		return "", definitionError(ctx, err)
	}
	return n.Tag, s.noticeAll(result.Notices)
}

// definitionError is the error of a command: one that was made from what has
// changed since is to be made again.
func definitionError(ctx context.Context, err error) error {
	if sqlerr.CodeOf(err) == sqlerr.SerializationFailure {
		return errPlanOutdated
	}
	return interrupted(ctx, err)
}

// requireAll looks whether rows of a table break a condition.
func (s *Session) requireAll(ctx context.Context, check *plan.RowCheck) error {
	rows, err := s.queryNow(ctx, check.Source)
	if err != nil {
		return err
	}
	defer rows.close()
	broken, err := rows.fill(ctx)
	if err != nil {
		return err
	}
	if broken {
		return check.Violation
	}
	return nil
}

// fillMissing computes what the rows of a table have in columns that are added.
func (s *Session) fillMissing(ctx context.Context, n *plan.Alter, relation *catalog.Relation) error {
	if n.Missing == nil {
		return nil
	}
	rows, err := s.queryNow(ctx, n.Missing)
	if err != nil {
		return err
	}
	defer rows.close()
	if ok, err := rows.fill(ctx); err != nil || !ok {
		return err
	}
	relation.Columns = slices.Clone(relation.Columns)
	for i, number := range n.MissingColumns {
		value := rows.batch.Columns[i].Datum(0)
		value.Str = strings.Clone(value.Str)
		relation.Columns[number].Missing = value
	}
	return nil
}

// rewriteTable copies the rows of a table as they are to be, and returns the copy.
func (s *Session) rewriteTable(ctx context.Context, n *plan.Alter) (catalog.ObjectID, error) {
	backend := s.options.Backend
	result, err := backend.Define(ctx, s.held(&catalog.CreateShadow{
		Relation: n.Command.Relation, Base: n.Command.Base, DropIndexes: n.DropIndexes, Indexes: n.Indexes,
	}))
	if err != nil {
		return 0, definitionError(ctx, err)
	}
	shadow := result.Created[0]
	if err := s.copyRows(ctx, n.Rewrite, backend.Catalog(), shadow); err != nil {
		s.dropShadow(ctx, shadow)
		return 0, err
	}
	return shadow, nil
}

// copyRows writes what a query gives to the copy of a table, piece by piece.
func (s *Session) copyRows(ctx context.Context, source *plan.Query, snapshot *catalog.Snapshot, id catalog.ObjectID) error {
	shadow := snapshot.Shadow(id)
	if shadow == nil {
		return sqlerr.New(sqlerr.SerializationFailure, -1, "the rewrite of the table was given up by a restart of the server").
			WithHint("Run the statement again.")
	}
	rows, err := s.queryNow(ctx, source)
	if err != nil {
		return err
	}
	defer rows.close()
	for {
		piece := newTargetBatch(shadow)
		for piece.Len < rewritePiece {
			ok, err := rows.fill(ctx)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			for i := range piece.Columns {
				piece.Columns[i].AppendAll(&rows.batch.Columns[i])
			}
			piece.Len += rows.batch.Len
			rows.at = rows.batch.Len
		}
		if piece.Len == 0 {
			return nil
		}
		if err := s.options.Backend.SetRowIDs(ctx, shadow, piece); err != nil {
			return err
		}
		if err := s.writeNow(ctx, withEntries(snapshot, shadow, piece), false); err != nil {
			return rewriteError(shadow, err)
		}
	}
}

// withEntries returns what adds rows to the copy of a table and to its unique
// indexes.
func withEntries(snapshot *catalog.Snapshot, shadow *catalog.Relation, rows *types.Batch) []exec.Rows {
	unique := snapshot.UniqueOf(shadow.ID)
	writes := []exec.Rows{{Relation: shadow, Batch: rows, Unique: indexIDs(unique)}}
	for _, index := range unique {
		relation := snapshot.UniqueRelation(index.ID)
		if entries, _ := exec.UniqueEntries(relation, shadow, rows); entries.Len > 0 {
			writes = append(writes, exec.Rows{Relation: relation, Batch: entries})
		}
	}
	return writes
}

// addUnique adds a UNIQUE constraint, which is an index and nothing else.
func (s *Session) addUnique(ctx context.Context, n *plan.Alter) error {
	result, err := s.options.Backend.Define(ctx, s.held(&catalog.CreateIndex{Index: n.Indexes[0]}))
	if err != nil {
		return interrupted(ctx, err)
	}
	return s.noticeAll(result.Notices)
}

// rewritePiece is how many rows of a rewrite are written at once.
const rewritePiece = 8192

// rewriteError tells what a row that cannot be copied breaks: what the table is to
// be, not what it is.
func rewriteError(shadow *catalog.Relation, err error) error {
	failure := sqlerr.From(err)
	if failure.Code != sqlerr.UniqueViolation {
		return err
	}
	clone := *failure
	clone.Message = `could not create unique index "` + clone.Constraint + `"`
	clone.Detail = strings.TrimSuffix(clone.Detail, "already exists.") + "is duplicated."
	return &clone
}

// dropShadow gives a rewrite up, also when its statement was cancelled. What fails
// here is cleaned up when the server starts.
func (s *Session) dropShadow(ctx context.Context, shadow catalog.ObjectID) {
	life, end := context.WithTimeout(context.WithoutCancel(ctx), writeGrace)
	defer end()
	if _, err := s.options.Backend.Define(life, &catalog.DropShadow{ID: shadow}); err != nil {
		s.logger.Warn("the copy of a table was left behind", "copy", shadow, "error", err)
	}
}
