package catalog

import (
	"cmp"
	"slices"

	"millrace/sql/types"
)

// The records are what commands and snapshots look like on disk and between
// nodes: their field names are never used for anything else.

type bootstrapRecord struct {
	ClusterID     string `json:"cluster_id"`
	Shards        int    `json:"shards"`
	CreatedMillis int64  `json:"created_ms"`
	Superuser     string `json:"superuser,omitempty"`
	Verifier      string `json:"verifier,omitempty"`
}

type createRecord struct {
	Relation    relationRecord `json:"relation"`
	Query       *queryRecord   `json:"query,omitempty"`
	IfNotExists bool           `json:"if_not_exists,omitempty"`
	Indexes     []indexRecord  `json:"indexes,omitempty"`

	Sequences []sequenceRecord `json:"sequences,omitempty"`
}

type dropRecord struct {
	Kind     string `json:"kind"`
	Names    []Name `json:"names"`
	IfExists bool   `json:"if_exists,omitempty"`
	Cascade  bool   `json:"cascade,omitempty"`
}

type createQueryRecord struct {
	Query queryRecord `json:"query"`
}

type queryNameRecord struct {
	Name string `json:"name"`
}

type alterRecord struct {
	Relation relationRecord `json:"relation"`
	Base     uint64         `json:"base"`
	Shadow   ObjectID       `json:"shadow,omitempty"`
	Cascade  bool           `json:"cascade,omitempty"`

	DropIndexes   []ObjectID        `json:"drop_indexes,omitempty"`
	Indexes       []indexRecord     `json:"indexes,omitempty"`
	RenameIndexes []indexNameRecord `json:"rename_indexes,omitempty"`
	Sequences     []sequenceRecord  `json:"sequences,omitempty"`
}

type indexNameRecord struct {
	ID   ObjectID `json:"id"`
	Name string   `json:"name"`
}

type dropShadowRecord struct {
	ID ObjectID `json:"id,omitempty"`
}

type formerNameRecord struct {
	Schema string `json:"schema,omitempty"`
	Name   string `json:"name"`
	Until  uint64 `json:"until"`
}

type commentRecord struct {
	Kind   string `json:"kind"`
	Name   Name   `json:"name"`
	Column string `json:"column,omitempty"`
	Text   string `json:"text"`
}

type reserveRecord struct {
	Count int64 `json:"count"`
}

