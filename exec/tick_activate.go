package exec

import (
	"math"
	"slices"

	"millrace/sql/catalog"
	"millrace/tables"
)

// activate takes a newer catalog snapshot into use.
func (t *tick) activate(snapshot *catalog.Snapshot) {
	c := t.core
	known := c.record
	c.snapshot = snapshot
	c.codecs = map[catalog.ObjectID]*relationCodec{}
	c.record = shardRecord{version: snapshot.Version()}
	for _, relation := range snapshot.Relations() {
		c.record.relations = append(c.record.relations, relation.ID)
		c.record.tables = append(c.record.tables, relation.Kind == catalog.KindTable)
		if relation.Kind == catalog.KindTable {
			c.record.storages = append(c.record.storages, relation.StorageID())
		}
	}
	for _, shadow := range snapshot.Shadows() {
		c.record.storages = append(c.record.storages, shadow.ID)
	}
	for _, kept := range snapshot.KeptRelations() {
		if kept.Kind == catalog.KindTable {
			c.record.storages = append(c.record.storages, kept.StorageID())
			continue
		}
		c.record.relations = append(c.record.relations, kept.ID)
		c.record.tables = append(c.record.tables, false)
	}
	for _, q := range snapshot.RunningQueries() {
		c.record.queries = append(c.record.queries, q.ID)
		c.record.paused = append(c.record.paused, q.Paused)
	}
	for _, id := range known.queries {
		if snapshot.RunningQuery(id) == nil {
			t.dropQuery(id)
		}
	}
	for i, id := range known.relations {
		if snapshot.Relation(id) == nil && snapshot.KeptRelation(id) == nil && !known.tables[i] {
			t.dropStream(id)
		}
	}
	for _, id := range known.storages {
		if !slices.Contains(c.record.storages, id) {
			t.deleteObject(tables.KindRow, id)
			t.deleteObject(tables.KindChange, id)
			delete(c.kept, id)
		}
	}
	t.activateIndexes(known.indexes, snapshot)
	t.activateQueries(snapshot, known.version)
	c.settle()
	t.result.all = true
	t.write.Set(shardKey(), c.record.append(nil))
}

// activateQueries starts the queries that are new, plans those anew of whose types
// something has changed since a version, and tells the others whether they are paused.
func (t *tick) activateQueries(snapshot *catalog.Snapshot, since uint64) {
	c := t.core
	for _, descriptor := range snapshot.RunningQueries() {
		i := slices.IndexFunc(c.queries, func(q *runningQuery) bool { return q.descriptor.ID == descriptor.ID })
		if i < 0 {
			t.beginAt(c.plan(descriptor))
			continue
		}
		q := c.queries[i]
		sinkChanged := descriptor.Inserts() && q.sink != nil && q.sink.relation.Changed != snapshot.Relation(descriptor.Sink).Changed
		if sinkChanged || snapshot.TypesChanged(descriptor.Types, since) {
			q = c.planAnew(i)
		} else if q.sink != nil && q.sink.relation.Kind == catalog.KindStream {
			q.sink = newRelationCodec(snapshot.Result(descriptor)) // whether it is compacted may have changed
		}
		resumed := q.descriptor.Paused && !descriptor.Paused
		q.descriptor = descriptor
		switch {
		case q.state == queryRunning && snapshot.Rests(descriptor):
			q.state = queryPaused
		case resumed:
			t.resume(q)
		}
	}
}

// resume lets a query go on that was paused or has failed, and with it those whose
// work it shares where they have failed.
func (t *tick) resume(q *runningQuery) {
	c := t.core
	if q.state != queryRunning && !q.lost() && !slices.Contains(t.in.stopped, q.descriptor.ID) {
		q.resumed = q.resumed || q.state == queryFailed
		q.state, q.failure = queryRunning, ""
		delete(c.poisoned, q.descriptor.ID)
		t.writeStatus(q)
	}
	t.resumeShared(q)
}

// resumeShared lets the failed ones go on of those whose work a query shares, directly
// or through others.
func (t *tick) resumeShared(q *runningQuery) {
	for _, shared := range t.core.queries {
		switch {
		case !slices.Contains(q.descriptor.Shared, shared.descriptor.ID):
		case shared.state == queryFailed:
			t.resume(shared)
		default:
			t.resumeShared(shared)
		}
	}
}

func (t *tick) writeStatus(q *runningQuery) {
	q.recorded = true
	t.write.Set(queryStatusKey(q.descriptor.ID), appendQueryStatus(nil, q.state, q.errors, q.late, q.failure))
}

// dropQuery removes all that a query keeps on the shard.
func (t *tick) dropQuery(id catalog.ObjectID) {
	c := t.core
	c.queries = slices.DeleteFunc(c.queries, func(q *runningQuery) bool { return q.descriptor.ID == id })
	for stage, s := range c.stages {
		if stage.query == id {
			delete(c.stages, stage)
			delete(c.trimmable, s)
		}
	}
	delete(c.poisoned, id)
	for _, kind := range []tables.Kind{tables.KindState, tables.KindPosition, tables.KindInternal, tables.KindQuery} {
		t.deleteObject(kind, id)
	}
}

func (t *tick) deleteObject(kind tables.Kind, id catalog.ObjectID) {
	prefix := tables.AppendObjectPrefix(nil, kind, uint64(id))
	t.write.DeleteRange(prefix, tables.PrefixEnd(nil, prefix))
}

// dropStream removes a stream's rows from the shard.
func (t *tick) dropStream(id catalog.ObjectID) {
	t.write.Truncate(uint64(id), math.MaxInt64)
	delete(t.core.ends, id)
}
