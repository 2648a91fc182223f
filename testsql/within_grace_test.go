package testsql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/testsql/harness"
)

// gracedQuery is a query over streams a, b and c, and the same for PostgreSQL, which
// has no WITHIN.
type gracedQuery struct{ ours, postgres string }

// gracedQueries are joins of streams whose disorder, in seconds, the grace period covers.
func gracedQueries(random *rand.Rand, disorder int) map[string]gracedQuery {
	before, after, further := random.IntN(20), random.IntN(20), random.IntN(10)
	within := func(before, after int) string {
		return fmt.Sprintf(`WITHIN (%d SECONDS, %d SECONDS) GRACE PERIOD %d SECONDS`, before, after, disorder+random.IntN(10))
	}
	between := func(left, right string, before, after int) string {
		return fmt.Sprintf(` AND %s BETWEEN %s - INTERVAL '%d seconds' AND %s + INTERVAL '%d seconds'`, right, left, before, left, after)
	}
	queries := map[string]gracedQuery{}
	for _, kind := range []string{"INNER", "LEFT", "RIGHT", "FULL"} {
		for name, condition := range map[string]string{"keyed": "a.k = b.k", "several": "a.k = b.k AND a.g = b.g AND a.n <> b.n"} {
			query := `SELECT a.id AS a, b.id AS b FROM a ` + kind + ` JOIN b `
			queries[strings.ToLower(kind)+"_"+name] = gracedQuery{
				query + within(before, after) + ` ON ` + condition, query + `ON ` + condition + between("a.at", "b.at", before, after),
			}
		}
	}
	queries["compared"] = gracedQuery{
		`SELECT a.id AS a, b.id AS b FROM a LEFT JOIN b ` + within(after, before) + ` ON a.n < b.n`,
		`SELECT a.id AS a, b.id AS b FROM a LEFT JOIN b ON a.n < b.n` + between("a.at", "b.at", after, before),
	}
	queries["missing"] = gracedQuery{
		`SELECT a.id AS a FROM a LEFT JOIN b ` + within(before, after) + ` ON a.k = b.k WHERE b.id IS NULL`,
		`SELECT a.id AS a FROM a LEFT JOIN b ON a.k = b.k` + between("a.at", "b.at", before, after) + ` WHERE b.id IS NULL`,
	}
	queries["itself"] = gracedQuery{
		`SELECT x.id AS a, y.id AS b FROM a x LEFT JOIN a y ` + within(0, after) + ` ON x.k = y.k AND x.id <> y.id`,
		`SELECT x.id AS a, y.id AS b FROM a x LEFT JOIN a y ON x.k = y.k AND x.id <> y.id` + between("x.at", "y.at", 0, after),
	}
	queries["chain"] = gracedQuery{
		`SELECT a.id AS a, b.id AS b, c.id AS c FROM a FULL JOIN b ` + within(before, after) + ` ON a.k = b.k LEFT JOIN c ` + within(further, after) + ` ON c.g = coalesce(a.g, b.g)`,
		`SELECT a.id AS a, b.id AS b, c.id AS c FROM a FULL JOIN b ON a.k = b.k` + between("a.at", "b.at", before, after) + ` LEFT JOIN c ON c.g = coalesce(a.g, b.g)` +
			between("greatest(a.at, b.at)", "c.at", further, after),
	}
	queries["looked"] = gracedQuery{
		`SELECT x.id AS a, b.id AS b, x.name FROM (SELECT a.id, a.k, a.rowtime, d.name FROM a LEFT JOIN d ON d.g = a.g) x LEFT JOIN b ` + within(before, after) + ` ON x.k = b.k`,
		`SELECT a.id AS a, b.id AS b, d.name FROM a LEFT JOIN d ON d.g = a.g LEFT JOIN b ON a.k = b.k` + between("a.at", "b.at", before, after),
	}
	queries["merged"] = gracedQuery{
		`SELECT x.id AS a, b.id AS b FROM (SELECT id, k, rowtime FROM a UNION ALL SELECT id, k, rowtime FROM c) x FULL JOIN b ` + within(before, after) + ` ON x.k = b.k`,
		`SELECT x.id AS a, b.id AS b FROM (SELECT id, k, at FROM a UNION ALL SELECT id, k, at FROM c) x FULL JOIN b ON x.k = b.k` + between("x.at", "b.at", before, after),
	}
	queries["counted"] = gracedQuery{
		`SELECT window_start, a.k, count(*) AS rows, count(b.id) AS pairs, sum(b.n) AS total FROM a LEFT JOIN b ` + within(before, after) +
			` ON a.k = b.k WINDOW TUMBLING (SIZE 15 SECONDS) GROUP BY a.k EMIT FINAL`,
		`SELECT window_start, k, count(*), count(id), sum(n) FROM (SELECT date_bin('15 seconds', greatest(a.at, b.at), 'epoch') AS window_start, a.k, b.id, b.n
			FROM a LEFT JOIN b ON a.k = b.k` + between("a.at", "b.at", before, after) + `) j GROUP BY window_start, k`,
	}
	return queries
}

