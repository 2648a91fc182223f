package exec

import (
	"cmp"
	"slices"
	"testing"

	"millrace/sql/types"
)

// asOfCase is an as-of join of two tables (id, g, x, s), with its meaning by nested
// loops: matches are the pairs that its condition holds for, of which closer says
// which right row is the closer one.
type asOfCase struct {
	query   string
	outer   bool
	matches func(l, r []types.Datum) bool
	closer  func(a, b []types.Datum) int
}

func asOfCases() []asOfCase {
	last := func(a, b []types.Datum) int { return -cmp.Compare(a[2].Int, b[2].Int) }
	first := func(a, b []types.Datum) int { return cmp.Compare(a[2].Int, b[2].Int) }
	ordered := func(l, r []types.Datum) bool { return l[2].Valid && r[2].Valid }
	var out []asOfCase
	for kind, outer := range map[string]bool{"": false, "LEFT ": true} {
		join := "SELECT * FROM l ASOF " + kind + "JOIN r ON "
		out = append(out,
			asOfCase{join + "l.g = r.g AND l.x >= r.x", outer, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && ordered(l, r) && l[2].Int >= r[2].Int
			}, last},
			asOfCase{join + "r.x < l.x AND l.g = r.g", outer, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && ordered(l, r) && l[2].Int > r[2].Int
			}, last},
			asOfCase{join + "l.g = r.g AND l.x <= r.x", outer, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && ordered(l, r) && l[2].Int <= r[2].Int
			}, first},
			asOfCase{join + "l.x < r.x", outer, func(l, r []types.Datum) bool { return ordered(l, r) && l[2].Int < r[2].Int }, first},
			asOfCase{join + "l.x >= 6 / r.x AND l.g = r.g", outer, func(l, r []types.Datum) bool {
				return sameGroup(l, r) && ordered(l, r) && r[2].Int != 0 && l[2].Int >= 6/r[2].Int
			}, func(a, b []types.Datum) int { return -cmp.Compare(6/a[2].Int, 6/b[2].Int) }},
		)
	}
	return out
}

// rows is the join by nested loops.
func (c *asOfCase) rows(live [2]map[int64][]types.Datum) []string {
	var out []string
	for _, l := range live[0] {
		var matches [][]types.Datum
		for _, r := range live[1] {
			if c.matches(l, r) {
				matches = append(matches, r)
			}
		}
		// Of several at one time the first in the order of their columns: of id.
		slices.SortFunc(matches, func(a, b []types.Datum) int { return cmp.Or(c.closer(a, b), cmp.Compare(a[0].Int, b[0].Int)) })
		switch {
		case len(matches) > 0:
			out = append(out, datumText(l)+"|"+datumText(matches[0]))
		case c.outer:
			out = append(out, datumText(l)+"|NULL|NULL|NULL|NULL")
		}
	}
	slices.Sort(out)
	return out
}

// TestAsOfJoins is TestJoins for as-of joins.
func TestAsOfJoins(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.define(`CREATE TABLE l (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	c.define(`CREATE TABLE r (id INT PRIMARY KEY, g INT, x INT, s TEXT)`)
	for _, join := range asOfCases() {
		t.Run(join.query, func(t *testing.T) {
			root := c.queryPlan(t, join.query+" EMIT CHANGES")
			for seed := range seeds(4, 15) {
				compareJoin(t, c.snapshot, join.rows, root, seed)
			}
		})
	}
}
