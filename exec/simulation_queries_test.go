package exec

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// template is a query of the simulation: its text, what it reads where that is
// a relation of its own ($), and its one-shot meaning.
type template struct {
	source, query string
	// inserts are queries that insert into the relation $.
	inserts []string
	result  func(c *cluster) []string
	// versions, in the place of result, says that $ is versionsTable.
	versions func(c *cluster, versions []version) []string
}

// templates are what the simulation makes queries of.
var templates = slices.Concat(groupTemplates, overTemplates, expandTemplates, asOfTemplates, sharedTemplates)

// groupTemplates are groups, joins, subqueries and what inserts into streams.
var groupTemplates = []template{
	{
		query: `SELECT k, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi FROM s GROUP BY k`,
		result: func(c *cluster) []string {
			return grouped(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
	{
		query:  `SELECT count(*) AS n, sum(v) AS s, count(DISTINCT v) AS d FROM s`,
		result: func(c *cluster) []string { return []string{total(c.streamed)} },
	},
	{
		source: `CREATE STREAM $ AS SELECT k, v FROM s WHERE v % 2 = 0`,
		query:  `SELECT v, count(*) AS n, sum(k) AS s, min(k) AS lo, max(k) AS hi FROM $ GROUP BY v`,
		result: func(c *cluster) []string {
			return grouped(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[1], row[0], row[1]%2 == 0 }, "%d %d %d %d %d")
		},
	},
	{
		// Each row of s that the stream takes comes twice.
		source: `CREATE STREAM $ (k BIGINT, v BIGINT NOT NULL, CHECK (v >= 0))`,
		inserts: []string{
			`INSERT INTO $ (v, k) SELECT v, k FROM s EMIT CHANGES`,
			`INSERT INTO $ SELECT k, v FROM s WHERE v % 2 = 0 PARTITION BY v EMIT CHANGES`,
			`INSERT INTO $ SELECT k, v FROM (SELECT k, v FROM s UNION ALL SELECT k, 2 AS v FROM s) AS u WHERE v % 2 <> 0 EMIT CHANGES`,
		},
		query: `SELECT k, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi FROM $ GROUP BY k`,
		result: func(c *cluster) []string {
			twice := slices.Concat(c.streamed, c.streamed)
			return grouped(twice, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], row[1] >= 0 }, "%d %d %d %d %d")
		},
	},
	{
		source: `CREATE TABLE $ AS SELECT k, count(*) AS n, max(v) AS hi FROM s GROUP BY k`,
		query:  `SELECT hi, count(*) AS groups, sum(n) AS s, min(n) AS lo, max(n) AS most FROM $ GROUP BY hi`,
		result: func(c *cluster) []string {
			var groups [][2]int64
			for _, g := range groupsOf(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }) {
				groups = append(groups, [2]int64{g.greatest, g.rows})
			}
			return grouped(groups, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
	{
		query: `SELECT g, count(*) AS n, sum(x) AS s, min(x) AS lo, max(x) AS hi FROM t GROUP BY g`,
		result: func(c *cluster) []string {
			return grouped(upserts(c), func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
	{
		query:  `SELECT count(*) AS n, sum(x) AS s, count(DISTINCT x) AS d FROM t WHERE g < 3`,
		result: func(c *cluster) []string { return []string{total(selected(c, 3))} },
	},
	{
		query: `SELECT g, x + 1 AS y FROM t WHERE x > 2`,
		result: func(c *cluster) []string {
			var out []string
			for _, row := range upserts(c) {
				if row[1] > 2 {
					out = append(out, fmt.Sprintf("%d %d", row[0], row[1]+1))
				}
			}
			return out
		},
	},
	{
		// Each key of t is inserted once and updated from then on, before or after the
		// query is made.
		query:  `SELECT count(*) AS n FROM CHANGES OF t WHERE rowop = 'insert'`,
		result: func(c *cluster) []string { return []string{fmt.Sprint(len(c.upserted))} },
	},
	{
		source: `CREATE STREAM $ AS SELECT rowop, x FROM CHANGES OF t`,
		query:  `SELECT count(*) FILTER (WHERE rowop = 'insert') AS inserts, count(*) FILTER (WHERE rowop = 'delete') AS deletes FROM $`,
		result: func(c *cluster) []string { return []string{fmt.Sprintf("%d 0", len(c.upserted))} },
	},
	{
		source: `CREATE TABLE $ AS SELECT x, g FROM t WHERE g < 3`,
		query:  `SELECT x, count(*) AS n, sum(g) AS s, min(g) AS lo, max(g) AS hi FROM $ GROUP BY x`,
		result: func(c *cluster) []string {
			return grouped(selected(c, 3), func(row [2]int64) (int64, int64, bool) { return row[1], row[0], true }, "%d %d %d %d %d")
		},
	},
	{
		query: `SELECT l.g, count(*) AS n, sum(r.x) AS s, min(r.x) AS lo, max(r.x) AS hi FROM t l JOIN t r ON l.x = r.id GROUP BY l.g`,
		result: func(c *cluster) []string {
			var rows [][2]int64
			for _, l := range c.upserted {
				if r, found := c.upserted[l[1]]; found {
					rows = append(rows, [2]int64{l[0], r[1]})
				}
			}
			return grouped(rows, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
	{
		query: `SELECT l.id AS a, r.id AS b FROM t l LEFT JOIN t r ON l.g = r.x AND l.id < r.id`,
		result: func(c *cluster) []string {
			var out []string
			for a, l := range c.upserted {
				found := false
				for b, r := range c.upserted {
					if l[0] == r[1] && a < b {
						found = true
						out = append(out, fmt.Sprintf("%d %d", a, b))
					}
				}
				if !found {
					out = append(out, fmt.Sprint(a))
				}
			}
			return out
		},
	},
	{
		source: `CREATE TABLE $ AS SELECT k, count(*) AS n FROM s GROUP BY k`,
		query:  `SELECT count(*) AS n, sum(d.n) AS s, count(DISTINCT d.n) AS d FROM $ d FULL JOIN t ON d.k = t.x AND t.g < 2`,
		result: func(c *cluster) []string {
			groups := groupsOf(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true })
			var counts [][2]int64
			rows := 0
			matched := map[int64]bool{}
			for _, t := range c.upserted {
				if g := groups[t[1]]; g != nil && t[0] < 2 {
					matched[t[1]] = true
					counts = append(counts, [2]int64{0, g.rows})
				}
				rows++
			}
			for k, g := range groups {
				if !matched[k] {
					counts = append(counts, [2]int64{0, g.rows})
					rows++
				}
			}
			if len(counts) == 0 {
				return []string{fmt.Sprintf("%d  0", rows)}
			}
			_, rest, _ := strings.Cut(total(counts), " ")
			return []string{fmt.Sprintf("%d %s", rows, rest)}
		},
	},
	{
		query: `SELECT id AS a, (SELECT count(*) FROM t o WHERE o.g = t.x) + CASE WHEN g = 1 OR x IN (SELECT k FROM s) THEN 1000 ELSE 0 END AS b FROM t`,
		result: func(c *cluster) []string {
			var out []string
			for id, row := range c.upserted {
				sum, found := 0, row[0] == 1
				for _, s := range c.streamed {
					found = found || s[0] == row[1]
				}
				for _, o := range c.upserted {
					if o[0] == row[1] {
						sum++
					}
				}
				if found {
					sum += 1000
				}
				out = append(out, fmt.Sprintf("%d %d", id, sum))
			}
			return out
		},
	},
	{
		query: `SELECT id AS a, g AS b FROM t WHERE x IN (SELECT k FROM s) AND NOT EXISTS (SELECT 1 FROM t o WHERE o.g = t.x AND o.id < t.id)`,
		result: func(c *cluster) []string {
			var out []string
			for id, row := range c.upserted {
				found := false
				for _, s := range c.streamed {
					found = found || s[0] == row[1]
				}
				for other, o := range c.upserted {
					found = found && !(o[0] == row[1] && other < id)
				}
				if found {
					out = append(out, fmt.Sprintf("%d %d", id, row[0]))
				}
			}
			return out
		},
	},
	{
		// Values are event times, too. No row is late, and that written last closes all
		// windows.
		query: `SELECT a.k, a.v, b.v AS w FROM (SELECT k, v, TIMESTAMPTZ 'epoch' + v * INTERVAL '1 second' AS rowtime FROM s) a
			LEFT JOIN (SELECT k, v, TIMESTAMPTZ 'epoch' + v * INTERVAL '1 second' AS rowtime FROM s WHERE v % 2 = 0) b
			WITHIN (0 SECONDS, 1 SECOND) GRACE PERIOD 20 SECONDS ON a.k = b.k`,
		result: func(c *cluster) []string {
			var out []string
			for _, a := range c.streamed {
				found := false
				for _, b := range c.streamed {
					if a[0] == b[0] && b[1]%2 == 0 && b[1] >= a[1] && b[1] <= a[1]+1 {
						found = true
						out = append(out, fmt.Sprintf("%d %d %d", a[0], a[1], b[1]))
					}
				}
				if !found {
					out = append(out, fmt.Sprintf("%d %d", a[0], a[1]))
				}
			}
			return out
		},
	},
	{
		query: `SELECT a.k, count(*) AS n, sum(b.v) AS s, min(b.v) AS lo, max(b.v) AS hi FROM s a JOIN s b ON a.k = b.v GROUP BY a.k`,
		result: func(c *cluster) []string {
			var rows [][2]int64
			for _, a := range c.streamed {
				for _, b := range c.streamed {
					if a[0] == b[1] {
						rows = append(rows, [2]int64{a[0], b[1]})
					}
				}
			}
			return grouped(rows, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
}

// endOfTime is the value of the last row that is written.
const endOfTime = 1000

func upserts(c *cluster) [][2]int64 {
	var rows [][2]int64
	for _, row := range c.upserted {
		rows = append(rows, row)
	}
	return rows
}

// selected are the rows of t whose first column is below a bound.
func selected(c *cluster, below int64) [][2]int64 {
	var rows [][2]int64
	for _, row := range c.upserted {
		if row[0] < below {
			rows = append(rows, row)
		}
	}
	return rows
}

// group is what the queries say of the rows with one key.
type group struct{ rows, sum, least, greatest int64 }

func groupsOf(rows [][2]int64, read func([2]int64) (key, value int64, passes bool)) map[int64]*group {
	groups := map[int64]*group{}
	for _, row := range rows {
		key, value, passes := read(row)
		if !passes {
			continue
		}
		g := groups[key]
		if g == nil {
			g = &group{least: value, greatest: value}
			groups[key] = g
		}
		g.rows++
		g.sum += value
		g.least, g.greatest = min(g.least, value), max(g.greatest, value)
	}
	return groups
}

func grouped(rows [][2]int64, read func([2]int64) (key, value int64, passes bool), format string) []string {
	var out []string
	for key, g := range groupsOf(rows, read) {
		out = append(out, fmt.Sprintf(format, key, g.rows, g.sum, g.least, g.greatest))
	}
	return out
}

// total is the row of count(*), sum and count(DISTINCT) of the second column.
func total(rows [][2]int64) string {
	var sum int64
	distinct := map[int64]bool{}
	for _, row := range rows {
		sum += row[1]
		distinct[row[1]] = true
	}
	if len(rows) == 0 {
		return "0  0"
	}
	return fmt.Sprintf("%d %d %d", len(rows), sum, len(distinct))
}

// objectOf returns the object of a key of the table store.
func objectOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }
