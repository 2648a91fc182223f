package testsql

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// windowSizes are the lengths that a random script uses, in seconds.
type windowSizes struct{ size, advance, gap int }

func randomSizes(r *rand.Rand) windowSizes {
	advance := 1 + r.IntN(7)
	return windowSizes{size: advance * (1 + r.IntN(4)), advance: advance, gap: 1 + r.IntN(9)}
}

// windowQuery is a query over source {t} and the same for PostgreSQL, which has
// no windows.
type windowQuery struct{ name, ours, postgres string }

const windowAggregates = `count(*) AS c, sum(n) AS total, min(n) AS least, max(k) AS last, count(DISTINCT n) AS kinds`

// queries are the window functions over rows that change. {t} is their source.
func (w windowSizes) queries() []windowQuery {
	seconds := func(n int) string { return fmt.Sprintf("INTERVAL '%d seconds'", n) }
	epoch := `TIMESTAMPTZ '1970-01-01 00:00:00+00'`
	size, advance := seconds(w.size), seconds(w.advance)
	return []windowQuery{
		{"tumbling",
			`SELECT window_start, window_end, k, ` + windowAggregates + ` FROM TUMBLE({t}, at, ` + size + `) GROUP BY window_start, window_end, k`,
			`SELECT date_bin(` + size + `, at, ` + epoch + `) AS window_start, date_bin(` + size + `, at, ` + epoch + `) + ` + size + ` AS window_end, k, ` +
				windowAggregates + ` FROM {t} WHERE at IS NOT NULL GROUP BY 1, 2, 3`},
		{"hopping",
			`SELECT window_start, k, ` + windowAggregates + ` FROM HOP({t}, at, ` + advance + `, ` + size + `) GROUP BY window_start, k HAVING count(*) > 1`,
			`SELECT start AS window_start, k, ` + windowAggregates + ` FROM {t}, generate_series(0, ` + fmt.Sprint(w.size/w.advance-1) + `) i,
			 LATERAL (SELECT date_bin(` + advance + `, at, ` + epoch + `) - i * ` + advance + ` AS start) w
			 WHERE at IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1`},
		{"cumulate",
			`SELECT window_start, window_end, ` + windowAggregates + ` FROM CUMULATE({t}, at, ` + advance + `, ` + size + `) WHERE n > 2 GROUP BY window_start, window_end`,
			`SELECT date_bin(` + size + `, at, ` + epoch + `) AS window_start, date_bin(` + size + `, at, ` + epoch + `) + i * ` + advance + ` AS window_end, ` + windowAggregates + `
			 FROM {t}, generate_series(1, ` + fmt.Sprint(w.size/w.advance) + `) i
			 WHERE n > 2 AND at < date_bin(` + size + `, at, ` + epoch + `) + i * ` + advance + ` GROUP BY 1, 2`},
		{"session",
			`SELECT window_start, window_end, k, ` + windowAggregates + ` FROM SESSION({t} PARTITION BY (k), at, ` + seconds(w.gap) + `) GROUP BY window_start, window_end, k`,
			sessionsInPostgres(`{t}`, `k`, seconds(w.gap))},
		{"alone",
			`SELECT window_start, window_end, ` + windowAggregates + ` FROM SESSION({t}, at, ` + seconds(w.gap) + `) GROUP BY window_start, window_end`,
			sessionsInPostgres(`{t}`, ``, seconds(w.gap))},
	}
}

// sessionsInPostgres finds sessions as gaps between rows in order.
func sessionsInPostgres(source, by, gap string) string {
	partition, column, group := "", "", ""
	if by != "" {
		partition, column, group = "PARTITION BY "+by, by+",", ", "+by
	}
	return `SELECT min(at) AS window_start, max(at) + ` + gap + ` AS window_end, ` + column + windowAggregates + `
		FROM (SELECT *, sum(first) OVER (` + partition + ` ORDER BY at, id) AS session
			FROM (SELECT *, CASE WHEN at - lag(at) OVER (` + partition + ` ORDER BY at, id) < ` + gap + ` THEN 0 ELSE 1 END AS first
				FROM ` + source + ` WHERE at IS NOT NULL) f) s
		GROUP BY session` + group
}

func (q windowQuery) over(table string) (ours, postgres string) {
	return strings.ReplaceAll(q.ours, "{t}", table), strings.ReplaceAll(q.postgres, "{t}", table)
}

