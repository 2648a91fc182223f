package catalog

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"millrace/sql/sqlerr"
	"millrace/sql/types"
)

// drawType draws any type that a column may have.
func drawType(t *rapid.T, depth int) types.Type {
	simple := []types.Type{
		types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.NumericOf(10, 2),
		types.Text, types.VarcharOf(7), types.BpcharOf(3), types.Bytea, types.Date, types.Time, types.Timestamp,
		types.TimestampTZ, types.Interval, types.UUID, types.JSONB,
	}
	if depth > 2 {
		return rapid.SampledFrom(simple).Draw(t, "type")
	}
	switch rapid.IntRange(0, 5).Draw(t, "shape") {
	case 0:
		return types.ArrayOf(drawType(t, depth+1))
	case 1:
		return types.MapOf(types.Text, drawType(t, depth+1))
	case 2:
		return types.StructOf([]types.Field{{Name: "f", Type: drawType(t, depth+1)}, {Name: "g", Type: types.Int4}})
	default:
		return rapid.SampledFrom(simple).Draw(t, "type")
	}
}

func drawRelation(t *rapid.T, name string) Relation {
	r := Relation{
		Kind:   rapid.SampledFrom([]Kind{KindStream, KindTable}).Draw(t, "kind"),
		Schema: DefaultSchema, Name: name, Partitions: rapid.IntRange(1, 8).Draw(t, "partitions"),
		Rowtime: rapid.IntRange(-1, 0).Draw(t, "rowtime"), MaxAheadMillis: rapid.Int64Min(0).Draw(t, "ahead"),
		RetentionMillis: rapid.Int64Min(0).Draw(t, "retention"), RetentionBytes: rapid.Int64Min(0).Draw(t, "bytes"),
		Compact: rapid.Bool().Draw(t, "compact"), DeleteRetentionMillis: rapid.Int64Min(0).Draw(t, "delete retention"),
		Definition: rapid.String().Draw(t, "definition"), Comment: rapid.String().Draw(t, "comment"),
		Bag: rapid.Bool().Draw(t, "bag"), Upsert: rapid.Bool().Draw(t, "upsert"),
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "columns") {
		r.Columns = append(r.Columns, Column{
			Name: string(rune('a' + i)), Type: drawType(t, 0), NotNull: rapid.Bool().Draw(t, "not null"),
			Default: rapid.String().Draw(t, "default"), Hidden: rapid.Bool().Draw(t, "hidden"),
		})
		if rapid.Bool().Draw(t, "key") {
			r.Key = append(r.Key, i)
		}
	}
	if rapid.Bool().Draw(t, "constraints") {
		r.Constraints = []Constraint{
			{Name: "k", Kind: ConstraintPrimaryKey, Columns: []int{0}},
			{Name: "c", Kind: ConstraintCheck, Columns: []int{}, Expression: rapid.String().Draw(t, "check"), Comment: "x"},
		}
	}
	if rapid.Bool().Draw(t, "options") {
		r.Options = []Option{{"partitions", "3"}}
		r.Distribution = []int{0}
	}
	return r
}

