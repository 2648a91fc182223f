package catalog

import (
	"slices"
	"strconv"
	"strings"

	"millrace/sql/sqlerr"
)

// Queries that insert into a stream: INSERT INTO … SELECT … EMIT CHANGES.
//
// Such a query is an object of its own, where the query of a CREATE … AS is one with
// its result. Its stream is written by others, too: by clients, by the query whose
// result the stream is, and by more queries that insert.
//
// Invariant: no relation is computed from itself. Rows go round in no circle, so
// queries can be put in an order in which those that write a relation come before
// those that read it. CREATE … AS cannot close a circle, since what it reads is older
// than its result; CreateQuery looks for one.

// Inserts reports whether a query is an INSERT into a stream, and not the one whose
// result its sink is.
func (q *Query) Inserts() bool { return q.Into != nil }

// goes is what has to be dropped for the query to go: its result, or itself.
func (q *Query) goes() ObjectID {
	if q.Inserts() {
		return q.ID
	}
	return q.Sink
}

// needs are the relations that the query, or its result, cannot be without.
func (q *Query) needs() []ObjectID {
	if q.Inserts() {
		return append(slices.Clone(q.Sources), q.Sink)
	}
	return q.Sources
}

// QueriesWriting returns all queries that write a relation, in the order of their
// IDs. The list is shared.
func (s *Snapshot) QueriesWriting(relation ObjectID) []*Query { return s.queriesWriting[relation] }

// QueriesInto returns the queries that insert into a relation, in the order of their
// IDs.
func (s *Snapshot) QueriesInto(relation ObjectID) []*Query {
	var list []*Query
	for _, q := range s.queriesWriting[relation] {
		if q.Inserts() {
			list = append(list, q)
		}
	}
	return list
}

// describe names a relation, view or query in DETAIL lines.
func (s *Snapshot) describe(id ObjectID) string {
	if q := s.Query(id); q != nil {
		return "query " + q.Name
	}
	if schema := s.SchemaByID(id); schema != nil {
		return "schema " + schema.Name
	}
	if t := s.DataType(id); t != nil {
		return "type " + t.Type.String()
	}
	if q := s.Sequence(id); q != nil {
		return "sequence " + Name{q.Schema, q.Name}.String()
	}
	if v := s.View(id); v != nil {
		return "view " + Name{v.Schema, v.Name}.String()
	}
	return describe(s.Relation(id))
}

// CheckCycle refuses a query that would insert into sink what is computed from it:
// its rows would come back to it.
func (s *Snapshot) CheckCycle(sink ObjectID, sources []ObjectID) error {
	path := s.pathFrom(sink, sources, map[ObjectID]bool{})
	if path == nil {
		return nil
	}
	names := make([]string, len(path))
	for i, id := range path {
		names[i] = s.Relation(id).Name
	}
	r := s.Relation(sink)
	err := sqlerr.New(sqlerr.InvalidObjectDefinition, -1, "the query would read what it writes to %s %q", r.Kind, r.Name).
		WithHint("Insert into a stream that nothing in the FROM clause is computed from.")
	if len(path) > 1 {
		return err.WithDetail("Its rows would come back by way of %s.", strings.Join(names, ", "))
	}
	return err
}

// pathFrom returns relations from sink, each computed from the one before, to one of
// the sources; nil where there are none.
func (s *Snapshot) pathFrom(sink ObjectID, sources []ObjectID, seen map[ObjectID]bool) []ObjectID {
	for _, source := range sources {
		if source == sink {
			return []ObjectID{sink}
		}
		if seen[source] {
			continue
		}
		seen[source] = true
		for _, q := range s.QueriesWriting(source) {
			if path := s.pathFrom(sink, q.Sources, seen); path != nil {
				return append(path, source)
			}
		}
	}
	return nil
}

func applyCreateQuery(s *Snapshot, c *CreateQuery, result *Result) (*Snapshot, error) {
	q := c.Query
	if q.Name == "" {
		q.Name = s.FreeQueryName()
	}
	if err := checkQuery(s, &q); err != nil {
		return nil, err
	}
	sink := s.Relation(q.Sink)
	if sink == nil {
		return nil, sqlerr.New(sqlerr.UndefinedTable, -1, "the stream that the query inserts into was dropped")
	}
	if q.Version != 0 && sink.Changed > q.Version {
		return nil, changedError(sink)
	}
	if sink.Frozen {
		return nil, sqlerr.New(sqlerr.WrongObjectType, -1, "cannot insert into %q", sink.Name).
			WithDetail("It is the result of a continuous query that was terminated.")
	}
	if err := checkInto(s, &q); err != nil {
		return nil, err
	}
	if err := s.checkUnshared(sink); err != nil {
		return nil, err
	}
	if err := s.CheckCycle(q.Sink, q.Sources); err != nil {
		return nil, err
	}
	next := s.edit()
	next.addQuery(&q, result)
	result.Notices = append(result.Notices, Notice{
		Message: `continuous query "` + q.Name + `" inserts into stream "` + sink.Name + `" from now on`,
		Hint:    "SHOW QUERIES shows how far it is, TERMINATE ends it.",
	})
	return next, nil
}

// checkInto refuses a query that cannot insert into its sink.
func checkInto(s *Snapshot, q *Query) error {
	sink := s.Relation(q.Sink)
	if sink == nil || sink.Kind != KindStream {
		return sqlerr.New(sqlerr.WrongObjectType, -1, "query %q cannot insert into what is not a stream", q.Name)
	}
	for i, column := range q.Into {
		if column < 0 && column != IntoRowtime && column != IntoHeaders || column >= len(sink.Columns) || slices.Contains(q.Into[:i], column) {
			return sqlerr.New(sqlerr.InternalError, -1, "query %q gives columns that stream %q does not have", q.Name, sink.Name)
		}
	}
	if !q.Inserts() {
		return sqlerr.New(sqlerr.InternalError, -1, "query %q does not insert", q.Name)
	}
	return nil
}

// FreeQueryName returns a name for a query that inserts and is given none.
func (s *Snapshot) FreeQueryName() string {
	for n := 1; ; n++ {
		if name := "insertquery_" + strconv.Itoa(n); s.QueryByName(name) == nil {
			return name
		}
	}
}

// addQuery gives a query its ID and version and adds it.
func (s *Snapshot) addQuery(q *Query, result *Result) {
	q.ID, q.Version = s.nextID, s.version
	s.nextID++
	s.queries = inserted(s.queries, q, func(x *Query) ObjectID { return x.ID })
	result.Created = append(result.Created, q.ID)
}