// TestWindowsAgainstPostgres keeps windows over a table with random inserts,
// updates and deletes, and over a stream with the same rows in random batches over
// random connections, and compares them with the same grouping in PostgreSQL.
func TestWindowsAgainstPostgres(t *testing.T) {
	scripts := harness.Sized(6, 2)
	if long() {
		scripts = 300
	}
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off").Connect(t)
	for seed := range scripts {
		shards := []int{1, 8}[seed%2]
		t.Run(fmt.Sprintf("seed %d, %d shards", seed, shards), func(t *testing.T) {
			runWindows(t, oracle, rand.New(rand.NewPCG(uint64(seed), 47)), newScriptNode(t, shards))
		})
	}
}

func runWindows(t *testing.T, oracle *pgx.Conn, random *rand.Rand, server *scriptNode) {
	sizes := randomSizes(random)
	connections := connectMany(t, server)
	harness.Exec(t, oracle, `DROP TABLE IF EXISTS t, s`)
	for _, table := range []string{"t", "s"} {
		harness.Exec(t, oracle, `CREATE TABLE `+table+` (id INT, k TEXT, n INT, at TIMESTAMPTZ)`)
	}
	harness.Exec(t, connections[0], `CREATE TABLE t (id INT PRIMARY KEY, k TEXT, n INT, at TIMESTAMPTZ)`)
	harness.Exec(t, connections[0], `CREATE STREAM s (id INT, k TEXT`+[]string{"", " KEY"}[random.IntN(2)]+`, n INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`)
	declare := func() {
		for _, q := range sizes.queries() {
			for _, source := range []string{"t", "s"} {
				ours, _ := q.over(source)
				harness.Exec(t, connections[0], `CREATE TABLE `+q.name+`_`+source+` AS `+ours)
			}
		}
	}
	late := random.IntN(2) == 0 // half of the scripts declare over rows that are there
	if !late {
		declare()
	}
	ids := 0
	for range 40 {
		connection := connections[random.IntN(len(connections))]
		switch choice := random.IntN(10); {
		case choice < 6 || ids == 0:
			var rows []string
			for range 1 + random.IntN(5) {
				ids++
				rows = append(rows, fmt.Sprintf("(%d, %s, %d, %s)", ids, randomKey(random), random.IntN(6), randomInstant(random)))
			}
			for _, table := range []string{"t", "s"} {
				insert := `INSERT INTO ` + table + ` VALUES ` + strings.Join(rows, ", ")
				if table == "s" {
					insert = strings.ReplaceAll(insert, "NULL)", "'1970-01-01')") // a stream has no row without a time
				}
				harness.Exec(t, connection, insert)
				harness.Exec(t, oracle, insert)
			}
		case choice < 8:
			both(t, oracle, connection, fmt.Sprintf(`UPDATE t SET at = %s, n = n + 1 WHERE id %% %d = 0`, randomInstant(random), 1+random.IntN(20)))
		case choice < 9:
			both(t, oracle, connection, fmt.Sprintf(`DELETE FROM t WHERE id %% %d = 1`, 3+random.IntN(20)))
		default:
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			connections = connectMany(t, server)
		}
	}
	if late {
		declare()
	}
	for _, q := range sizes.queries() {
		for _, source := range []string{"t", "s"} {
			ours, postgres := q.over(source)
			want := sorted(harness.Rows(t, oracle, postgres))
			if diff := cmp.Diff(want, sorted(harness.Rows(t, connections[0], `SELECT * FROM `+q.name+`_`+source))); diff != "" {
				t.Errorf("%+v: kept %s over %s\n-PostgreSQL +kept\n%s", sizes, q.name, source, diff)
			}
			if diff := cmp.Diff(want, sorted(harness.Rows(t, connections[0], ours))); diff != "" {
				t.Errorf("%+v: %s over %s, once\n-PostgreSQL +once\n%s", sizes, q.name, source, diff)
			}
		}
	}
}

func both(t *testing.T, oracle, connection *pgx.Conn, sql string) {
	t.Helper()
	harness.Exec(t, oracle, sql)
	harness.Exec(t, connection, sql)
}

