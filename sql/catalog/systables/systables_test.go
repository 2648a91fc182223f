package systables

import (
	"context"
	"testing"
	"time"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// testRuntime reports one of everything.
type testRuntime struct{}

func (testRuntime) Queries(context.Context) ([]QueryStatus, error) {
	return []QueryStatus{
		{Query: 16388, Shard: 0, State: "running", Rows: 3, Lag: 1},
		{Query: 16388, Shard: 1, State: "backfilling", Rows: 4, Lag: 2, Error: "division by zero"},
	}, nil
}

func (testRuntime) Partitions(context.Context) ([]PartitionStatus, error) {
	return []PartitionStatus{{Relation: 16384, Rows: 5, Bytes: -1, Rowtime: time.UnixMilli(1)}}, nil
}

func (testRuntime) Shards(context.Context) ([]ShardStatus, error) {
	return []ShardStatus{{Shard: 0, Leader: 1, State: "running", Term: 2, Index: 9}}, nil
}

func (testRuntime) Replicas(context.Context) ([]ReplicaStatus, error) {
	return []ReplicaStatus{{Shard: 0, Node: 1, Role: "voter", Leader: true, State: "running", Index: 9, Bytes: -1}}, nil
}

func (testRuntime) Nodes(context.Context) ([]NodeStatus, error) {
	return []NodeStatus{{ID: 1, Address: "127.0.0.1:1", Version: "0", State: "running", Started: time.UnixMilli(5)}}, nil
}

func (testRuntime) LateRows(context.Context) ([]LateRow, error) { return nil, nil }

func (testRuntime) Errors(context.Context) ([]RowError, error) {
	return []RowError{{Time: time.UnixMilli(5), Query: 16388, Relation: 16384, Offset: 7, Code: "22012", Message: "division by zero"}}, nil
}

func (testRuntime) Locks(context.Context) ([]LockStatus, error) {
	return []LockStatus{{PID: 1, Transaction: 2, Target: 2, Mode: "ExclusiveLock", Granted: true}}, nil
}

func (testRuntime) Sessions(context.Context) ([]SessionStatus, error) {
	return []SessionStatus{{PID: 7, User: "millrace", Database: "millrace", State: "idle"}}, nil
}

func (testRuntime) Settings(context.Context) ([]Setting, error) {
	return []Setting{{Name: "timezone", Value: "UTC", Default: "UTC", Context: "user"}}, nil
}

func (testRuntime) SequenceState(catalog.ObjectID) (int64, bool, int64) { return 7, true, 3 }
func (testRuntime) Cursors(context.Context) ([]Cursor, error) {
	return []Cursor{{Name: "c", Statement: "SELECT 1", Hold: true}}, nil
}

func (testRuntime) PreparedStatements(context.Context) ([]PreparedStatement, error) {
	return []PreparedStatement{{Name: "p", Statement: "SELECT $1", Parameters: []types.Type{types.Int4}}}, nil
}

func testEnvironment(t *testing.T) *Environment {
	t.Helper()
	s := &catalog.Snapshot{}
	for _, command := range []catalog.Command{
		&catalog.Bootstrap{ClusterID: "c", Shards: 4},
		&catalog.CreateRelation{Relation: catalog.Relation{
			Kind: catalog.KindTable, Schema: "public", Name: "airports", Partitions: 4, Key: []int{0}, Constraints: []catalog.Constraint{{Name: "airports_pkey", Kind: catalog.ConstraintPrimaryKey, Columns: []int{0}}}, Rowtime: -1,
			Columns: []catalog.Column{
				{Name: "iata", Type: types.Text, NotNull: true, Comment: "code"},
				{Name: "tags", Type: types.ArrayOf(types.Text), Default: "'{}'"},
				{Name: "price", Type: types.NumericOf(10, 2)},
				{Name: "short", Type: types.VarcharOf(3)},
				{Name: "spot", Type: types.StructOf([]types.Field{{Name: "x", Type: types.Int4}})},
			},
			Comment: "places", Definition: "CREATE TABLE airports …",
		}},
		&catalog.CreateRelation{
			Relation: catalog.Relation{
				Kind: catalog.KindTable, Schema: "public", Name: "names", Partitions: 4, Key: []int{1}, Rowtime: -1,
				Columns: []catalog.Column{{Name: "tags", Type: types.Text}, {Name: "iata", Type: types.Text, Hidden: true}},
			},
			Query: &catalog.Query{Name: "names", Text: "SELECT tags FROM airports", Sources: []catalog.ObjectID{16384}},
		},
		&catalog.CreateRelation{Relation: catalog.Relation{
			Kind: catalog.KindStream, Schema: "public", Name: "clicks", Partitions: 2, Rowtime: 0, RetentionMillis: 60000,
			Columns: []catalog.Column{{Name: "at", Type: types.Timestamp}},
		}},
	} {
		next, _, err := catalog.Apply(s, command)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return &Environment{
		Catalog: s, Runtime: testRuntime{}, Database: "millrace", User: "millrace", ServerVersion: "15.0",
		Functions: []Function{
			{Name: "abs", Args: []types.Type{types.Int4}, Result: types.Int4, Volatility: 'i', Strict: true},
			{Name: "+", Args: []types.Type{types.Int4, types.Int4}, Result: types.Int4, Volatility: 'i'},
			{Name: "pick", Args: []types.Type{{Kind: 200}}, Result: types.Type{Kind: 201}, Volatility: 'i'},
			{Name: "sum", Args: []types.Type{types.Int4}, Result: types.Int8, Aggregate: true, Volatility: 'i'},
		},
	}
}

// Every table gives rows of its own width, with and without a runtime.
func TestRowsFitColumns(t *testing.T) {
	env := testEnvironment(t)
	bare := *env
	bare.Runtime = nil
	for _, table := range New().Tables() {
		for _, e := range []*Environment{env, &bare} {
			rows, err := table.Rows(context.Background(), e)
			if err != nil {
				t.Fatalf("%s.%s: %v", table.Schema, table.Name, err)
			}
			for _, r := range rows {
				if len(r) != len(table.Columns) {
					t.Fatalf("%s.%s: a row of %d values for %d columns", table.Schema, table.Name, len(r), len(table.Columns))
				}
			}
		}
	}
}

// The OIDs and names of tables and of the columns of one table are unique.
func TestNamesAreUnique(t *testing.T) {
	registry := New()
	oids := make(map[uint32]string)
	for _, table := range registry.Tables() {
		if other, taken := oids[table.OID]; taken {
			t.Errorf("%s and %s have the OID %d", table.Name, other, table.OID)
		}
		if table.OID >= uint32(catalog.FirstObjectID) {
			t.Errorf("%s has the OID %d of a user's object", table.Name, table.OID)
		}
		oids[table.OID] = table.Name
		if registry.Lookup(table.Schema, table.Name) != table || registry.ByOID(table.OID) != table {
			t.Errorf("%s.%s is not found", table.Schema, table.Name)
		}
		seen := make(map[string]bool)
		for _, c := range table.Columns {
			if seen[c.Name] {
				t.Errorf("%s.%s has column %s twice", table.Schema, table.Name, c.Name)
			}
			seen[c.Name] = true
		}
	}
}

// values returns one column of a table by name, for the rows where another
// column has the given value.
func values(t *testing.T, env *Environment, schema, table, column, where string, equals types.Datum) []types.Datum {
	t.Helper()
	definition := New().Lookup(schema, table)
	number := func(name string) int {
		for i, c := range definition.Columns {
			if c.Name == name {
				return i
			}
		}
		t.Fatalf("%s has no column %s", table, name)
		return -1
	}
	rows, err := definition.Rows(context.Background(), env)
	if err != nil {
		t.Fatal(err)
	}
	var found []types.Datum
	for _, r := range rows {
		if r[number(where)] == equals {
			found = append(found, r[number(column)])
		}
	}
	return found
}

func TestRelationsAreShown(t *testing.T) {
	env := testEnvironment(t)
	text := types.StringDatum
	for _, c := range []struct {
		schema, table, column, where string
		equals                       types.Datum
		want                         []types.Datum
	}{
		{"pg_catalog", "pg_class", "relkind", "relname", text("airports"), []types.Datum{text("r")}},
		{"pg_catalog", "pg_class", "relkind", "relname", text("clicks"), []types.Datum{text("r")}},
		{"pg_catalog", "pg_class", "relkind", "relname", text("airports_pkey"), []types.Datum{text("i")}},
		{"pg_catalog", "pg_class", "oid", "relname", text("airports_pkey"), []types.Datum{types.IntDatum(16385)}},
		{"pg_catalog", "pg_class", "relnatts", "relname", text("names"), []types.Datum{types.IntDatum(1)}},
		{"pg_catalog", "pg_attribute", "attname", "attrelid", types.IntDatum(16386), []types.Datum{text("tags")}},
		{"pg_catalog", "pg_type", "typarray", "typname", text("int4"), []types.Datum{types.IntDatum(1007)}},
		{"pg_catalog", "pg_type", "typelem", "typname", text("_int4"), []types.Datum{types.IntDatum(23)}},
		{"pg_catalog", "pg_proc", "proname", "prokind", text("a"), []types.Datum{text("sum")}},
		{"information_schema", "columns", "data_type", "column_name", text("price"), []types.Datum{text("numeric")}},
		{"information_schema", "columns", "character_maximum_length", "column_name", text("short"), []types.Datum{types.IntDatum(3)}},
		{"millrace", "queries", "state", "name", text("names"), []types.Datum{text("backfilling")}},
		{"millrace", "queries", "lag", "name", text("names"), []types.Datum{types.IntDatum(3)}},
		{"millrace", "queries", "sources", "name", text("names"), []types.Datum{text("airports")}},
		{"millrace", "columns", "key", "name", text("iata"), []types.Datum{text("primary key"), text("key")}},
		{"millrace", "tables", "rows", "name", text("airports"), []types.Datum{types.IntDatum(5)}},
		{"millrace", "streams", "retention", "name", text("clicks"), []types.Datum{text("1m0s")}},
		{"millrace", "definitions", "definition", "kind", text("constraint"), []types.Datum{text("PRIMARY KEY (iata)")}},
	} {
		got := values(t, env, c.schema, c.table, c.column, c.where, c.equals)
		if len(got) != len(c.want) {
			t.Errorf("%s.%s of %v: %v, want %v", c.table, c.column, c.equals, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s.%s of %v: %v, want %v", c.table, c.column, c.equals, got, c.want)
			}
		}
	}
}
