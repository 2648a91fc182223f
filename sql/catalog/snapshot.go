package catalog

import (
	"cmp"
	"slices"
)

// DefaultSchema is the schema of objects that are created without one.
const DefaultSchema = "public"

// Snapshot is the catalog at one version. Snapshots are immutable: everything
// that they return is shared and must not be changed. The zero Snapshot is the
// catalog before Bootstrap: version 0, no shards, no objects.
type Snapshot struct {
	version       uint64
	nextID        ObjectID
	clusterID     string
	shards        int
	createdMillis int64
	// lastRowID is the last row id that was reserved.
	lastRowID int64
	// committed are the transactions with definitions that the shards have still to
	// carry out, and aborts counts those that were not committed.
	committed [][16]byte
	// carriedOut are the newest of those that the shards have carried out.
	carriedOut [][16]byte
	aborts     uint64
	reign      Reign
	// done are the newest of the commands that are applied once.
	done []doneCommand

	schemas   []*Schema   // by ID
	relations []*Relation // by ID
	sequences []*Sequence // by ID
	queries   []*Query    // by ID
	views     []*View     // by ID
	types     []*DataType // by ID
	indexes   []*Index    // by ID
	// shadows are the copies of tables that rewrites are building, by ID. They have
	// no names.
	shadows []*Relation
	roles   []*Role // by ID, without those that are predefined
	// access is who owns objects and what others may do with them, where that is
	// not what it is by default.
	access map[ObjectID]*Access
	// keptQueries and keptRelations are queries that were dropped and go on for others
	// that share their work, and their results, by ID.
	keptQueries   []*Query
	keptRelations []*Relation

	running        []*Query // by ID
	relationByName map[Name]*Relation
	viewByName     map[Name]*View
	queryByName    map[string]*Query
	queriesWriting map[ObjectID][]*Query // by their sinks
	indexesByTable map[ObjectID][]*Index
	// uniqueRelations hold the entries of unique indexes, by these.
	uniqueRelations map[ObjectID]*Relation
	// present is the catalog that AsOf was asked of; nil for any other.
	present *Snapshot
}

// Name is a relation's qualified name.
type Name struct{ Schema, Name string }

// String returns the name as messages print it: the schema is left out where
// it is the default one.
func (n Name) String() string {
	if n.Schema == "" || n.Schema == DefaultSchema {
		return n.Name
	}
	return n.Schema + "." + n.Name
}

// Version counts the commands that changed the catalog.
func (s *Snapshot) Version() uint64 { return s.version }

// ClusterID names the cluster, "" before Bootstrap.
func (s *Snapshot) ClusterID() string { return s.clusterID }

// Shards is the cluster's number of shards, fixed by Bootstrap; 0 before.
func (s *Snapshot) Shards() int { return s.shards }

// CreatedMillis is when the cluster was made, in milliseconds since the Unix
// epoch.
func (s *Snapshot) CreatedMillis() int64 { return s.createdMillis }

// Relations returns all streams and tables in the order of their IDs.
func (s *Snapshot) Relations() []*Relation { return s.relations }

// Queries returns all continuous queries in the order of their IDs.
func (s *Snapshot) Queries() []*Query { return s.queries }

// Relation returns the relation with an ID, or nil.
func (s *Snapshot) Relation(id ObjectID) *Relation {
	i, found := slices.BinarySearchFunc(s.relations, id, func(r *Relation, id ObjectID) int { return cmp.Compare(r.ID, id) })
	if !found {
		return nil
	}
	return s.relations[i]
}

// Shadows returns the copies of tables that rewrites are building, in the order
// of their IDs. They are written like tables and cannot be named.
func (s *Snapshot) Shadows() []*Relation { return s.shadows }

// Shadow returns the copy with an ID, or nil.
func (s *Snapshot) Shadow(id ObjectID) *Relation {
	for _, shadow := range s.shadows {
		if shadow.ID == id {
			return shadow
		}
	}
	return nil
}

// Rewriting reports whether a copy of a table is being built, which keeps writers
// from the table.
func (s *Snapshot) Rewriting(table ObjectID) bool {
	return slices.ContainsFunc(s.shadows, func(shadow *Relation) bool { return shadow.Shadow == table })
}

// Lookup returns the relation with a qualified name, or nil.
func (s *Snapshot) Lookup(schema, name string) *Relation {
	return s.relationByName[Name{schema, name}]
}

