package exec

import (
	"fmt"
	"slices"
	"testing"

	"millrace/sql/types"
)

// expandCase is a query that expands the rows of l, with what it gives for one.
type expandCase struct {
	query string
	rows  func(id int64, g, x types.Datum) []string
}

// upTo calls visit for the numbers from 1 to a datum.
func upTo(d types.Datum, visit func(n int64)) {
	if d.Valid {
		for n := range d.Int {
			visit(n + 1)
		}
	}
}

func expandCases() []expandCase {
	return []expandCase{
		{"SELECT id, n FROM l, generate_series(1, g * 3) AS n", func(id int64, g, _ types.Datum) (out []string) {
			g.Int *= 3
			upTo(g, func(n int64) { out = append(out, fmt.Sprintf("%d|%d", id, n)) })
			return out
		}},
		{"SELECT id, n FROM l LEFT JOIN generate_series(1, g * 3) AS n ON n % 2 = x", func(id int64, g, x types.Datum) (out []string) {
			g.Int *= 3
			upTo(g, func(n int64) {
				if x.Valid && n%2 == x.Int {
					out = append(out, fmt.Sprintf("%d|%d", id, n))
				}
			})
			if out == nil {
				out = []string{fmt.Sprintf("%d|NULL", id)}
			}
			return out
		}},
		{"SELECT id, o, n FROM l, generate_series(g * 3, 1, -1) WITH ORDINALITY AS s(n, o)", func(id int64, g, _ types.Datum) (out []string) {
			g.Int *= 3
			upTo(g, func(n int64) { out = append(out, fmt.Sprintf("%d|%d|%d", id, n, g.Int+1-n)) })
			return out
		}},
		{"SELECT id, generate_series(1, g), generate_series(1, x) FROM l", func(id int64, g, x types.Datum) (out []string) {
			var a, b []string
			upTo(g, func(n int64) { a = append(a, fmt.Sprint(n)) })
			upTo(x, func(n int64) { b = append(b, fmt.Sprint(n)) })
			for i := range max(len(a), len(b)) {
				a, b = append(a, "NULL"), append(b, "NULL")
				out = append(out, fmt.Sprintf("%d|%s|%s", id, a[i], b[i]))
			}
			return out
		}},
		{"SELECT id, n FROM l, generate_series(1, 3, x - 1) AS n", func(id int64, _, x types.Datum) (out []string) {
			if x.Valid && x.Int > 1 {
				for n := int64(1); n <= 3; n += x.Int - 1 {
					out = append(out, fmt.Sprintf("%d|%d", id, n))
				}
			}
			return out
		}},
	}
}

// TestExpansions compares what expanding gives over random changes with the rows of
// those that are left: in memory, over a store, across restarts, and with turns that
// have hardly any time.
func TestExpansions(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE l (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	c.define(`CREATE TABLE r (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	for _, test := range expandCases() {
		t.Run(test.query, func(t *testing.T) {
			root := c.queryPlan(t, test.query+" EMIT CHANGES")
			rows := func(live [2]map[int64][]types.Datum) []string {
				var out []string
				for id, row := range live[0] {
					out = append(out, test.rows(id, row[1], row[2])...)
				}
				slices.Sort(out)
				return out
			}
			for seed := range seeds(5, 20) {
				compareJoin(t, c.snapshot, rows, root, seed)
			}
		})
	}
}
