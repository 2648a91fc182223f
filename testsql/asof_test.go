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

// asOfQuery is an as-of join beside what PostgreSQL has for it.
type asOfQuery struct{ name, ours, theirs string }

// asOfQueries are joins of l (id, k, at, v) with r (id, k, at, v), which has a primary
// key, and with b (k, at, v), which has none and has equal rows.
func asOfQueries() []asOfQuery {
	var out []asOfQuery
	for i, op := range []string{">=", ">", "<=", "<"} {
		order := "DESC"
		if op[0] == '<' {
			order = ""
		}
		for _, kind := range []string{"INNER", "LEFT"} {
			out = append(out, asOfQuery{
				fmt.Sprintf("%s_%d", strings.ToLower(kind), i),
				fmt.Sprintf(`SELECT l.id, l.v, r.id AS other, r.v AS theirs FROM l ASOF %s JOIN r ON l.k = r.k AND l.at %s r.at`, kind, op),
				fmt.Sprintf(`SELECT l.id, l.v, r.id AS other, r.v AS theirs FROM l %s JOIN LATERAL
					(SELECT * FROM r WHERE l.k = r.k AND l.at %s r.at ORDER BY r.at %s, r.id LIMIT 1) r ON true`, kind, op, order),
			}, asOfQuery{
				fmt.Sprintf("%s_keyless_%d", strings.ToLower(kind), i),
				fmt.Sprintf(`SELECT b.k, l.v, r.v AS theirs FROM b ASOF %s JOIN r ON b.at %s r.at ASOF JOIN l ON b.k = l.k AND l.at %s b.at`, kind, op, op),
				fmt.Sprintf(`SELECT b.k, l.v, r.v AS theirs FROM b %s JOIN LATERAL (SELECT * FROM r WHERE b.at %s r.at ORDER BY r.at %s, r.id LIMIT 1) r ON true
					JOIN LATERAL (SELECT * FROM l WHERE b.k = l.k AND l.at %s b.at ORDER BY l.at %s, l.id LIMIT 1) l ON true`, kind, op, order, op, reversed(order)),
			}, asOfQuery{
				fmt.Sprintf("%s_bag_%d", strings.ToLower(kind), i),
				fmt.Sprintf(`SELECT l.v %% 3 AS part, sum(b.v) AS total, count(*) AS n FROM l ASOF %s JOIN b ON l.k = b.k AND l.at %s b.at GROUP BY l.v %% 3`, kind, op),
				fmt.Sprintf(`SELECT l.v %% 3 AS part, sum(b.v) AS total, count(*) AS n FROM l %s JOIN LATERAL
					(SELECT * FROM b WHERE l.k = b.k AND l.at %s b.at ORDER BY b.at %s, b.v LIMIT 1) b ON true GROUP BY l.v %% 3`, kind, op, order),
			})
		}
	}
	return out
}

func reversed(order string) string {
	if order == "" {
		return "DESC"
	}
	return ""
}

// TestAsOfJoins keeps as-of joins of tables that change at random, over restarts, and
// compares them with PostgreSQL's LATERAL … LIMIT 1.
func TestAsOfJoins(t *testing.T) {
	besidePostgres(t, compareAsOf)
}

// besidePostgres runs a comparison on 1 and 8 shards, each with a schema of its own in
// PostgreSQL.
func besidePostgres(t *testing.T, compare func(t *testing.T, oracle *pgx.Conn, seed uint64, shards int)) {
	server := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off")
	for seed, shards := range []int{1, 8, 8}[:harness.Sized(3, 2)] {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			oracle := server.Connect(t)
			harness.Exec(t, oracle, fmt.Sprintf(`CREATE SCHEMA s%d`, seed))
			harness.Exec(t, oracle, fmt.Sprintf(`SET search_path = s%d`, seed))
			compare(t, oracle, uint64(seed), shards)
		})
	}
}

func compareAsOf(t *testing.T, oracle *pgx.Conn, seed uint64, shards int) {
	random := rand.New(rand.NewPCG(seed, 5))
	options := node.Options{Dir: t.TempDir(), Shards: shards}
	n := harness.StartNode(t, options)
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	both := func(statement string) {
		harness.Exec(t, connection, statement)
		harness.Exec(t, oracle, statement)
	}
	for _, table := range []string{`l (id INT PRIMARY KEY, k INT, at TIMESTAMP, v INT)`, `r (id INT PRIMARY KEY, k INT, at TIMESTAMP, v INT)`, `b (k INT, at TIMESTAMP, v INT)`} {
		both("CREATE TABLE " + table)
	}
	queries := asOfQueries()
	next := 0
	for round := range 40 {
		if round < 20 && round%2 == 0 {
			// Half of the queries begin over rows that are there already.
			for _, q := range queries[next : next+len(queries)/10] {
				harness.Exec(t, connection, "CREATE TABLE "+q.name+" AS "+q.ours)
			}
			next += len(queries) / 10
		}
		for range 1 + random.IntN(3) {
			both(asOfChange(random))
		}
		if round%13 == 12 {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = harness.StartNode(t, options)
			connection = harness.Connect(t, harness.NodeURL(n.Addr()))
		}
	}
	for i, q := range queries {
		want := sortedRows(t, oracle, q.theirs)
		if diff := cmp.Diff(want, sortedRows(t, connection, q.ours)); diff != "" {
			t.Errorf("%s (-PostgreSQL +run once):\n%s", q.ours, diff)
		}
		if i >= next {
			continue
		}
		if diff := cmp.Diff(want, sortedRows(t, connection, "SELECT * FROM "+q.name)); diff != "" {
			t.Errorf("%s (-PostgreSQL +kept):\n%s", q.ours, diff)
		}
	}
}

func sortedRows(t *testing.T, connection *pgx.Conn, query string) []string {
	rows := harness.Rows(t, connection, query)
	slices.Sort(rows)
	return rows
}

// asOfChange is a statement that changes one of the tables.
func asOfChange(random *rand.Rand) string {
	table := []string{"l", "r", "b"}[random.IntN(3)]
	number := func(n int) string {
		if random.IntN(12) == 0 {
			return "NULL"
		}
		return fmt.Sprint(random.IntN(n))
	}
	at := func() string {
		if random.IntN(12) == 0 {
			return "NULL"
		}
		return fmt.Sprintf("'2024-01-01'::timestamp + %d * INTERVAL '1 minute'", random.IntN(30))
	}
	switch random.IntN(5) {
	case 0:
		return fmt.Sprintf(`DELETE FROM %s WHERE v %% 7 = %d`, table, random.IntN(7))
	case 1:
		return fmt.Sprintf(`UPDATE %s SET at = %s WHERE v %% 5 = %d`, table, at(), random.IntN(5))
	case 2:
		return fmt.Sprintf(`UPDATE %s SET k = %s, v = v + 1 WHERE v %% 4 = %d`, table, number(4), random.IntN(4))
	}
	var values []string
	first := random.IntN(1 << 24)
	for i := range 1 + random.IntN(8) {
		row := fmt.Sprintf("%s, %s, %d", number(4), at(), random.IntN(50))
		if table != "b" {
			row = fmt.Sprintf("%d, ", first+i) + row
		}
		values = append(values, "("+row+")")
	}
	statement := fmt.Sprintf(`INSERT INTO %s VALUES %s`, table, strings.Join(values, ", "))
	if table != "b" {
		statement += " ON CONFLICT DO NOTHING"
	}
	return statement
}
