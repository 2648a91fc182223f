package exec

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace/log"
	"millrace/sql/catalog"
	"millrace/sql/types"
)

// codedCluster has relations of each kind that requests write to.
func codedCluster(t testing.TB) *cluster {
	c := newCluster(t, 1, 4)
	c.define(`CREATE TABLE accounts (id INT PRIMARY KEY, name TEXT, n NUMERIC)`)
	c.define(`CREATE STREAM events (id INT, name TEXT, n NUMERIC)`)
	return c
}

// drawnRows draws rows for a relation.
func drawnRows(t *rapid.T, relation *catalog.Relation) *types.Batch {
	batch := types.NewBatch([]types.Type{types.Int4, types.Text, types.Numeric})
	n := rapid.IntRange(1, 5).Draw(t, "rows")
	for i := range n {
		name := types.Null
		if rapid.Bool().Draw(t, "named") {
			name = types.StringDatum(rapid.String().Draw(t, "name"))
		}
		batch.AppendRow([]types.Datum{types.IntDatum(int64(i)), name, types.Null}, 1)
		if relation.Kind == catalog.KindStream {
			batch.Rowtimes = append(batch.Rowtimes, rapid.Int64Range(0, 1<<40).Draw(t, "rowtime"))
		}
	}
	return batch
}

// drawnPart draws a part of a request.
func drawnPart(t *rapid.T, c *cluster) part {
	relation := c.snapshot.Lookup("public", rapid.SampledFrom([]string{"accounts", "events"}).Draw(t, "relation"))
	p := part{relation: relation.ID, layout: relation.Layout, rows: drawnRows(t, relation)}
	if relation.Kind == catalog.KindStream {
		var builder log.BatchBuilder
		builder.Reset()
		newRelationCodec(relation).appendRecords(&builder, p.rows, nil)
		p.records = builder.Finish(-1, -1, -1, log.CompressionNone)
		return p
	}
	p.operation = rapid.SampledFrom([]Operation{OperationInsert, OperationAdd, OperationUpdate, OperationDelete}).Draw(t, "operation")
	if p.operation == OperationUpdate {
		p.old = drawnRows(t, relation)
	}
	p.entry = rapid.Bool().Draw(t, "entry")
	for _, id := range rapid.SliceOfN(rapid.Uint64Range(1, 1000), 0, 3).Draw(t, "unique") {
		p.unique = append(p.unique, catalog.ObjectID(id))
	}
	return p
}

// TestRequestsKeepTheirContent sends requests as one node does to another.
func TestRequestsKeepTheirContent(t *testing.T) {
	c := codedCluster(t)
	rapid.Check(t, func(t *rapid.T) {
		r := &request{
			kind:     requestKind(rapid.IntRange(0, int(requestForget)).Draw(t, "kind")),
			producer: rapid.Uint64().Draw(t, "producer"), sequence: rapid.Uint64().Draw(t, "sequence"),
			coordinator: rapid.IntRange(catalogCoordinator, 3).Draw(t, "coordinator"),
			participant: rapid.SliceOfN(rapid.IntRange(0, 3), 0, 4).Draw(t, "participants"),
			commit:      rapid.Bool().Draw(t, "commit"),
			lapsed:      rapid.Bool().Draw(t, "lapsed"),
		}
		copy(r.transaction[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "transaction"))
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			r.parts = append(r.parts, drawnPart(t, c))
		}
		encoded := appendRequest(nil, 2, 17, r)
		shard, version, in, err := readRequest(slices.Clone(encoded), 4)
		if err != nil || shard != 2 || version != 17 {
			t.Fatalf("the request is for shard %d, version %d: %v", shard, version, err)
		}
		got, err := in.decode(c.snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if again := appendRequest(nil, 2, 17, got); !bytes.Equal(again, encoded) {
			t.Errorf("the request became another one:\n%x\n%x", encoded, again)
		}
		for i := range r.parts {
			was, is := &r.parts[i], &got.parts[i]
			if diff := cmp.Diff(batchText(was.rows), batchText(is.rows)); diff != "" {
				t.Error(diff)
			}
			if is.layout != was.layout || is.entry != was.entry || !slices.Equal(is.unique, was.unique) || is.operation != was.operation {
				t.Errorf("%+v came back as %+v", was, is)
			}
		}
	})
}

// batchText is what a batch has, to compare it.
func batchText(b *types.Batch) []string {
	var out []string
	for i := range b.Len {
		out = append(out, rowText(b, i))
	}
	return out
}

// TestOutdatedRequests decodes requests for relations that are others by now, or that
// nobody knows yet.
func TestOutdatedRequests(t *testing.T) {
	c := codedCluster(t)
	relation := c.snapshot.Lookup("public", "accounts")
	batch := types.NewBatch([]types.Type{types.Int4, types.Text, types.Numeric})
	batch.AppendRow([]types.Datum{types.IntDatum(1), types.StringDatum("a"), types.Null}, 1)
	decode := func(p part) part {
		t.Helper()
		_, _, in, err := readRequest(appendRequest(nil, 0, 1, &request{parts: []part{p}}), 4)
		if err != nil {
			t.Fatal(err)
		}
		r, err := in.decode(c.snapshot)
		if err != nil {
			t.Fatal(err)
		}
		return r.parts[0]
	}
	if p := decode(part{relation: relation.ID, layout: relation.Layout + 1, rows: batch}); !p.outdated || p.rows != nil {
		t.Errorf("a part of another layout is %+v", p)
	}
	if p := decode(part{relation: 9999, rows: batch}); !p.outdated {
		t.Errorf("a part of an unknown relation is %+v", p)
	}
	own := part{relation: 9999, rows: batch, own: true}
	if p := decode(own); !p.own || !bytes.Equal(p.append(nil), own.append(nil)) {
		t.Errorf("a transaction's own part is %+v", p)
	}
}

func FuzzReadRequest(f *testing.F) {
	c := codedCluster(f)
	relation := c.snapshot.Lookup("public", "accounts")
	batch := types.NewBatch([]types.Type{types.Int4, types.Text, types.Numeric})
	batch.AppendRow([]types.Datum{types.IntDatum(1), types.StringDatum("a"), types.Null}, 1)
	f.Add(appendRequest(nil, 1, 2, &request{kind: requestPrepare, participant: []int{1, 2}, parts: []part{{
		relation: relation.ID, layout: relation.Layout, rows: batch, old: batch, operation: OperationUpdate, unique: []catalog.ObjectID{3},
	}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, in, err := readRequest(data, 4)
		if err != nil {
			return
		}
		r, err := in.decode(c.snapshot)
		if err != nil {
			return
		}
		for i := range r.parts {
			if p := &r.parts[i]; p.rows == nil && !p.outdated && !p.own {
				t.Errorf("a part without rows was read: %+v", p)
			}
		}
	})
}