// TestWithinGraceAgainstPostgres joins streams WITHIN a time, in random batches over
// random connections and with restarts: when all windows are over, what was given is
// what PostgreSQL joins, each row once.
func TestWithinGraceAgainstPostgres(t *testing.T) {
	scripts := harness.Sized(4, 2)
	if long() {
		scripts = 200
	}
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off").Connect(t)
	harness.Exec(t, oracle, "SET TimeZone = 'UTC'")
	for seed := range scripts {
		shards := []int{1, 8}[seed%2]
		t.Run(fmt.Sprintf("seed %d, %d shards", seed, shards), func(t *testing.T) {
			runWithinGrace(t, oracle, rand.New(rand.NewPCG(uint64(seed), 59)), newScriptNode(t, shards))
		})
	}
}

func runWithinGrace(t *testing.T, oracle *pgx.Conn, random *rand.Rand, server *scriptNode) {
	const disorder = 20 // seconds
	connections := connectMany(t, server)
	for _, stream := range []string{"a", "b", "c"} {
		harness.Exec(t, oracle, `DROP TABLE IF EXISTS `+stream)
		harness.Exec(t, oracle, `CREATE TABLE `+stream+` (id INT, k TEXT, g INT, n INT, at TIMESTAMPTZ)`)
		key := []string{"", " KEY"}[random.IntN(2)]
		harness.Exec(t, connections[0], `CREATE STREAM `+stream+` (id INT, k TEXT`+key+`, g INT, n INT, at TIMESTAMPTZ) WITH (timestamp = 'at')`)
	}
	for _, c := range []*pgx.Conn{oracle, connections[0]} {
		harness.Exec(t, c, `DROP TABLE IF EXISTS d`)
		harness.Exec(t, c, `CREATE TABLE d (g INT PRIMARY KEY, name TEXT)`)
		harness.Exec(t, c, `INSERT INTO d VALUES (0, 'none'), (1, 'one'), (2, 'two')`)
	}
	queries := gracedQueries(random, disorder)
	declare := func() {
		for name, q := range queries {
			harness.Exec(t, connections[0], `CREATE STREAM q_`+name+` AS `+q.ours)
		}
	}
	late := random.IntN(2) == 0 // half of the scripts declare over rows that are there
	if !late {
		declare()
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
			at += random.Int64N(6000)
			ids++
			instant := time.UnixMilli(at - random.Int64N(disorder*1000)).UTC().Format("2006-01-02 15:04:05.000+00")
			rows = append(rows, fmt.Sprintf("(%d, %s, %d, %d, '%s')", ids, randomKey(random), random.IntN(5), random.IntN(6), instant))
		}
		both(t, oracle, connections[random.IntN(len(connections))], `INSERT INTO `+[]string{"a", "b", "c"}[random.IntN(3)]+` VALUES `+strings.Join(rows, ", "))
	}
	if late {
		declare()
	}
	// Rows far behind close all windows but their own, once other partitions are idle.
	for _, stream := range []string{"a", "b", "c"} {
		harness.Exec(t, connections[0], `INSERT INTO `+stream+` VALUES (0, NULL, NULL, NULL, '1980-01-01')`)
	}
	for name, q := range queries {
		want := sorted(harness.Rows(t, oracle, q.postgres))
		harness.Eventually(t, time.Minute, func() error {
			got := sorted(harness.Rows(t, connections[0], `SELECT * FROM q_`+name))
			if diff := cmp.Diff(want, got); diff != "" {
				server.Advance(2 * time.Second)
				return fmt.Errorf("%s: %s\n-PostgreSQL +given\n%s", name, q.ours, diff)
			}
			return nil
		})
	}
	if late := harness.Rows(t, connections[0], `SELECT sum(late) FROM millrace.queries`); late[0] != "0" {
		t.Errorf("%s rows were late", late[0])
	}
}
