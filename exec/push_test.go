package exec

import (
	"fmt"
	"strings"
	"testing"

	"millrace/sql/types"
)

// TestPushOfManyMatches has one row join many others in pushes that give few changes
// in a step: the steps add up to the result, in the beginning and when that row
// changes, with and without an aggregation behind the join.
func TestPushOfManyMatches(t *testing.T) {
	const n = 5000
	for _, test := range []struct{ query, result string }{
		{`SELECT t.id, d.x FROM t JOIN d ON d.id = t.g EMIT CHANGES`, ""},
		{`SELECT t.id, d.x FROM d LEFT JOIN t ON d.id = t.g EMIT CHANGES`, ""},
		{`SELECT t.x, d.x FROM d FULL JOIN t ON d.id = t.g AND t.id >= 0 EMIT CHANGES`, ""},
		{`SELECT t.id, e.x, d.x FROM d JOIN t ON d.id = t.g JOIN d e ON e.id = t.g EMIT CHANGES`, ""},
		{`SELECT d.x, count(*) FROM d JOIN t ON d.id = t.g GROUP BY d.x EMIT CHANGES`, "%d|5000"},
	} {
		c := newCluster(t, 1, 2)
		c.define(`CREATE TABLE d (id INT PRIMARY KEY, g INT, x INT) WITH (upsert = true)`)
		rows := make([][]int64, n)
		for i := range rows {
			rows[i] = []int64{int64(i), 1, 0}
		}
		c.insert(t, "d", []int64{1, 0, 7})
		c.insert(t, "t", rows...)
		e := startEngine(t, c)
		e.pushStepRows = 100
		cursor, err := e.Query(t.Context(), plannedQuery(t, c.snapshot, test.query), &QueryEnv{Format: types.DefaultFormat(), Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		held := map[string]int{}
		follow := func(value int) {
			t.Helper()
			for !holds(held, test.result, value, n) {
				batch, err := cursor.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if batch.Len > 3*workStep {
					t.Errorf("%s\ngives %d rows at once", test.query, batch.Len)
				}
				takeChanges(t, held, batch)
			}
		}
		follow(7)
		changed := types.NewBatch([]types.Type{types.Int4, types.Int4, types.Int4})
		changed.AppendRow([]types.Datum{types.IntDatum(1), types.IntDatum(0), types.IntDatum(8)}, 1)
		writer := e.NewWriter()
		if err := writer.Write(t.Context(), []Rows{{Relation: c.snapshot.Lookup("public", "d"), Batch: changed}}, false); err != nil {
			t.Fatal(err)
		}
		follow(8)
		writer.Close()
		cursor.Close()
	}
}

// holds reports whether rows are n that end with a value or, where it is given, the
// one row result with that value.
func holds(rows map[string]int, result string, value, n int) bool {
	if result != "" {
		return len(rows) == 1 && rows[fmt.Sprintf(result, value)] == 1
	}
	total := 0
	for row, count := range rows {
		if !strings.HasSuffix(row, fmt.Sprint(value)) {
			return false
		}
		total += count
	}
	return total == n
}

// takeChanges brings rows up to date with what a push gives, whose last column is
// rowop; rows that are updated have their key first.
func takeChanges(t testing.TB, rows map[string]int, batch *types.Batch) {
	t.Helper()
	last := len(batch.Columns) - 1
	visible := &types.Batch{Len: batch.Len, Columns: batch.Columns[:last]}
	add := func(row string, n int) {
		if rows[row] += n; rows[row] == 0 {
			delete(rows, row)
		}
		if rows[row] < 0 {
			t.Fatalf("%q is deleted and was not there", row)
		}
	}
	for i := range batch.Len {
		row := rowText(visible, i)
		switch batch.Columns[last].Strs[i] {
		case opDelete:
			add(row, -1)
			continue
		case opUpdate:
			key, _, _ := strings.Cut(row, "|")
			for old := range rows {
				if strings.HasPrefix(old, key+"|") {
					add(old, -1)
					break
				}
			}
		}
		add(row, 1)
	}
}
