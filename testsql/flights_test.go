package testsql

import (
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// flightsFile holds real flights; see its README.
const flightsFile = "data/flights.csv"

const (
	createFlights = `CREATE STREAM flights (departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT) WITH (timestamp = 'departure')`
	delaysQuery   = `SELECT origin, count(*) AS flights, sum(delay) AS total, avg(delay) AS mean, min(delay) AS best, max(delay) AS worst FROM flights GROUP BY origin`
	lateQuery     = `SELECT origin, destination, delay FROM flights WHERE delay > 60`
	routesQuery   = `SELECT origin, destination, count(*) AS n FROM late GROUP BY origin, destination`
	busyQuery     = `SELECT flights, count(*) AS airports, max(mean) AS worst_mean FROM delays GROUP BY flights`
)

// flightsResults are queries whose answers must equal PostgreSQL's, where the
// derived streams and tables are views.
var flightsResults = []string{
	`SELECT count(*) FROM flights`,
	`SELECT * FROM delays ORDER BY origin`,
	`SELECT * FROM delays WHERE origin = 'ORD'`,
	`SELECT origin, mean FROM delays WHERE flights > 100 ORDER BY mean DESC, origin LIMIT 10`,
	`SELECT * FROM late_routes ORDER BY origin, destination`,
	`SELECT count(*), sum(delay) FROM late`,
	`SELECT * FROM busy ORDER BY flights`,
	`SELECT * FROM total`,
	`SELECT date_trunc('day', departure) AS day, count(*), avg(distance) FROM flights GROUP BY 1 HAVING count(*) > 200 ORDER BY 1`,
	`SELECT DISTINCT origin FROM flights WHERE delay > 400 ORDER BY origin DESC`,
}

// declareFlights makes the stream and everything derived from it.
func declareFlights(t testing.TB, connection *pgx.Conn) {
	t.Helper()
	for _, statement := range []string{
		createFlights,
		`CREATE TABLE delays AS ` + delaysQuery,
		`CREATE STREAM late AS ` + lateQuery,
		`CREATE TABLE late_routes AS ` + routesQuery,
		`CREATE TABLE busy AS ` + busyQuery,
		`CREATE TABLE total AS SELECT count(*) AS n, sum(distance) AS miles FROM flights`,
	} {
		harness.Exec(t, connection, statement)
	}
}

// expectedFlights asks PostgreSQL.
func expectedFlights(t *testing.T, lines []string) map[string][]string {
	t.Helper()
	oracle := harness.StartPostgres(t, false).Connect(t)
	for _, statement := range []string{
		`CREATE TABLE flights (departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT)`,
		`CREATE VIEW delays AS ` + delaysQuery,
		`CREATE VIEW late AS ` + lateQuery,
		`CREATE VIEW late_routes AS ` + routesQuery,
		`CREATE VIEW busy AS ` + busyQuery,
		`CREATE VIEW total AS SELECT count(*) AS n, sum(distance) AS miles FROM flights`,
	} {
		harness.Exec(t, oracle, statement)
	}
	copyLines(t, oracle, lines)
	expected := map[string][]string{}
	for _, query := range flightsResults {
		expected[query] = harness.Rows(t, oracle, query)
	}
	return expected
}

func readFlights(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile(flightsFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	return slices.DeleteFunc(lines[1:], func(line string) bool { return line == "" })
}

func copyLines(t testing.TB, connection *pgx.Conn, lines []string) {
	t.Helper()
	tag, err := connection.PgConn().CopyFrom(t.Context(), strings.NewReader(strings.Join(lines, "")), `COPY flights FROM STDIN WITH (FORMAT csv)`)
	if err != nil {
		t.Fatal(err)
	}
	if int(tag.RowsAffected()) != len(lines) {
		t.Fatalf("COPY of %d lines says %s", len(lines), tag)
	}
}

func compareFlights(t *testing.T, connection *pgx.Conn, expected map[string][]string) {
	t.Helper()
	for _, query := range flightsResults {
		if diff := cmp.Diff(expected[query], harness.Rows(t, connection, query)); diff != "" {
			t.Errorf("%s (-PostgreSQL +Millrace):\n%s", query, diff)
		}
	}
}

// TestFlightsEqualPostgres loads real flights and compares every result with
// PostgreSQL's, whatever the number of shards, the order of declaration, the
// pieces the rows arrive in, and across a restart.
func TestFlightsEqualPostgres(t *testing.T) {
	lines := readFlights(t)
	expected := expectedFlights(t, lines)
	for _, shards := range []int{8, 2, 1}[:harness.Sized(3, 1)] {
		for name, load := range map[string]func(*testing.T, *node.Node, []string){
			"declared first": loadDeclared, "backfill": loadBackfilled, "random pieces": loadPieces,
		} {
			t.Run(fmt.Sprintf("%d shards/%s", shards, name), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				n := harness.StartNode(t, node.Options{Dir: dir, Shards: shards})
				load(t, n, lines)
				compareFlights(t, harness.Connect(t, harness.NodeURL(n.Addr())), expected)
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				n = harness.StartNode(t, node.Options{Dir: dir})
				compareFlights(t, harness.Connect(t, harness.NodeURL(n.Addr())), expected)
			})
		}
	}
}

// loadDeclared declares everything, then copies in one go.
func loadDeclared(t *testing.T, n *node.Node, lines []string) {
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	declareFlights(t, connection)
	copyLines(t, connection, lines)
}

// loadBackfilled declares the derived results when the rows are there.
func loadBackfilled(t *testing.T, n *node.Node, lines []string) {
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, connection, createFlights)
	copyLines(t, connection, lines)
	harness.Exec(t, connection, `DROP STREAM flights`)
	harness.Exec(t, connection, createFlights)
	copyLines(t, connection, lines)
	harness.Exec(t, connection, `CREATE TABLE delays AS `+delaysQuery)
	harness.Exec(t, connection, `CREATE STREAM late AS `+lateQuery)
	harness.Exec(t, connection, `CREATE TABLE late_routes AS `+routesQuery)
	harness.Exec(t, connection, `CREATE TABLE busy AS `+busyQuery)
	harness.Exec(t, connection, `CREATE TABLE total AS SELECT count(*) AS n, sum(distance) AS miles FROM flights`)
}

