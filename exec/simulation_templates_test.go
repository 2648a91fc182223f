package exec

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"millrace/sql/catalog"
	"millrace/sql/types"
)

// overTemplates are window functions, over rows that only come and over rows that
// change.
var overTemplates = []template{
	{
		query: `SELECT k, v, row_number() OVER w AS n, sum(v) OVER w AS s, lag(v) OVER w AS b FROM s WINDOW w AS (PARTITION BY k ORDER BY v)`,
		result: func(c *cluster) []string {
			rows := slices.Clone(c.streamed)
			slices.SortFunc(rows, func(a, b [2]int64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
			var out []string
			for i, row := range rows {
				number, sum := 0, int64(0)
				for j, other := range rows {
					if other[0] == row[0] && other[1] <= row[1] { // with its peers
						sum += other[1]
						if j <= i {
							number++
						}
					}
				}
				before := ""
				if number > 1 {
					before = fmt.Sprint(rows[i-1][1])
				}
				out = append(out, strings.TrimSpace(fmt.Sprintf("%d %d %d %d %s", row[0], row[1], number, sum, before)))
			}
			return out
		},
	},
	{
		query: `SELECT id AS a, rank() OVER (PARTITION BY g ORDER BY x DESC) AS b, count(*) OVER (PARTITION BY g) AS c,
			first_value(id) OVER (PARTITION BY g ORDER BY id) AS d FROM t WHERE x > 0`,
		result: func(c *cluster) []string {
			var out []string
			for id, row := range c.upserted {
				rank, count, first := 1, 0, id
				for other, o := range c.upserted {
					if o[0] != row[0] || o[1] <= 0 {
						continue
					}
					count++
					first = min(first, other)
					if o[1] > row[1] {
						rank++
					}
				}
				if row[1] > 0 {
					out = append(out, fmt.Sprintf("%d %d %d %d", id, rank, count, first))
				}
			}
			return out
		},
	},
	{
		// Window functions over groups, and groups over those.
		query: `SELECT place, count(*) AS n, sum(total) AS s, min(total) AS lo, max(total) AS hi FROM (
			SELECT row_number() OVER (PARTITION BY hi ORDER BY k) AS place, total
			FROM (SELECT k, sum(v) AS total, max(v) AS hi FROM s GROUP BY k) AS groups) AS places GROUP BY place`,
		result: func(c *cluster) []string {
			groups := groupsOf(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true })
			var rows [][2]int64
			for k, g := range groups {
				place := int64(1)
				for other, o := range groups {
					if o.greatest == g.greatest && other < k {
						place++
					}
				}
				rows = append(rows, [2]int64{place, g.sum})
			}
			return grouped(rows, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
}

// expandTemplates are set-returning functions and LATERAL.
var expandTemplates = []template{
	{
		query: `SELECT k, n FROM s, generate_series(1, least(v, 9)) AS n`,
		result: func(c *cluster) []string {
			var out []string
			for _, row := range c.streamed {
				for n := range min(row[1], 9) {
					out = append(out, fmt.Sprintf("%d %d", row[0], n+1))
				}
			}
			return out
		},
	},
	{
		query: `SELECT id AS a, n AS b FROM t LEFT JOIN generate_series(g, x) AS n ON n % 2 = 0`,
		result: func(c *cluster) []string {
			var out []string
			for id, row := range c.upserted {
				before := len(out)
				for n := row[0]; n <= row[1]; n++ {
					if n%2 == 0 {
						out = append(out, fmt.Sprintf("%d %d", id, n))
					}
				}
				if len(out) == before {
					out = append(out, fmt.Sprint(id))
				}
			}
			return out
		},
	},
	{
		source: `CREATE TABLE $ AS SELECT g, unnest(ARRAY[x, id]) AS u FROM t`,
		query:  `SELECT u, count(*) AS n, sum(g) AS s, min(g) AS lo, max(g) AS hi FROM $ GROUP BY u`,
		result: func(c *cluster) []string {
			var rows [][2]int64
			for id, row := range c.upserted {
				rows = append(rows, [2]int64{row[1], row[0]}, [2]int64{id, row[0]})
			}
			return grouped(rows, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
	{
		query: `SELECT t.id AS a, l.n AS b FROM t, LATERAL (SELECT count(*) AS n FROM t o WHERE o.g = t.x) AS l`,
		result: func(c *cluster) []string {
			var out []string
			for id, row := range c.upserted {
				n := 0
				for _, o := range c.upserted {
					if o[0] == row[1] {
						n++
					}
				}
				out = append(out, fmt.Sprintf("%d %d", id, n))
			}
			return out
		},
	},
	{
		// What a stream's rows expand to is inserted into another one.
		source: `CREATE STREAM $ (k BIGINT, n INT CHECK (n > 0))`,
		inserts: []string{
			`INSERT INTO $ SELECT k, n FROM s, generate_series(1, least(v, 5)) AS n PARTITION BY n EMIT CHANGES`,
			`INSERT INTO $ (n, k) SELECT unnest(ARRAY[v, 1]), k FROM s WHERE v > 7 EMIT CHANGES`,
		},
		query: `SELECT n, count(*) AS c, sum(k) AS s, min(k) AS lo, max(k) AS hi FROM $ GROUP BY n`,
		result: func(c *cluster) []string {
			var rows [][2]int64
			for _, row := range c.streamed {
				for n := range min(row[1], 5) {
					rows = append(rows, [2]int64{n + 1, row[0]})
				}
				if row[1] > 7 {
					rows = append(rows, [2]int64{row[1], row[0]}, [2]int64{1, row[0]})
				}
			}
			return grouped(rows, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
}

// asOfTemplates are joins with the closest row and with the versions of rows.
var asOfTemplates = []template{
	{
		query: `SELECT l.id AS a, r.x AS b FROM t l ASOF LEFT JOIN t r ON l.g = r.g AND l.x > r.x`,
		result: func(c *cluster) []string {
			var out []string
			for id, l := range c.upserted {
				out = append(out, withClosest(fmt.Sprint(id), upserts(c), func(r [2]int64) bool { return r[0] == l[0] && r[1] < l[1] }))
			}
			return out
		},
	},
	{
		query: `SELECT s.k, s.v, t.x AS b FROM s ASOF JOIN t ON s.k = t.g AND s.v >= t.x`,
		result: func(c *cluster) []string {
			var out []string
			for _, row := range c.streamed {
				line := fmt.Sprintf("%d %d", row[0], row[1])
				if found := withClosest(line, upserts(c), func(t [2]int64) bool { return t[0] == row[0] && t[1] <= row[1] }); found != line {
					out = append(out, found)
				}
			}
			return out
		},
	},
	{
		query: `SELECT s.k, s.v, r.x FROM (SELECT k, v, TIMESTAMPTZ 'epoch' + v * INTERVAL '1 second' AS rowtime FROM s) AS s
			LEFT JOIN $ FOR SYSTEM_TIME AS OF s.rowtime AS r ON s.k = r.k`,
		versions: func(c *cluster, versions []version) []string {
			var out []string
			for _, row := range c.streamed {
				out = append(out, withVersion(row, versions))
			}
			return out
		},
	},
	{
		// Rows wait so long that none is given before the last row is written.
		query: `SELECT s.k, s.v, r.x FROM (SELECT k, v, TIMESTAMPTZ 'epoch' + v * INTERVAL '1 second' AS rowtime FROM s) AS s
			JOIN $ FOR SYSTEM_TIME AS OF s.rowtime GRACE PERIOD 500 SECONDS AS r ON s.k = r.k`,
		versions: func(c *cluster, versions []version) []string {
			var out []string
			for _, row := range c.streamed {
				if line := withVersion(row, versions); strings.Count(line, " ") == 2 {
					out = append(out, line)
				}
			}
			return out
		},
	},
}

// version is one of the versions of a row: what x is of a key from a second on.
type version struct{ key, x, second int64 }

// versionsTable is what templates with versions read.
const versionsTable = `CREATE TABLE $ (k INT PRIMARY KEY, x INT, at TIMESTAMPTZ) WITH (timestamp = 'at', upsert = true)`

// withVersion gives a row of s with the version of its key and time; of several of one
// time it is the last.
func withVersion(row [2]int64, versions []version) string {
	line, at := fmt.Sprintf("%d %d", row[0], row[1]), int64(math.MinInt64)
	out := line
	for _, v := range versions {
		if v.key == row[0] && v.second <= row[1] && v.second >= at {
			at, out = v.second, fmt.Sprintf("%s %d", line, v.x)
		}
	}
	return out
}

// writeVersions writes versions of rows for the queries that join with them. What is
// written before a shard has a query, that query may not see.
func (c *cluster) writeVersions() {
	for _, name := range slices.Sorted(maps.Keys(c.queries)) {
		query := c.snapshot.QueryByName(name)
		if c.queries[name].versions == nil || slices.ContainsFunc(c.shards, func(s *simulatedShard) bool { return !s.runs(query.ID) }) {
			continue
		}
		var rows [][]int64
		for range 1 + c.random.IntN(5) {
			rows = append(rows, []int64{c.random.Int64N(6), c.random.Int64N(100), (c.random.Int64N(12)-4)*1_000_000 - millisAtTimestampZero*1000})
		}
		c.offer(name+"source", rows, func(row []types.Datum, err error) {
			if c.queries[name] == nil {
				return // dropped meanwhile
			}
			if err != nil {
				c.t.Fatalf("a write was refused: %v", err)
			}
			c.versions[name] = append(c.versions[name], version{row[0].Int, row[1].Int, (row[2].Int + millisAtTimestampZero*1000) / 1_000_000})
		})
	}
}

// runs reports whether the shard has taken a query into use.
func (s *simulatedShard) runs(query catalog.ObjectID) bool {
	return slices.ContainsFunc(s.core.queries, func(q *runningQuery) bool { return q.descriptor.ID == query })
}

// withClosest adds to a line the greatest second column of the rows that match.
func withClosest(line string, rows [][2]int64, matches func([2]int64) bool) string {
	found, closest := false, int64(0)
	for _, row := range rows {
		if matches(row) && (!found || row[1] > closest) {
			found, closest = true, row[1]
		}
	}
	if !found {
		return line
	}
	return fmt.Sprintf("%s %d", line, closest)
}

// sharedTemplates compute from what others of the templates keep.
var sharedTemplates = []template{
	{
		query: `SELECT n, count(*) AS c, sum(s) AS s, min(s) AS lo, max(s) AS hi FROM (
			SELECT k, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi FROM s GROUP BY k) AS g GROUP BY n`,
		result: func(c *cluster) []string {
			var rows [][2]int64
			for _, g := range groupsOf(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }) {
				rows = append(rows, [2]int64{g.rows, g.sum})
			}
			return grouped(rows, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }, "%d %d %d %d %d")
		},
	},
	{
		query: `SELECT k, g.n, t.id AS a FROM (SELECT k, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi FROM s GROUP BY k) AS g
			JOIN t ON t.x = g.k AND t.g < g.lo + 3`,
		result: func(c *cluster) []string {
			var out []string
			for k, g := range groupsOf(c.streamed, func(row [2]int64) (int64, int64, bool) { return row[0], row[1], true }) {
				for id, t := range c.upserted {
					if t[1] == k && t[0] < g.least+3 {
						out = append(out, fmt.Sprintf("%d %d %d", k, g.rows, id))
					}
				}
			}
			return out
		},
	},
	{
		query: `SELECT count(*) AS n, sum(n) AS s, count(DISTINCT n) AS d FROM (SELECT id AS a, (SELECT count(*) FROM t o WHERE o.g = t.x) AS n FROM t) AS counted`,
		result: func(c *cluster) []string {
			var rows [][2]int64
			for id, row := range c.upserted {
				n := int64(0)
				for _, o := range c.upserted {
					if o[0] == row[1] {
						n++
					}
				}
				rows = append(rows, [2]int64{id, n})
			}
			return []string{total(rows)}
		},
	},
}