type snapshotRecord struct {
	Version       uint64           `json:"version"`
	NextID        ObjectID         `json:"next_id"`
	ClusterID     string           `json:"cluster_id"`
	Shards        int              `json:"shards"`
	CreatedMillis int64            `json:"created_ms"`
	LastRowID     int64            `json:"last_row_id,omitempty"`
	Committed     [][]byte         `json:"committed,omitempty"`
	Aborts        uint64           `json:"aborts,omitempty"`
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

type relationRecord struct {
	ID      ObjectID       `json:"id"`
	Kind    string         `json:"kind"`
	Schema  string         `json:"schema"`
	Name    string         `json:"name"`
	Columns []columnRecord `json:"columns"`
	Key     []int          `json:"key"`
	Bag     bool           `json:"bag,omitempty"`
	// An empty list of columns places all rows on one shard; null says nothing.
	Distribution    []int    `json:"distribution"`
	Window          []int    `json:"window,omitempty"`
	Partitions      int      `json:"partitions"`
	Rowtime         int      `json:"rowtime"`
	RowtimeFormat   string   `json:"rowtime_format,omitempty"`
	MaxAheadMillis  int64    `json:"max_ahead_ms"`
	RetentionMillis int64    `json:"retention_ms,omitempty"`
	RetentionBytes  int64    `json:"retention_bytes,omitempty"`
	Compact         bool     `json:"compact,omitempty"`
	DeleteRetention int64    `json:"delete_retention_ms,omitempty"`
	ChangesMillis   int64    `json:"changes_retention_ms,omitempty"`
	ChangesBytes    int64    `json:"changes_retention_bytes,omitempty"`
	Query           ObjectID `json:"query,omitempty"`
	Frozen          bool     `json:"frozen,omitempty"`
	Upsert          bool     `json:"upsert,omitempty"`

	FormerNames []formerNameRecord `json:"former_names,omitempty"`
	Storage     ObjectID           `json:"storage,omitempty"`
	Shadow      ObjectID           `json:"shadow,omitempty"`
	Changed     uint64             `json:"changed,omitempty"`
	Layout      uint64             `json:"layout,omitempty"`

	Constraints []constraintRecord `json:"constraints,omitempty"`
	Definition  string             `json:"definition"`
	Options     []Option           `json:"options,omitempty"`
	Comment     string             `json:"comment,omitempty"`
}

type columnRecord struct {
	Name    string     `json:"name"`
	Type    typeRecord `json:"type"`
	NotNull bool       `json:"not_null,omitempty"`
	Default string     `json:"default,omitempty"`

	Sequences []ObjectID `json:"sequences,omitempty"`
	Identity  string     `json:"identity,omitempty"`
	Generated string     `json:"generated,omitempty"`

	Hidden  bool   `json:"hidden,omitempty"`
	Comment string `json:"comment,omitempty"`

	Dropped     bool               `json:"dropped,omitempty"`
	Unseen      bool               `json:"unseen,omitempty"`
	FormerNames []formerNameRecord `json:"former_names,omitempty"`
	Since       uint64             `json:"since,omitempty"`
	// Missing is a row of this column alone, in the row encoding.
	Missing []byte `json:"missing,omitempty"`
}

type constraintRecord struct {
	ID         ObjectID `json:"id"`
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`
	Columns    []int    `json:"columns"`
	Expression string   `json:"expression,omitempty"`
	Comment    string   `json:"comment,omitempty"`
}

type queryRecord struct {
	ID            ObjectID   `json:"id"`
	Name          string     `json:"name"`
	Text          string     `json:"text"`
	Sink          ObjectID   `json:"sink"`
	Into          []int      `json:"into"`
	Sources       []ObjectID `json:"sources"`
	Columns       [][]int    `json:"columns,omitempty"`
	Views         []ObjectID `json:"views,omitempty"`
	Indirect      []ObjectID `json:"indirect,omitempty"`
	Types         []ObjectID `json:"types,omitempty"`
	Shared        []ObjectID `json:"shared,omitempty"`
	Version       uint64     `json:"version"`
	Paused        bool       `json:"paused,omitempty"`
	StopOnError   bool       `json:"stop_on_error,omitempty"`
	Settings      []Option   `json:"settings,omitempty"`
	CreatedMillis int64      `json:"created_ms"`
}

func newCreateRecord(c *CreateRelation) (createRecord, error) {
	relation, err := newRelationRecord(&c.Relation)
	if err != nil {
		return createRecord{}, err
	}
	record := createRecord{Relation: relation, IfNotExists: c.IfNotExists}
	if c.Query != nil {
		query := queryRecord(*c.Query)
		record.Query = &query
	}
	for i := range c.Sequences {
		record.Sequences = append(record.Sequences, newSequenceRecord(&c.Sequences[i]))
	}
	for i := range c.Indexes {
		record.Indexes = append(record.Indexes, newIndexRecord(&c.Indexes[i]))
	}
	return record, nil
}

func (r *createRecord) command() (Command, error) {
	relation, err := r.Relation.relation()
	if err != nil {
		return nil, err
	}
	c := &CreateRelation{Relation: *relation, IfNotExists: r.IfNotExists}
	if r.Query != nil {
		query := Query(*r.Query)
		c.Query = &query
	}
	for i := range r.Sequences {
		q, err := r.Sequences[i].sequence()
		if err != nil {
			return nil, err
		}
		if q.OwnerColumn >= len(c.Relation.Columns) {
			return nil, corrupt("sequence %q belongs to no column", q.Name)
		}
		c.Sequences = append(c.Sequences, *q)
	}
	for i := range r.Indexes {
		c.Indexes = append(c.Indexes, *r.Indexes[i].index())
	}
	return c, nil
}

func newSnapshotRecord(s *Snapshot) (*snapshotRecord, error) {
	record := &snapshotRecord{
		Version: s.version, NextID: s.nextID, ClusterID: s.clusterID, Shards: s.shards, CreatedMillis: s.createdMillis,
		LastRowID: s.lastRowID, Aborts: s.aborts, Schemas: newSchemaRecords(s),
		Relations: make([]relationRecord, len(s.relations)),
		Queries:   make([]queryRecord, len(s.queries)),
	}
	for _, id := range s.committed {
		record.Committed = append(record.Committed, id[:])
	}
	for i, r := range s.relations {
		relation, err := newRelationRecord(r)
		if err != nil {
			return nil, err
		}
		record.Relations[i] = relation
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
	for _, shadow := range s.shadows {
		relation, err := newRelationRecord(shadow)
		if err != nil {
			return nil, err
		}
		record.Shadows = append(record.Shadows, relation)
	}
	record.Roles, record.Access = newRoleRecords(s), newAccessRecords(s)
	for _, q := range s.keptQueries {
		record.KeptQueries = append(record.KeptQueries, queryRecord(*q))
	}
	for _, r := range s.keptRelations {
		relation, err := newRelationRecord(r)
		if err != nil {
			return nil, err
		}
		record.KeptRelations = append(record.KeptRelations, relation)
	}
	return record, nil
}

// snapshot checks what lookups and readers rely on: order, ranges and
// references.
func (r *snapshotRecord) snapshot() (*Snapshot, error) {
	s := &Snapshot{
		version: r.Version, nextID: r.NextID, clusterID: r.ClusterID, shards: r.Shards, createdMillis: r.CreatedMillis,
		lastRowID: r.LastRowID, aborts: r.Aborts,
	}
	var err error
	if s.schemas, err = schemasOf(r.Schemas); err != nil {
		return nil, err
	}
	for _, bytes := range r.Committed {
		id, err := (&transactionRecord{bytes}).id()
		if err != nil {
			return nil, err
		}
		s.committed = append(s.committed, id)
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
	for i := range r.Relations {
		relation, err := r.Relations[i].relation()
		if err != nil {
			return nil, err
		}
		if err := checkRelation(s, relation); err != nil {
			return nil, corrupt("damaged catalog record: %w", err)
		}
		s.relations = append(s.relations, relation)
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
	for i := range r.KeptRelations {
		relation, err := r.KeptRelations[i].relation()
		if err != nil {
			return nil, err
		}
		if err := checkRelation(s, relation); err != nil {
			return nil, corrupt("damaged catalog record: %w", err)
		}
		s.keptRelations = append(s.keptRelations, relation)
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
	if !slices.IsSortedFunc(s.sequences, func(a, b *Sequence) int { return cmp.Compare(a.ID, b.ID) }) ||
		!slices.IsSortedFunc(s.relations, func(a, b *Relation) int { return cmp.Compare(a.ID, b.ID) }) ||
		!slices.IsSortedFunc(s.queries, func(a, b *Query) int { return cmp.Compare(a.ID, b.ID) }) ||
		!slices.IsSortedFunc(s.indexes, func(a, b *Index) int { return cmp.Compare(a.ID, b.ID) }) ||
		len(s.relationByName) != len(s.relations) || len(s.queryByName) != len(s.queries) {
		return nil, corrupt("damaged catalog record: objects are not in order")
	}
	for _, q := range s.queries {
		if sink := s.Relation(q.Sink); sink == nil || (sink.Query == q.ID) == q.Inserts() {
			return nil, corrupt("damaged catalog record: query %d has no sink", q.ID)
		}
		if q.Columns != nil && len(q.Columns) != len(q.Sources) {
			return nil, corrupt("damaged catalog record: query %d has columns of other relations than it reads", q.ID)
		}
		for _, source := range q.Sources {
			if s.Relation(source) == nil {
				return nil, corrupt("damaged catalog record: query %d reads a relation that is not there", q.ID)
			}
		}
	}
	for _, q := range s.running {
		for _, id := range q.Shared {
			if s.RunningQuery(id) == nil || id >= q.ID {
				return nil, corrupt("damaged catalog record: query %d shares one that is not there", q.ID)
			}
		}
	}
	for _, q := range s.keptQueries {
		if sink := s.KeptRelation(q.Sink); sink == nil || s.Query(q.ID) != nil || s.Relation(q.Sink) != nil {
			return nil, corrupt("damaged catalog record: kept query %d has no result of its own", q.ID)
		}
	}
	for _, q := range s.queries {
		if q.Inserts() && checkInto(s, q) != nil {
			return nil, corrupt("damaged catalog record: query %d cannot write its sink", q.ID)
		}
	}
	for _, relation := range s.relations {
		if relation.Query != 0 && s.Query(relation.Query) == nil {
			return nil, corrupt("damaged catalog record: relation %d has no query", relation.ID)
		}
	}
	return s, nil
}

func newRelationRecord(r *Relation) (relationRecord, error) {
	record := relationRecord{
		ID: r.ID, Kind: r.Kind.String(), Schema: r.Schema, Name: r.Name,
		Columns: make([]columnRecord, len(r.Columns)),
		Key:     r.Key, Bag: r.Bag, Distribution: r.Distribution, Window: r.Window, Partitions: r.Partitions, Rowtime: r.Rowtime, RowtimeFormat: r.RowtimeFormat,
		MaxAheadMillis: r.MaxAheadMillis, RetentionMillis: r.RetentionMillis, RetentionBytes: r.RetentionBytes,
		Compact: r.Compact, DeleteRetention: r.DeleteRetentionMillis, ChangesMillis: r.ChangesMillis, ChangesBytes: r.ChangesBytes,
		Query: r.Query, Frozen: r.Frozen, Upsert: r.Upsert, Definition: r.Definition, Options: r.Options, Comment: r.Comment,
		FormerNames: formerNameRecords(r.FormerNames), Storage: r.Storage, Shadow: r.Shadow, Changed: r.Changed, Layout: r.Layout,
	}
	for i := range r.Constraints {
		c := &r.Constraints[i]
		record.Constraints = append(record.Constraints, constraintRecord{
			ID: c.ID, Name: c.Name, Kind: constraintKinds[c.Kind], Columns: c.Columns, Expression: c.Expression, Comment: c.Comment,
		})
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		t, err := newTypeRecord(c.Type)
		if err != nil {
			return relationRecord{}, err
		}
		record.Columns[i] = columnRecord{
			Name: c.Name, Type: t, NotNull: c.NotNull, Default: c.Default, Hidden: c.Hidden, Comment: c.Comment,
			Sequences: c.Sequences, Identity: identities[c.Identity], Generated: c.Generated,
			Dropped: c.Dropped, Unseen: c.Unseen, FormerNames: formerNameRecords(c.FormerNames), Since: c.Since,
		}
		if c.Missing.Valid {
			record.Columns[i].Missing = types.NewRowCodec([]types.Type{c.Type}).AppendDatums(nil, []types.Datum{c.Missing})
		}
	}
	return record, nil
}

func (r *relationRecord) relation() (*Relation, error) {
	kind, err := parseKind(r.Kind)
	if err != nil {
		return nil, err
	}
	relation := &Relation{
		ID: r.ID, Kind: kind, Schema: r.Schema, Name: r.Name,
		Columns: make([]Column, len(r.Columns)),
		Key:     r.Key, Bag: r.Bag, Distribution: r.Distribution, Window: r.Window, Partitions: r.Partitions, Rowtime: r.Rowtime, RowtimeFormat: r.RowtimeFormat,
		MaxAheadMillis: r.MaxAheadMillis, RetentionMillis: r.RetentionMillis, RetentionBytes: r.RetentionBytes,
		Compact: r.Compact, DeleteRetentionMillis: r.DeleteRetention, ChangesMillis: r.ChangesMillis, ChangesBytes: r.ChangesBytes,
		Query: r.Query, Frozen: r.Frozen, Upsert: r.Upsert, Definition: r.Definition, Options: r.Options, Comment: r.Comment,
		FormerNames: formerNames(r.FormerNames), Storage: r.Storage, Shadow: r.Shadow, Changed: r.Changed, Layout: r.Layout,
	}
	for i := range r.Constraints {
		c := &r.Constraints[i]
		kind, err := parseConstraintKind(c.Kind)
		if err != nil {
			return nil, err
		}
		relation.Constraints = append(relation.Constraints, Constraint{
			ID: c.ID, Name: c.Name, Kind: kind, Columns: c.Columns, Expression: c.Expression, Comment: c.Comment,
		})
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		t, err := c.Type.dataType(0)
		if err != nil {
			return nil, err
		}
		identity, err := parseIdentity(c.Identity)
		if err != nil {
			return nil, err
		}
		relation.Columns[i] = Column{
			Name: c.Name, Type: t, NotNull: c.NotNull, Default: c.Default, Hidden: c.Hidden, Comment: c.Comment,
			Sequences: c.Sequences, Identity: identity, Generated: c.Generated,
			Dropped: c.Dropped, Unseen: c.Unseen, FormerNames: formerNames(c.FormerNames), Since: c.Since,
		}
		if c.Missing != nil {
			missing, err := types.NewRowCodec([]types.Type{t}).DecodeDatums(c.Missing, nil)
			if err != nil {
				return nil, err
			}
			relation.Columns[i].Missing = missing[0]
		}
	}
	return relation, nil
}

func formerNameRecords(names []FormerName) []formerNameRecord {
	var records []formerNameRecord
	for _, name := range names {
		records = append(records, formerNameRecord(name))
	}
	return records
}

func formerNames(records []formerNameRecord) []FormerName {
	var names []FormerName
	for _, record := range records {
		names = append(names, FormerName(record))
	}
	return names
}

func parseKind(name string) (Kind, error) {
	switch name {
	case "stream":
		return KindStream, nil
	case "table":
		return KindTable, nil
	case "view":
		return KindView, nil
	default:
		return 0, corrupt("unknown kind of relation %q", name)
	}
}

// constraintKinds names the kinds of constraint.
var constraintKinds = map[ConstraintKind]string{
	ConstraintPrimaryKey: "primary key", ConstraintCheck: "check",
}

func parseConstraintKind(name string) (ConstraintKind, error) {
	for kind, known := range constraintKinds {
		if known == name {
			return kind, nil
		}
	}
	return 0, corrupt("unknown kind of constraint %q", name)
}

// identities names the kinds of identity column.
var identities = map[Identity]string{NotIdentity: "", IdentityAlways: "always", IdentityByDefault: "by default"}

func parseIdentity(name string) (Identity, error) {
	for identity, known := range identities {
		if known == name {
			return identity, nil
		}
	}
	return 0, corrupt("unknown kind of identity column %q", name)
}

// typeRecord is a type with its kind by name, which outlives the numbers that
// a build gives to kinds.
type typeRecord struct {
	Kind     string        `json:"kind"`
	Modifier int32         `json:"modifier"`
	Element  *typeRecord   `json:"element,omitempty"`
	Key      *typeRecord   `json:"key,omitempty"`
	Fields   []fieldRecord `json:"fields,omitempty"`
	// Named is the ID of the type that CREATE TYPE made, 0 for any other; what else is
	// said of it is in its own record.
	Named ObjectID `json:"named,omitempty"`
}

type fieldRecord struct {
	Name string     `json:"name"`
	Type typeRecord `json:"type"`
}

// typeKinds names the kinds of type that a column may have.
var typeKinds = map[types.Kind]string{
	types.KindBool: "bool", types.KindInt2: "int2", types.KindInt4: "int4", types.KindInt8: "int8",
	types.KindFloat4: "float4", types.KindFloat8: "float8", types.KindNumeric: "numeric",
	types.KindText: "text", types.KindVarchar: "varchar", types.KindBpchar: "bpchar", types.KindName: "name",
	types.KindChar: "char", types.KindBytea: "bytea", types.KindDate: "date", types.KindTime: "time", types.KindTimeTZ: "timetz",
	types.KindTimestamp: "timestamp", types.KindTimestampTZ: "timestamptz", types.KindInterval: "interval",
	types.KindUUID: "uuid", types.KindJSON: "json", types.KindJSONB: "jsonb", types.KindOID: "oid", types.KindRegclass: "regclass",
	types.KindRegtype: "regtype", types.KindRegproc: "regproc",
	types.KindRegprocedure: "regprocedure", types.KindRegoper: "regoper", types.KindRegoperator: "regoperator",
	types.KindRegnamespace: "regnamespace", types.KindRegrole: "regrole", types.KindRegcollation: "regcollation",
	types.KindRegconfig: "regconfig", types.KindRegdictionary: "regdictionary",
	types.KindEnum: "enum", types.KindArray: "array", types.KindStruct: "struct", types.KindMap: "map",
}

var kindsByName = func() map[string]types.Kind {
	kinds := make(map[string]types.Kind, len(typeKinds))
	for kind, name := range typeKinds {
		kinds[name] = kind
	}
	return kinds
}()

// maxTypeDepth bounds how deep types nest, so that damaged bytes cannot exhaust
// the stack.
const maxTypeDepth = 64

func newTypeRecord(t types.Type) (typeRecord, error) {
	name, ok := typeKinds[t.Kind]
	if !ok {
		return typeRecord{}, corrupt("type kind %d cannot be stored in the catalog", t.Kind)
	}
	record := typeRecord{Kind: name, Modifier: t.Mod}
	if t.Named != nil {
		record.Named = ObjectID(t.Named.ID)
		return record, nil
	}
	for _, part := range []struct {
		from *types.Type
		to   **typeRecord
	}{{t.Elem, &record.Element}, {t.Key, &record.Key}} {
		if part.from == nil {
			continue
		}
		nested, err := newTypeRecord(*part.from)
		if err != nil {
			return typeRecord{}, err
		}
		*part.to = &nested
	}
	for _, field := range t.Fields {
		nested, err := newTypeRecord(field.Type)
		if err != nil {
			return typeRecord{}, err
		}
		record.Fields = append(record.Fields, fieldRecord{Name: field.Name, Type: nested})
	}
	return record, nil
}

func (r *typeRecord) dataType(depth int) (types.Type, error) {
	kind, ok := kindsByName[r.Kind]
	if !ok || depth > maxTypeDepth {
		return types.Type{}, corrupt("unknown type %q in a catalog record", r.Kind)
	}
	if (kind == types.KindArray || kind == types.KindMap) != (r.Element != nil) || (kind == types.KindMap) != (r.Key != nil) {
		return types.Type{}, corrupt("damaged type %q in a catalog record", r.Kind)
	}
	t := types.Type{Kind: kind, Mod: r.Modifier}
	if r.Named != 0 && (kind == types.KindEnum || kind == types.KindStruct) {
		t.Named = &types.Named{ID: uint32(r.Named)}
		return t, nil
	}
	if kind == types.KindEnum {
		return types.Type{}, corrupt("an enum without a name in a catalog record")
	}
	for _, part := range []struct {
		from *typeRecord
		to   **types.Type
	}{{r.Element, &t.Elem}, {r.Key, &t.Key}} {
		if part.from == nil {
			continue
		}
		nested, err := part.from.dataType(depth + 1)
		if err != nil {
			return types.Type{}, err
		}
		*part.to = &nested
	}
	for i := range r.Fields {
		nested, err := r.Fields[i].Type.dataType(depth + 1)
		if err != nil {
			return types.Type{}, err
		}
		t.Fields = append(t.Fields, types.Field{Name: r.Fields[i].Name, Type: nested})
	}
	return t, nil
}
