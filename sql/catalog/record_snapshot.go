package catalog

import (
	"cmp"
	"slices"
)

type snapshotRecord struct {
	Version       uint64           `json:"version"`
	NextID        ObjectID         `json:"next_id"`
	ClusterID     string           `json:"cluster_id"`
	Shards        int              `json:"shards"`
	CreatedMillis int64            `json:"created_ms"`
	LastRowID     int64            `json:"last_row_id,omitempty"`
	Committed     [][]byte         `json:"committed,omitempty"`
	CarriedOut    [][]byte         `json:"carried_out,omitempty"`
	Aborts        uint64           `json:"aborts,omitempty"`
	Reign         Reign            `json:"reign"`
	Done          []doneRecord     `json:"done,omitempty"`
	Schemas       []schemaRecord   `json:"schemas"`
	Relations     []relationRecord `json:"relations"`
	Queries       []queryRecord    `json:"queries"`
	Indexes       []indexRecord    `json:"indexes,omitempty"`
	Sequences     []sequenceRecord `json:"sequences,omitempty"`
	Shadows       []relationRecord `json:"shadows,omitempty"`
	Views         []viewRecord     `json:"views,omitempty"`
	Types         []dataTypeRecord `json:"types,omitempty"`
	Roles         []roleRecord     `json:"roles,omitempty"`
	Access        []accessRecord   `json:"access,omitempty"`
	KeptQueries   []queryRecord    `json:"kept_queries,omitempty"`
	KeptRelations []relationRecord `json:"kept_relations,omitempty"`
}

func newSnapshotRecord(s *Snapshot) (*snapshotRecord, error) {
	record := &snapshotRecord{
		Version: s.version, NextID: s.nextID, ClusterID: s.clusterID, Shards: s.shards, CreatedMillis: s.createdMillis,
		LastRowID: s.lastRowID, Aborts: s.aborts, Reign: s.reign, Done: newDoneRecords(s.done), Schemas: newSchemaRecords(s),
		Queries: make([]queryRecord, len(s.queries)),
	}
	record.Committed, record.CarriedOut = transactionBytes(s.committed), transactionBytes(s.carriedOut)
	var err error
	if record.Relations, err = newRelationRecords(s.relations); err != nil {
		return nil, err
	}
	if record.Shadows, err = newRelationRecords(s.shadows); err != nil {
		return nil, err
	}
	if record.KeptRelations, err = newRelationRecords(s.keptRelations); err != nil {
		return nil, err
	}
	for i, q := range s.queries {
		record.Queries[i] = queryRecord(*q)
	}
	for _, q := range s.sequences {
		record.Sequences = append(record.Sequences, newSequenceRecord(q))
	}
	for _, i := range s.indexes {
		record.Indexes = append(record.Indexes, newIndexRecord(i))
	}
	for _, v := range s.views {
		view, err := newViewRecord(v)
		if err != nil {
			return nil, err
		}
		record.Views = append(record.Views, view)
	}
	for _, t := range s.types {
		dataType, err := newDataTypeRecord(t)
		if err != nil {
			return nil, err
		}
		record.Types = append(record.Types, dataType)
	}
	record.Roles, record.Access = newRoleRecords(s), newAccessRecords(s)
	for _, q := range s.keptQueries {
		record.KeptQueries = append(record.KeptQueries, queryRecord(*q))
	}
	return record, nil
}

