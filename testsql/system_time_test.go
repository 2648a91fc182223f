package testsql

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestSystemTime feeds joins FOR SYSTEM_TIME AS OF with rows and versions in random
// order, over restarts, and compares them with PostgreSQL's look into a history.
func TestSystemTime(t *testing.T) {
	besidePostgres(t, compareSystemTime)
}

func compareSystemTime(t *testing.T, oracle *pgx.Conn, seed uint64, shards int) {
	random := rand.New(rand.NewPCG(seed, 6))
	options := node.Options{Dir: t.TempDir(), Shards: shards}
	n := harness.StartNode(t, options)
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	at := func() string {
		return fmt.Sprintf("'2024-01-01'::timestamp + %d * INTERVAL '1 minute'", random.IntN(60))
	}
	harness.Exec(t, connection, `CREATE TABLE rates (k INT PRIMARY KEY, rate INT, since TIMESTAMP) WITH (timestamp = 'since')`)
	harness.Exec(t, connection, `CREATE STREAM orders (id INT, k INT, at TIMESTAMP) WITH (timestamp = 'at')`)
	harness.Exec(t, oracle, `CREATE TABLE history (k INT, rate INT, since TIMESTAMP, number SERIAL)`)
	harness.Exec(t, oracle, `CREATE TABLE orders (id INT, k INT, at TIMESTAMP)`)
	define := func(name, kind string) {
		harness.Exec(t, connection, fmt.Sprintf(`CREATE TABLE %s AS SELECT o.id, r.rate FROM orders o %s JOIN rates FOR SYSTEM_TIME AS OF o.rowtime AS r ON o.k = r.k`, name, kind))
	}
	define("inners", "INNER")
	define("lefts", "LEFT")
	for round := range 60 {
		if round == 20 {
			// This one knows of each row what it is now.
			define("later", "LEFT")
			harness.Exec(t, oracle, `CREATE TABLE known AS SELECT DISTINCT ON (k) k, rate, since, number FROM history ORDER BY k, number DESC`)
		}
		if random.IntN(2) == 0 {
			statement := fmt.Sprintf(`INSERT INTO orders VALUES (%d, %d, %s), (%d, NULL, %s)`, round, random.IntN(4), at(), round+100, at())
			harness.Exec(t, connection, statement)
			harness.Exec(t, oracle, statement)
		} else {
			values := fmt.Sprintf("(%d, %d, %s)", random.IntN(4), round, at())
			harness.Exec(t, connection, `INSERT INTO rates VALUES `+values+` ON CONFLICT (k) DO UPDATE SET rate = excluded.rate, since = excluded.since`)
			harness.Exec(t, oracle, `INSERT INTO history VALUES `+values)
			if round > 20 {
				harness.Exec(t, oracle, `INSERT INTO known SELECT * FROM history ORDER BY number DESC LIMIT 1`)
			}
		}
		if round%17 == 16 {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = harness.StartNode(t, options)
			connection = harness.Connect(t, harness.NodeURL(n.Addr()))
		}
	}
	for name, query := range map[string]string{"inners": "history INNER", "lefts": "history LEFT", "later": "known LEFT"} {
		var from, kind string
		if _, err := fmt.Sscan(query, &from, &kind); err != nil {
			t.Fatal(err)
		}
		want := sortedRows(t, oracle, fmt.Sprintf(`SELECT o.id, r.rate FROM orders o %s JOIN LATERAL
			(SELECT rate FROM %s r WHERE r.k = o.k AND r.since <= o.at ORDER BY since DESC, number DESC LIMIT 1) r ON true`, kind, from))
		if diff := cmp.Diff(want, sortedRows(t, connection, "SELECT * FROM "+name)); diff != "" {
			t.Errorf("%s (-PostgreSQL +kept):\n%s", name, diff)
		}
	}
}