// loadPieces sends random pieces over four connections, as COPY, as INSERT of
// many rows and as INSERT with parameters, and declares the derived results
// meanwhile.
func loadPieces(t *testing.T, n *node.Node, lines []string) {
	random := rand.New(rand.NewPCG(7, uint64(len(lines))))
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, connection, createFlights)
	pieces := make(chan []string)
	var senders sync.WaitGroup
	for range 4 {
		sender := harness.Connect(t, harness.NodeURL(n.Addr()))
		senders.Go(func() {
			for piece := range pieces {
				if err := sendPiece(t.Context(), sender, piece); err != nil {
					t.Error(err)
				}
			}
		})
	}
	declared := false
	for rest := lines; len(rest) > 0; {
		size := min(len(rest), 1+random.IntN(300))
		pieces <- rest[:size]
		rest = rest[size:]
		if !declared && len(rest) < len(lines)/2 {
			declared = true
			harness.Exec(t, connection, `CREATE TABLE delays AS `+delaysQuery)
			harness.Exec(t, connection, `CREATE STREAM late AS `+lateQuery)
			harness.Exec(t, connection, `CREATE TABLE late_routes AS `+routesQuery)
			harness.Exec(t, connection, `CREATE TABLE busy AS `+busyQuery)
			harness.Exec(t, connection, `CREATE TABLE total AS SELECT count(*) AS n, sum(distance) AS miles FROM flights`)
		}
	}
	close(pieces)
	senders.Wait()
}

func sendPiece(ctx context.Context, connection *pgx.Conn, lines []string) error {
	if len(lines) > 100 {
		_, err := connection.PgConn().CopyFrom(ctx, strings.NewReader(strings.Join(lines, "")), `COPY flights FROM STDIN WITH (FORMAT csv)`)
		return err
	}
	records, err := csv.NewReader(strings.NewReader(strings.Join(lines, ""))).ReadAll()
	if err != nil {
		return err
	}
	if len(lines) > 10 {
		var values []string
		for _, r := range records {
			values = append(values, fmt.Sprintf("('%s', '%s', '%s', %s, %s)", r[0], r[1], r[2], r[3], r[4]))
		}
		_, err := connection.Exec(ctx, "INSERT INTO flights VALUES "+strings.Join(values, ", "))
		return err
	}
	for _, r := range records {
		_, err := connection.Exec(ctx, "INSERT INTO flights VALUES ($1::text::timestamp, $2, $3, $4::text::int, $5::text::int)", r[0], r[1], r[2], r[3], r[4])
		if err != nil {
			return err
		}
	}
	return nil
}
