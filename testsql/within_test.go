package testsql

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// timedRow is a row of a stream: its key, its number and its second.
type timedRow struct{ key, number, at int }

func (r timedRow) String() string {
	return fmt.Sprintf("(%d, %d, '2024-01-01'::timestamptz + INTERVAL '%d seconds')", r.key, r.number, r.at)
}

// TestWithin compares joins of two streams WITHIN a time, fed in random order over
// restarts, with nested loops over the rows.
func TestWithin(t *testing.T) {
	for seed, shards := range []int{1, 8, 8} {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) { compareWithin(t, uint64(seed), shards) })
	}
}

func compareWithin(t *testing.T, seed uint64, shards int) {
	random := rand.New(rand.NewPCG(seed, 4))
	options := node.Options{Dir: t.TempDir(), Shards: shards}
	n := harness.StartNode(t, options)
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	const on = "WITHIN (20 SECONDS, 1 MINUTE) ON a.k = b.k"
	for _, statement := range []string{
		`CREATE STREAM a (k INT, n INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`,
		`CREATE STREAM b (k INT, n INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`,
		`CREATE STREAM pairs AS SELECT a.n AS a, b.n AS b FROM a JOIN b ` + on,
		`CREATE TABLE lefts AS SELECT a.n AS a, b.n AS b FROM a LEFT JOIN b ` + on,
		`CREATE TABLE rights AS SELECT a.n AS a, b.n AS b FROM a RIGHT JOIN b ` + on,
		`CREATE TABLE fulls AS SELECT a.n AS a, b.n AS b FROM a FULL JOIN b ` + on,
	} {
		harness.Exec(t, connection, statement)
	}
	var rows [2][]timedRow
	for round := range 12 {
		for side, name := range []string{"a", "b"} {
			var values []string
			for range 1 + random.IntN(6) {
				r := timedRow{random.IntN(3), len(rows[side]), random.IntN(300)}
				rows[side] = append(rows[side], r)
				values = append(values, r.String())
			}
			harness.Exec(t, connection, "INSERT INTO "+name+" VALUES "+strings.Join(values, ", "))
		}
		if round%5 == 4 {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = harness.StartNode(t, options)
			connection = harness.Connect(t, harness.NodeURL(n.Addr()))
		}
	}
	pairs, lefts, rights := nestedWithin(rows[0], rows[1])
	for name, want := range map[string][]string{
		"pairs": pairs, "lefts": slices.Concat(pairs, lefts), "rights": slices.Concat(pairs, rights), "fulls": slices.Concat(pairs, lefts, rights),
	} {
		slices.Sort(want)
		got, err := connection.Query(t.Context(), `SELECT concat(coalesce(a::text, '-'), ' ', coalesce(b::text, '-')) FROM `+name)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := pgx.CollectRows(got, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(kept)
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Errorf("%s (-nested loops +kept):\n%s", name, diff)
		}
	}
}

// nestedWithin returns the pairs of rows of one key where b is from 20 seconds
// before a to a minute behind it, and the rows of either side without one.
func nestedWithin(a, b []timedRow) (pairs, lefts, rights []string) {
	matched := map[int]bool{}
	for _, l := range a {
		found := false
		for _, r := range b {
			if l.key == r.key && r.at >= l.at-20 && r.at <= l.at+60 {
				pairs = append(pairs, fmt.Sprintf("%d %d", l.number, r.number))
				found, matched[r.number] = true, true
			}
		}
		if !found {
			lefts = append(lefts, fmt.Sprintf("%d -", l.number))
		}
	}
	for _, r := range b {
		if !matched[r.number] {
			rights = append(rights, fmt.Sprintf("- %d", r.number))
		}
	}
	return pairs, lefts, rights
}