// snapshot checks what lookups and readers rely on: order, ranges and
// references.
func (r *snapshotRecord) snapshot() (*Snapshot, error) {
	s := &Snapshot{
		version: r.Version, nextID: r.NextID, clusterID: r.ClusterID, shards: r.Shards, createdMillis: r.CreatedMillis,
		lastRowID: r.LastRowID, aborts: r.Aborts, reign: r.Reign,
	}
	var err error
	if s.schemas, err = schemasOf(r.Schemas); err != nil {
		return nil, err
	}
	if s.done, err = doneOf(r.Done); err != nil {
		return nil, err
	}
	if s.committed, err = transactionsOf(r.Committed); err != nil {
		return nil, err
	}
	if s.carriedOut, err = transactionsOf(r.CarriedOut); err != nil {
		return nil, err
	}
	for i := range r.Types {
		t, err := r.Types[i].dataType()
		if err != nil {
			return nil, err
		}
		if i > 0 && t.ID <= s.types[i-1].ID {
			return nil, corrupt("damaged catalog record: types are not in order")
		}
		s.types = append(s.types, t)
	}
	if err := s.readRelations(&s.relations, r.Relations); err != nil {
		return nil, err
	}
	for i := range r.Shadows {
		shadow, err := r.Shadows[i].relation()
		if err != nil {
			return nil, err
		}
		if err := checkRelation(s, shadow); err != nil || shadow.Shadow == 0 || s.Relation(shadow.Shadow) == nil {
			return nil, corrupt("damaged catalog record: a copy of a table is not valid")
		}
		s.shadows = append(s.shadows, shadow)
	}
	for i := range r.Queries {
		query := Query(r.Queries[i])
		s.queries = append(s.queries, &query)
	}
	for i := range r.KeptQueries {
		query := Query(r.KeptQueries[i])
		s.keptQueries = append(s.keptQueries, &query)
	}
	if err := s.readRelations(&s.keptRelations, r.KeptRelations); err != nil {
		return nil, err
	}
	for i := range r.Indexes {
		index := r.Indexes[i].index()
		if err := checkIndex(s, index); err != nil {
			return nil, corrupt("damaged catalog record: %w", err)
		}
		s.indexes = append(s.indexes, index)
	}
	for i := range r.Sequences {
		q, err := r.Sequences[i].sequence()
		if err != nil {
			return nil, err
		}
		if err := s.checkOwner(q); err != nil {
			return nil, corrupt("damaged catalog record: sequence %d belongs to no column", q.ID)
		}
		s.sequences = append(s.sequences, q)
	}
	for i := range r.Views {
		v, err := r.Views[i].view()
		if err != nil {
			return nil, err
		}
		s.views = append(s.views, v)
	}
	if err := s.settleTypes(nil); err != nil {
		return nil, corrupt("damaged catalog record: %w", err)
	}
	for i := range r.Roles {
		s.roles = append(s.roles, r.Roles[i].role())
	}
	for i := range r.Access {
		a, err := r.Access[i].access(s)
		if err != nil {
			return nil, err
		}
		s.setAccess(a)
	}
	s.index()
	if err := s.checkViews(); err != nil {
		return nil, err
	}
	if err := s.checkOrder(); err != nil {
		return nil, err
	}
	if err := s.checkQueries(); err != nil {
		return nil, err
	}
	return s, nil
}

// readRelations appends relations of records to some of the snapshot's.
func (s *Snapshot) readRelations(to *[]*Relation, records []relationRecord) error {
	for i := range records {
		relation, err := records[i].relation()
		if err != nil {
			return err
		}
		if err := checkRelation(s, relation); err != nil {
			return corrupt("damaged catalog record: %w", err)
		}
		*to = append(*to, relation)
	}
	return nil
}

// checkOrder checks that objects are in the order of their IDs, and no name is taken
// twice.
func (s *Snapshot) checkOrder() error {
	if !slices.IsSortedFunc(s.sequences, func(a, b *Sequence) int { return cmp.Compare(a.ID, b.ID) }) ||
		!slices.IsSortedFunc(s.relations, func(a, b *Relation) int { return cmp.Compare(a.ID, b.ID) }) ||
		!slices.IsSortedFunc(s.queries, func(a, b *Query) int { return cmp.Compare(a.ID, b.ID) }) ||
		!slices.IsSortedFunc(s.indexes, func(a, b *Index) int { return cmp.Compare(a.ID, b.ID) }) ||
		len(s.relationByName) != len(s.relations) || len(s.queryByName) != len(s.queries) {
		return corrupt("damaged catalog record: objects are not in order")
	}
	return nil
}

// checkQueries checks that queries are of what they name, and relations of queries.
func (s *Snapshot) checkQueries() error {
	for _, q := range s.queries {
		if sink := s.Relation(q.Sink); sink == nil || (sink.Query == q.ID) == q.Inserts() {
			return corrupt("damaged catalog record: query %d has no sink", q.ID)
		}
		if q.Columns != nil && len(q.Columns) != len(q.Sources) {
			return corrupt("damaged catalog record: query %d has columns of other relations than it reads", q.ID)
		}
		for _, source := range q.Sources {
			if s.Relation(source) == nil {
				return corrupt("damaged catalog record: query %d reads a relation that is not there", q.ID)
			}
		}
	}
	for _, q := range s.running {
		for _, id := range q.Shared {
			if s.RunningQuery(id) == nil || id >= q.ID {
				return corrupt("damaged catalog record: query %d shares one that is not there", q.ID)
			}
		}
	}
	for _, q := range s.keptQueries {
		if sink := s.KeptRelation(q.Sink); sink == nil || s.Query(q.ID) != nil || s.Relation(q.Sink) != nil {
			return corrupt("damaged catalog record: kept query %d has no result of its own", q.ID)
		}
	}
	for _, q := range s.queries {
		if q.Inserts() && checkInto(s, q) != nil {
			return corrupt("damaged catalog record: query %d cannot write its sink", q.ID)
		}
	}
	for _, relation := range s.relations {
		if relation.Query != 0 && s.Query(relation.Query) == nil {
			return corrupt("damaged catalog record: relation %d has no query", relation.ID)
		}
	}
	return nil
}
