package session

import (
	"context"

	"millrace/exec/lock"
	"millrace/planner/plan"
	"millrace/sql/catalog"
)

// tableLock is a table that a statement locks, and how.
type tableLock struct {
	relation *catalog.Relation
	mode     lock.Mode
}

// tableLocks returns the tables that a planned statement locks while it runs, and
// in a block until the block ends. Push queries and statements about the catalog
// lock nothing here.
func tableLocks(planned plan.Statement) []tableLock {
	switch n := planned.(type) {
	case *plan.Query:
		return sourceLocks(n, nil)
	case *plan.Insert:
		return sourceLocks(n.Source, []tableLock{{n.Target, lock.RowExclusive}})
	case *plan.Modify:
		var list []tableLock
		for i := range n.Parts {
			mode := lock.RowExclusive
			if n.Uncounted { // TRUNCATE
				mode = lock.AccessExclusive
			}
			list = sourceLocks(n.Parts[i].Source, append(list, tableLock{n.Parts[i].Target, mode}))
		}
		return list
	case *plan.With:
		list := sourcesOf(n.Sources, nil)
		for i := range n.Parts {
			list = append(list, tableLocks(n.Parts[i].Statement)...)
		}
		return append(list, tableLocks(n.Main)...)
	case *plan.Alter:
		if n.Command == nil {
			return nil
		}
		return []tableLock{{n.Target, lock.AccessExclusive}}
	case *plan.Copy:
		if n.From {
			return []tableLock{{n.Target, lock.RowExclusive}}
		}
		if n.Change != nil {
			return nil // it is started as a statement of its own
		}
		return sourceLocks(n.Query, nil)
	default:
		return nil
	}
}

// sourceLocks adds what a query reads.
func sourceLocks(q *plan.Query, list []tableLock) []tableLock {
	if q.Emit != plan.EmitNone {
		return list
	}
	for _, relation := range q.Locks {
		list = append(list, tableLock{relation, lock.RowShare})
	}
	return sourcesOf(q.Sources, list)
}

func sourcesOf(relations []*catalog.Relation, list []tableLock) []tableLock {
	for _, relation := range relations {
		list = append(list, tableLock{relation, lock.AccessShare})
	}
	return list
}

// lockTables locks the tables of a portal's statement. In a block, and wherever
// statements commit together, the locks last until the transaction ends. A
// statement that commits by itself takes them only where somebody holds or awaits
// a lock that conflicts: its reads are of one snapshot, and its writes enter the
// table when they are made.
func (s *Session) lockTables(ctx context.Context, p *portal, immediate bool) error {
	alone := s.transaction.state == stateNone && s.transaction.locks == nil
	s.transaction.locksAlone = alone
	for attempt := 1; ; attempt++ {
		err := s.lockTablesOnce(ctx, p, immediate, alone)
		if !s.againUnlocked(err, alone, attempt) {
			return err
		}
	}
}

// lockTablesOnce is lockTables with locks that may be lost; alone says that there were
// none before.
func (s *Session) lockTablesOnce(ctx context.Context, p *portal, immediate, alone bool) error {
	for _, l := range tableLocks(p.statement.plan) {
		if alone && s.cutOff && l.mode == lock.AccessShare {
			continue // nobody can be asked
		}
		light := l.mode == lock.AccessShare || immediate && l.mode == lock.RowExclusive
		if alone && light && !s.locks().Locked(ctx, uint64(l.relation.ID), l.mode) {
			continue
		}
		waited, err := s.lockTable(ctx, l.relation, l.mode, lock.Block)
		if err != nil {
			return err
		}
		if waited && !s.planned(p.statement) {
			return errPlanOutdated
		}
	}
	return nil
}

// lockDefined locks the tables that a command takes away or changes, so that it
// waits for the open transactions that use them. The command is bound to names,
// so a wait makes nothing of it outdated. An index that is not unique needs no lock:
// the shards keep it, whatever writers knew.
func (s *Session) lockDefined(ctx context.Context, command catalog.Command, immediate bool) error {
	switch n := command.(type) {
	case *catalog.DropRelations:
		for _, name := range n.Names {
			if err := s.lockNamed(ctx, name, lock.AccessExclusive); err != nil {
				return err
			}
			if err := s.lockReaders(ctx, name, n.Cascade); err != nil {
				return err
			}
		}
	case *catalog.CreateIndex:
		switch {
		case n.Index.Unique && immediate:
			return s.lockIndexed(ctx, n.Index.Table, lock.Share)
		case n.Index.Unique:
			// Others see the index at COMMIT, before it has its entries.
			return s.lockIndexed(ctx, n.Index.Table, lock.AccessExclusive)
		}
	case *catalog.DropSchemas:
		return s.lockSchemas(ctx, n)
	case *catalog.DropIndexes:
		for _, name := range n.Names {
			index := s.catalog().LookupIndex(name.Schema, name.Name)
			if index == nil || !index.Unique {
				continue
			}
			if err := s.lockIndexed(ctx, index.Table, lock.AccessExclusive); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockSchemas locks what goes with schemas.
func (s *Session) lockSchemas(ctx context.Context, n *catalog.DropSchemas) error {
	for _, schema := range n.Names {
		for _, id := range s.catalog().InSchema(schema) {
			r := s.catalog().Relation(id)
			if r == nil {
				continue
			}
			name := catalog.Name{Schema: r.Schema, Name: r.Name}
			if err := s.lockNamed(ctx, name, lock.AccessExclusive); err != nil {
				return err
			}
			if err := s.lockReaders(ctx, name, n.Cascade); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockReaders locks, for CASCADE, what the continuous queries write that read a
// relation or view, directly or not.
func (s *Session) lockReaders(ctx context.Context, name catalog.Name, cascade bool) error {
	if !cascade {
		return nil
	}
	snapshot := s.catalog()
	var id catalog.ObjectID
	if r := snapshot.Lookup(name.Schema, name.Name); r != nil {
		id = r.ID
	} else if v := snapshot.LookupView(name.Schema, name.Name); v != nil {
		id = v.ID
	} else {
		return nil
	}
	for _, q := range snapshot.QueriesReading(id) {
		sink := snapshot.Relation(q.Sink)
		if sink == nil || q.Inserts() {
			continue
		}
		if _, err := s.lockTable(ctx, sink, lock.AccessExclusive, lock.Block); err != nil {
			return err
		}
		if err := s.lockReaders(ctx, catalog.Name{Schema: sink.Schema, Name: sink.Name}, true); err != nil {
			return err
		}
	}
	return nil
}

// lockIndexed locks the table of an index.
func (s *Session) lockIndexed(ctx context.Context, table catalog.ObjectID, mode lock.Mode) error {
	relation := s.catalog().Relation(table)
	if relation == nil {
		return nil
	}
	_, err := s.lockTable(ctx, relation, mode, lock.Block)
	return err
}

// lockNamed locks a table by its name, where it exists.
func (s *Session) lockNamed(ctx context.Context, name catalog.Name, mode lock.Mode) error {
	for {
		relation := s.catalog().Lookup(name.Schema, name.Name)
		if relation == nil {
			return nil
		}
		_, err := s.lockTable(ctx, relation, mode, lock.Block)
		if err != nil {
			return err
		}
		if now := s.catalog().Lookup(name.Schema, name.Name); now != nil && now.ID == relation.ID {
			return nil
		}
	}
}