func drawIndex(t *rapid.T, name string) Index {
	i := Index{
		Name: name, Method: "btree", Unique: rapid.Bool().Draw(t, "unique"), NullsNotDistinct: rapid.Bool().Draw(t, "nulls"),
		Constraint: rapid.Bool().Draw(t, "constraint"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "index columns") {
		i.Columns = append(i.Columns, IndexColumn{Column: rapid.IntRange(0, 4).Draw(t, "column"), Descending: rapid.Bool().Draw(t, "descending")})
	}
	if rapid.Bool().Draw(t, "include") {
		i.Include = []int{0}
	}
	return i
}

// drawCommand draws a command that may or may not apply to s.
func drawCommand(t *rapid.T, s *Snapshot) Command {
	names := []string{"r0", "r1", "r2", "r3", "r4"}
	name := rapid.SampledFrom(names).Draw(t, "name")
	switch rapid.IntRange(0, 22).Draw(t, "command") {
	case 22:
		if len(s.Relations()) == 0 {
			return &TerminateQuery{}
		}
		q := Query{Name: rapid.SampledFrom([]string{"", name}).Draw(t, "query"), Text: "SELECT 1", Into: []int{0}}
		q.Sink = rapid.SampledFrom(s.Relations()).Draw(t, "sink").ID
		q.Sources = []ObjectID{rapid.SampledFrom(s.Relations()).Draw(t, "source").ID}
		if rapid.Bool().Draw(t, "rowtime") {
			q.Into = append(q.Into, IntoRowtime, IntoHeaders)
		}
		return &CreateQuery{Query: q}
	case 10:
		c := &CreateIndex{Index: drawIndex(t, rapid.SampledFrom([]string{"", "i", name}).Draw(t, "index")), IfNotExists: rapid.Bool().Draw(t, "if not exists")}
		if len(s.Relations()) > 0 {
			c.Index.Table = rapid.SampledFrom(s.Relations()).Draw(t, "table").ID
		}
		return c
	case 11:
		id := FirstObjectID
		if len(s.Indexes()) > 0 {
			id = rapid.SampledFrom(s.Indexes()).Draw(t, "id").ID
		}
		if rapid.Bool().Draw(t, "ready") {
			return &IndexReady{ID: id}
		}
		return &AbandonIndex{ID: id}
	case 12:
		return &DropIndexes{Names: []Name{{DefaultSchema, rapid.SampledFrom([]string{"i", name, name + "_a_idx"}).Draw(t, "index")}}, IfExists: rapid.Bool().Draw(t, "if exists")}
	case 13:
		return &CommentOnIndex{Name: Name{DefaultSchema, "i"}, Text: "x"}
	case 14:
		return &ReserveRowIDs{Count: rapid.Int64Range(0, 1<<62).Draw(t, "count")}
	case 15, 16, 17:
		return drawAlter(t, s)
	case 18:
		return &DropShadow{ID: ObjectID(rapid.IntRange(0, 1).Draw(t, "id"))}
	case 19:
		q := sequenceOf(rapid.SampledFrom([]string{"q", name}).Draw(t, "sequence"), 1, rapid.SampledFrom([]int64{1, -3}).Draw(t, "increment"), -9, 9)
		if len(s.Sequences()) > 0 && rapid.Bool().Draw(t, "alter") {
			q.ID = s.Sequences()[0].ID
			return &AlterSequence{Sequence: q, Restart: rapid.Bool().Draw(t, "restart"), RestartWith: 4}
		}
		return &CreateSequence{Sequence: q, IfNotExists: rapid.Bool().Draw(t, "if not exists")}
	case 20:
		id := FirstObjectID
		if len(s.Sequences()) > 0 {
			id = rapid.SampledFrom(s.Sequences()).Draw(t, "id").ID
		}
		return rapid.SampledFrom([]Command{
			&NextValues{ID: id, Count: 5}, &SetSequence{ID: id, Value: 7, Called: true}, &SetSequence{ID: id, Restart: true},
			&ReturnValues{ID: id, Reserved: 5, Given: 3},
		}).Draw(t, "move")
	case 21:
		return rapid.SampledFrom([]Command{
			&DropSequences{Names: []Name{{DefaultSchema, "q"}}, Cascade: true}, &CommentOnSequence{Name: Name{DefaultSchema, "q"}, Text: "x"},
			&CommentOnConstraint{Relation: Name{DefaultSchema, name}, Constraint: "c", Text: "y"},
		}).Draw(t, "other")
	case 0:
		return &DropRelations{
			Kind:    rapid.SampledFrom([]Kind{KindStream, KindTable}).Draw(t, "kind"),
			Names:   []Name{{DefaultSchema, name}},
			Cascade: rapid.Bool().Draw(t, "cascade"), IfExists: rapid.Bool().Draw(t, "if exists"),
		}
	case 1:
		return &TerminateQuery{Name: name}
	case 2:
		return &PauseQuery{Name: rapid.SampledFrom([]string{"", name}).Draw(t, "query")}
	case 3:
		return &ResumeQuery{Name: name}
	case 4:
		if rapid.Bool().Draw(t, "column") {
			return &CommentOn{Name: Name{DefaultSchema, name}, Column: "a", Text: "x"}
		}
		return &CommentOn{Kind: KindTable, Name: Name{DefaultSchema, name}, Text: "x"}
	default:
		c := &CreateRelation{Relation: drawRelation(t, name), IfNotExists: rapid.Bool().Draw(t, "if not exists")}
		if rapid.IntRange(0, 3).Draw(t, "unique constraint") == 0 {
			c.Indexes = []Index{drawIndex(t, "")}
		}
		if len(s.Relations()) > 0 && rapid.Bool().Draw(t, "derived") {
			source := rapid.SampledFrom(s.Relations()).Draw(t, "source")
			c.Query = &Query{Name: name, Text: "SELECT 1", Sources: []ObjectID{source.ID}, CreatedMillis: 5, Settings: []Option{{"timezone", "UTC"}}}
		}
		return c
	}
}

// drawAlter draws a change of a relation, or a rewrite's beginning or end.
func drawAlter(t *rapid.T, s *Snapshot) Command {
	if len(s.Relations()) == 0 {
		return &DropShadow{}
	}
	r := *rapid.SampledFrom(s.Relations()).Draw(t, "relation")
	r.Columns = slices.Clone(r.Columns)
	base := r.Changed
	switch rapid.IntRange(0, 3).Draw(t, "change") {
	case 0:
		r.Name = rapid.SampledFrom([]string{"r0", "r5", "r6"}).Draw(t, "new name")
	case 1:
		r.Columns = append(r.Columns, Column{Name: "new" + strconv.Itoa(len(r.Columns)), Type: types.Int4, Missing: types.IntDatum(3)})
	case 2:
		if len(r.Columns) > 0 {
			i := rapid.IntRange(0, len(r.Columns)-1).Draw(t, "column")
			r.Columns[i].Name, r.Columns[i].Dropped, r.Columns[i].Hidden = DroppedName(i+1), true, true
		}
	}
	if rapid.Bool().Draw(t, "rewrite") {
		return &CreateShadow{Relation: r, Base: base}
	}
	c := &AlterRelation{Relation: r, Base: base, Cascade: rapid.Bool().Draw(t, "cascade")}
	if len(s.Shadows()) > 0 && rapid.Bool().Draw(t, "swap") {
		c.Shadow = rapid.SampledFrom(s.Shadows()).Draw(t, "copy").ID
	}
	return c
}

// drawReign draws a command of reigns, or one of a holder, or neither.
func drawReign(t *rapid.T, command Command) Command {
	reign, holder := rapid.Uint64Range(0, 2).Draw(t, "reign"), rapid.Uint64Range(1, 2).Draw(t, "holder")
	switch rapid.IntRange(0, 9).Draw(t, "held") {
	case 0:
		return &Coordinate{Node: holder}
	case 1:
		return &GiveUp{Reign: reign, Holder: holder}
	case 2, 3, 4:
		return &Held{Reign: reign, Holder: holder, Command: command}
	case 5:
		return &Once{ID: [16]byte{byte(reign), byte(holder)}, Command: command}
	default:
		return command
	}
}

// Whatever commands come, two replicas that read them from bytes agree, errors
// included, and a snapshot survives its encoding at any point.
func TestReplicasAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, _, err := Apply(&Snapshot{}, &Bootstrap{ClusterID: "c", Shards: 8})
		if err != nil {
			t.Fatal(err)
		}
		two := one
		for range rapid.IntRange(1, 12).Draw(t, "commands") {
			command := drawReign(t, drawCommand(t, one))
			encoded, err := EncodeCommand(command)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := DecodeCommand(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(command, decoded) {
				t.Fatalf("%#v became %#v", command, decoded)
			}
			var firstErr, secondErr error
			var first, second Result
			one, first, firstErr = Apply(one, command)
			two, second, secondErr = Apply(two, decoded)
			if !reflect.DeepEqual(first, second) || sqlerr.CodeOf(firstErr) != sqlerr.CodeOf(secondErr) {
				t.Fatalf("%+v %v, but %+v %v", first, firstErr, second, secondErr)
			}
			two = reencoded(t, two)
			if !bytes.Equal(encodedSnapshot(t, one), encodedSnapshot(t, two)) {
				t.Fatalf("replicas differ after %#v", command)
			}
		}
	})
}

