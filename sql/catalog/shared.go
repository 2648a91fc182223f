package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"millrace/sql/sqlerr"
)

// Queries that share the work of others.
//
// A query whose plan has, as a whole or as a part, the plan of another query reads
// that query's result in the place of computing it again (Query.Shared). No user is to
// notice: a query that others share goes on for them when it is paused, and when its
// result is dropped both are kept, without a name, until the last that shares them is
// gone.
//
// Invariants:
//   - What a query shares is there: among the queries, or among the kept ones.
//   - A kept query is shared, directly or by kept ones, by a query that is not kept.
//   - A query has a greater ID than those that it shares, so there is no circle.

// RunningQueries returns all queries that the shards have, in the order of their IDs:
// the users' and the kept ones.
func (s *Snapshot) RunningQueries() []*Query { return s.running }

// RunningQuery returns the query with an ID as RunningQueries has it, or nil.
func (s *Snapshot) RunningQuery(id ObjectID) *Query {
	i, found := slices.BinarySearchFunc(s.running, id, func(q *Query, id ObjectID) int { return cmp.Compare(q.ID, id) })
	if !found {
		return nil
	}
	return s.running[i]
}

// KeptRelations returns the results of kept queries, in the order of their IDs. They
// cannot be named.
func (s *Snapshot) KeptRelations() []*Relation { return s.keptRelations }

// Result returns the relation that a running query writes.
func (s *Snapshot) Result(q *Query) *Relation {
	if r := s.Relation(q.Sink); r != nil {
		return r
	}
	return s.KeptRelation(q.Sink)
}

// KeptRelation returns the result of a kept query by its ID, or nil.
func (s *Snapshot) KeptRelation(id ObjectID) *Relation {
	for _, r := range s.keptRelations {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// SharedBy returns the queries, kept ones too, that share the work of a query.
func (s *Snapshot) SharedBy(id ObjectID) []*Query {
	var users []*Query
	for _, q := range s.running {
		if slices.Contains(q.Shared, id) {
			users = append(users, q)
		}
	}
	return users
}

// WorkOf returns a query and those whose work it shares, directly or through others.
func (s *Snapshot) WorkOf(q *Query) []*Query {
	work := []*Query{q}
	for i := 0; i < len(work); i++ {
		for _, id := range work[i].Shared {
			if shared := s.RunningQuery(id); !slices.Contains(work, shared) {
				work = append(work, shared)
			}
		}
	}
	return work
}

// Rests reports whether a query is paused, and no other one needs its work.
func (s *Snapshot) Rests(q *Query) bool { return q.Paused && len(s.SharedBy(q.ID)) == 0 }

// indexRunning rebuilds the list of running queries.
func (s *Snapshot) indexRunning() {
	s.running = append(slices.Clone(s.queries), s.keptQueries...)
	slices.SortFunc(s.running, func(a, b *Query) int { return cmp.Compare(a.ID, b.ID) })
}

// keepShared brings what is kept up to date after queries were removed from a copy of
// old.
func (s *Snapshot) keepShared(old *Snapshot) {
	needed := map[ObjectID]bool{}
	for _, q := range s.queries {
		for _, id := range q.Shared {
			needed[id] = true
		}
	}
	s.keptQueries, s.keptRelations = nil, nil
	for _, q := range slices.Backward(old.running) { // a query has a greater ID than those that it shares
		if !needed[q.ID] || s.Query(q.ID) != nil {
			continue
		}
		for _, id := range q.Shared {
			needed[id] = true
		}
		kept, result := *q, *old.Result(q)
		kept.Paused = false
		if result.Kind == KindStream {
			result.RetentionMillis = 1 // nobody but those that share it reads its rows
		}
		s.keptQueries = append(s.keptQueries, &kept)
		s.keptRelations = append(s.keptRelations, &result)
	}
	slices.Reverse(s.keptQueries)
	slices.SortFunc(s.keptRelations, func(a, b *Relation) int { return cmp.Compare(a.ID, b.ID) })
}

// Shareable reports whether the result of a query is, and will be as long as others
// share it, what the query gives: it is not paused, and a stream has all rows from the
// first one on, with their event times, and no others.
func (s *Snapshot) Shareable(q *Query) bool {
	r := s.Result(q)
	if q.Paused || q.StopOnError || q.Inserts() || r == nil {
		return false
	}
	return r.Kind == KindTable ||
		r.Rowtime < 0 && r.RetentionMillis == 0 && r.RetentionBytes == 0 && !r.Compact && len(s.QueriesInto(r.ID)) == 0
}

// checkUnshared refuses queries that would insert into a stream that others take for
// the result of its own query.
func (s *Snapshot) checkUnshared(sink *Relation) error {
	if sink.Query == 0 {
		return nil
	}
	for _, user := range s.SharedBy(sink.Query) {
		return sqlerr.New(sqlerr.ObjectInUse, -1, "cannot insert into %q because another query shares its work", sink.Name).
			WithDetail("Query %s reads it as the result of its own query alone.", user.Name).
			WithHint("CREATE STREAM … AS SELECT … FROM %s makes a stream that can be inserted into.", sink.Name)
	}
	return nil
}

// stillShared leaves out of what a new query wants to share the queries that are gone
// or not shareable any more since it was planned, and those with greater IDs: a transaction may
// have reserved its IDs before those were given.
func (s *Snapshot) stillShared(shared []ObjectID) []ObjectID {
	return slices.DeleteFunc(slices.Clone(shared), func(id ObjectID) bool {
		q := s.Query(id)
		return q == nil || !s.Shareable(q) || id > s.nextID
	})
}

// checkShared refuses to terminate queries whose work others go on sharing: their
// results could not be left as they are.
func (s *Snapshot) checkShared(terminated []*Query) error {
	for _, q := range terminated {
		var users []string
		for _, user := range s.SharedBy(q.ID) {
			if !slices.ContainsFunc(terminated, func(t *Query) bool { return t.ID == user.ID }) {
				users = append(users, fmt.Sprintf("query %s shares the work of query %s", user.Name, q.Name))
			}
		}
		if users != nil {
			return sqlerr.New(sqlerr.DependentObjectsStillExist, -1, "cannot terminate query %q because others share its work", q.Name).
				WithDetail("%s", strings.Join(users, "\n")).
				WithHint("Drop or terminate those first, or DROP TABLE %s: the work goes on for the others then.", q.Name)
		}
	}
	return nil
}