// NameTaken reports whether a stream, a table, a view, a sequence, or an index, also that of
// a primary key, has a qualified name: these share one space of names.
func (s *Snapshot) NameTaken(schema, name string) bool {
	if s.LookupSequence(schema, name) != nil || s.Lookup(schema, name) != nil || s.LookupView(schema, name) != nil ||
		s.LookupIndex(schema, name) != nil {
		return true
	}
	for _, r := range s.relations {
		if r.Schema != schema {
			continue
		}
		if c := r.Constraint(name); c != nil && c.Kind != ConstraintCheck {
			return true
		}
	}
	return false
}

// Query returns the query with an ID, or nil.
func (s *Snapshot) Query(id ObjectID) *Query {
	i, found := slices.BinarySearchFunc(s.queries, id, func(q *Query, id ObjectID) int { return cmp.Compare(q.ID, id) })
	if !found {
		return nil
	}
	return s.queries[i]
}

// QueryByName returns the query with a name, or nil.
func (s *Snapshot) QueryByName(name string) *Query { return s.queryByName[name] }

// QueriesReading returns the queries that read a relation or view, also through
// views, in the order of their IDs.
func (s *Snapshot) QueriesReading(relation ObjectID) []*Query {
	var readers []*Query
	for _, q := range s.queries {
		if slices.Contains(q.Sources, relation) || slices.Contains(q.Views, relation) {
			readers = append(readers, q)
		}
	}
	return readers
}

// edit returns a copy whose lists may be changed, at the next version.
func (s *Snapshot) edit() *Snapshot {
	next := *s
	next.version++
	next.nextID = max(s.nextID, FirstObjectID)
	next.relations = slices.Clone(s.relations)
	next.sequences = slices.Clone(s.sequences)
	next.queries = slices.Clone(s.queries)
	next.views = slices.Clone(s.views)
	next.types = slices.Clone(s.types)
	next.indexes = slices.Clone(s.indexes)
	next.shadows = slices.Clone(s.shadows)
	next.roles = slices.Clone(s.roles)
	next.keptQueries = slices.Clone(s.keptQueries)
	next.keptRelations = slices.Clone(s.keptRelations)
	return &next
}

// index rebuilds the lookups by name after the lists have changed.
func (s *Snapshot) index() *Snapshot {
	s.relationByName = make(map[Name]*Relation, len(s.relations))
	for _, r := range s.relations {
		s.relationByName[Name{r.Schema, r.Name}] = r
	}
	s.viewByName = make(map[Name]*View, len(s.views))
	for _, v := range s.views {
		s.viewByName[Name{v.Schema, v.Name}] = v
	}
	s.queryByName = make(map[string]*Query, len(s.queries))
	s.queriesWriting = make(map[ObjectID][]*Query, len(s.queries))
	for _, q := range s.queries {
		s.queryByName[q.Name] = q
		s.queriesWriting[q.Sink] = append(s.queriesWriting[q.Sink], q)
	}
	s.indexRunning()
	s.indexesByTable = make(map[ObjectID][]*Index)
	s.uniqueRelations = make(map[ObjectID]*Relation)
	for _, i := range s.indexes {
		s.indexesByTable[i.Table] = append(s.indexesByTable[i.Table], i)
		if table := s.indexed(i); i.Unique && table != nil { // AsOf leaves relations out
			s.uniqueRelations[i.ID] = newUniqueRelation(i, table)
		}
	}
	return s
}

// replaceRelation puts r, which is not shared yet, in the place of the relation
// with its ID.
func (s *Snapshot) replaceRelation(r *Relation) {
	r.Changed = s.version
	for i := range s.relations {
		if s.relations[i].ID == r.ID {
			s.relations[i] = r
		}
	}
}

// replaceQuery puts q in the place of the query with its ID.
func (s *Snapshot) replaceQuery(q *Query) {
	for i := range s.queries {
		if s.queries[i].ID == q.ID {
			s.queries[i] = q
		}
	}
}

// replaceIndex puts i in the place of the index with its ID.
func (s *Snapshot) replaceIndex(i *Index) {
	for n := range s.indexes {
		if s.indexes[n].ID == i.ID {
			s.indexes[n] = i
		}
	}
}

func (s *Snapshot) removeIndex(id ObjectID) {
	s.indexes = slices.DeleteFunc(s.indexes, func(i *Index) bool { return i.ID == id })
}

// removeRelation removes a relation and its indexes.
func (s *Snapshot) removeRelation(id ObjectID) {
	s.indexes = slices.DeleteFunc(s.indexes, func(i *Index) bool { return i.Table == id })
	s.relations = slices.DeleteFunc(s.relations, func(r *Relation) bool { return r.ID == id })
}

func (s *Snapshot) removeQuery(id ObjectID) {
	s.queries = slices.DeleteFunc(s.queries, func(q *Query) bool { return q.ID == id })
}