func encodedSnapshot(t *rapid.T, s *Snapshot) []byte {
	encoded, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func reencoded(t *rapid.T, s *Snapshot) *Snapshot {
	decoded, err := DecodeSnapshot(encodedSnapshot(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// An empty distribution is not the same as none.
func TestEmptyDistributionIsKept(t *testing.T) {
	r := relation(KindTable, "t")
	r.Key, r.Distribution = []int{0}, []int{}
	encoded, err := EncodeCommand(&CreateRelation{Relation: r})
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeCommand(encoded)
	if err != nil || c.(*CreateRelation).Relation.Distribution == nil {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestUnknownFieldsArePassedOver(t *testing.T) {
	encoded := append([]byte{formatVersion}, `{"kind":"pause_query","later":1,"body":{"name":"q","more":[2]}}`...)
	c, err := DecodeCommand(encoded)
	if err != nil || *c.(*PauseQuery) != (PauseQuery{Name: "q"}) {
		t.Fatalf("%#v, %v", c, err)
	}
}

func TestDamageIsNoticed(t *testing.T) {
	for _, encoded := range []string{
		"", "\x02{}", "\x01", "\x01{", `{"kind":"pause_query"}`, "\x01" + `{"kind":"fly","body":{}}`,
		"\x01" + `{"kind":"drop_relations","body":{"kind":"cloud"}}`,
		"\x01" + `{"kind":"create_relation","body":{"relation":{"kind":"table","columns":[{"name":"a","type":{"kind":"array"}}]}}}`,
	} {
		if _, err := DecodeCommand([]byte(encoded)); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
			t.Errorf("%q: %v", encoded, err)
		}
	}
	for _, encoded := range []string{
		"", "\x01[]", "\x01" + `{"shards":8,"queries":[{"id":3,"sink":4}]}`,
		"\x01" + `{"shards":8,"relations":[{"id":2,"kind":"table","name":"a","partitions":1,"query":7}]}`,
	} {
		if _, err := DecodeSnapshot([]byte(encoded)); sqlerr.CodeOf(err) != sqlerr.DataCorrupted {
			t.Errorf("%q: %v", encoded, err)
		}
	}
}

func FuzzDecodeCommand(f *testing.F) {
	for _, c := range []Command{&Bootstrap{ClusterID: "c", Shards: 2}, &CreateRelation{Relation: relation(KindTable, "t")}, &PauseQuery{Name: "q"}} {
		encoded, err := EncodeCommand(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		command, err := DecodeCommand(encoded)
		if err != nil {
			return
		}
		if _, err := EncodeCommand(command); err != nil {
			t.Fatalf("a decoded command does not encode: %v", err)
		}
		s, _, err := Apply(&Snapshot{}, &Bootstrap{Shards: 2})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Apply(s, command); err != nil && sqlerr.CodeOf(err) == sqlerr.InternalError {
			t.Fatalf("an internal error: %v", err)
		}
	})
}

func FuzzDecodeSnapshot(f *testing.F) {
	s, _, err := Apply(&Snapshot{}, &Bootstrap{ClusterID: "c", Shards: 2})
	if err != nil {
		f.Fatal(err)
	}
	encoded, err := s.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		s, err := DecodeSnapshot(encoded)
		if err != nil {
			return
		}
		if _, err := s.Encode(); err != nil {
			t.Fatalf("a decoded snapshot does not encode: %v", err)
		}
	})
}