func connectMany(t *testing.T, server *scriptNode) []*pgx.Conn {
	var out []*pgx.Conn
	for range 3 {
		c := harness.Connect(t, server.URL())
		harness.Exec(t, c, "SET TimeZone = 'UTC'")
		out = append(out, c)
	}
	return out
}

func sorted(rows []string) []string {
	slices.Sort(rows)
	return rows
}

func randomKey(r *rand.Rand) string {
	return []string{"'a'", "'b'", "'c'", "NULL"}[r.IntN(4)]
}

// randomInstant is near the epoch, on both sides of it, and sometimes NULL.
func randomInstant(r *rand.Rand) string {
	if r.IntN(20) == 0 {
		return "NULL"
	}
	at := time.UnixMilli(r.Int64N(90_000) - 45_000).UTC()
	return "'" + at.Format("2006-01-02 15:04:05.000+00") + "'"
}

// TestFinalWindowsAgainstPostgres gives windows once, when they close, over rows
// whose disorder the grace period covers, in random batches over random
// connections and with restarts: what is closed at the end is what PostgreSQL
// groups, each window once.
func TestFinalWindowsAgainstPostgres(t *testing.T) {
	scripts := harness.Sized(4, 2)
	if long() {
		scripts = 100
	}
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off").Connect(t)
	for seed := range scripts {
		shards := []int{1, 8}[seed%2]
		t.Run(fmt.Sprintf("seed %d, %d shards", seed, shards), func(t *testing.T) {
			runFinalWindows(t, oracle, rand.New(rand.NewPCG(uint64(seed), 53)), newScriptNode(t, shards))
		})
	}
}

func runFinalWindows(t *testing.T, oracle *pgx.Conn, random *rand.Rand, server *scriptNode) {
	const disorder = 20 // seconds
	sizes := randomSizes(random)
	connections := connectMany(t, server)
	harness.Exec(t, oracle, `DROP TABLE IF EXISTS s`)
	harness.Exec(t, oracle, `CREATE TABLE s (id INT, k TEXT, n INT, at TIMESTAMPTZ)`)
	harness.Exec(t, connections[0], `CREATE STREAM s (id INT, k TEXT, n INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`)
	clause := map[string]string{
		"tumbling": fmt.Sprintf(`TUMBLING (SIZE %d SECONDS, GRACE PERIOD %d SECONDS)`, sizes.size, disorder),
		"session":  fmt.Sprintf(`SESSION (%d SECONDS, GRACE PERIOD %d SECONDS)`, sizes.gap, disorder),
	}
	for name, window := range clause {
		harness.Exec(t, connections[0], `CREATE STREAM `+name+`_f AS SELECT window_start, window_end, k, `+windowAggregates+` FROM s WINDOW `+window+` GROUP BY k EMIT FINAL`)
	}
	at, ids := int64(0), 0
	for range 50 {
		if random.IntN(15) == 0 {
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			connections = connectMany(t, server)
		}
		var rows []string
		for range 1 + random.IntN(4) {
			at += random.Int64N(4000)
			ids++
			instant := time.UnixMilli(at - random.Int64N(disorder*1000)).UTC().Format("2006-01-02 15:04:05.000+00")
			rows = append(rows, fmt.Sprintf("(%d, %s, %d, '%s')", ids, randomKey(random), random.IntN(6), instant))
		}
		both(t, oracle, connections[random.IntN(len(connections))], `INSERT INTO s VALUES `+strings.Join(rows, ", "))
	}
	// A row far behind closes all windows but its own, once the other partitions
	// are idle.
	harness.Exec(t, connections[0], `INSERT INTO s VALUES (0, 'end', 0, '1980-01-01')`)
	server.Advance(2 * time.Second)
	for _, q := range sizes.queries() {
		if clause[q.name] == "" {
			continue
		}
		_, postgres := q.over("s")
		want := sorted(harness.Rows(t, oracle, postgres))
		harness.Eventually(t, time.Minute, func() error {
			got := sorted(harness.Rows(t, connections[0], `SELECT * FROM `+q.name+`_f`))
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("%+v: final %s\n-PostgreSQL +given\n%s", sizes, q.name, diff)
			}
			return nil
		})
	}
	if late := harness.Rows(t, connections[0], `SELECT sum(late) FROM millrace.queries`); late[0] != "0" {
		t.Errorf("%s rows were late", late[0])
	}
}
