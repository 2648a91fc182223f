package testsql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/testsql/harness"
)

// TestTablesAgainstPostgres runs seeded random scripts of inserts, updates,
// deletes and transactions on three tables, here and on PostgreSQL: results, tags
// and SQLSTATEs are equal statement by statement, and at the end of each script
// the tables and the aggregates that are kept over them. The node restarts
// between some scripts.
func TestTablesAgainstPostgres(t *testing.T) {
	scripts := 150
	if long() {
		scripts = 10_000
	}
	oracle := harness.StartPostgres(t, false, "fsync=off", "synchronous_commit=off").Connect(t)
	for _, shards := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			server := newScriptNode(t, shards)
			pair := &tablePair{t: t, oracle: oracle, connection: harness.Connect(t, server.URL())}
			pair.declare()
			for seed := range scripts {
				if seed%40 == 39 {
					if err := server.Restart(); err != nil {
						t.Fatal(err)
					}
					pair.connection = harness.Connect(t, server.URL())
				}
				pair.runScript(uint64(seed*10 + shards))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// tablePair is a connection to each of two servers that must agree.
type tablePair struct {
	t                  *testing.T
	oracle, connection *pgx.Conn
	log                []string
}

var randomTables = []string{
	`CREATE TABLE a (id INT PRIMARY KEY, grp INT, v NUMERIC, t TEXT NOT NULL DEFAULT 'none')`,
	`CREATE TABLE b (x INT, y TEXT, n BIGINT DEFAULT 7, PRIMARY KEY (x, y))`,
	`CREATE TABLE c (k TEXT PRIMARY KEY, d INT, f DATE)`,
}

// randomAggregates are kept here and computed by PostgreSQL.
var randomAggregates = []string{
	`SELECT grp, count(*) AS n, sum(v) AS s, min(v) AS lo, max(v) AS hi, avg(v) AS mean, count(DISTINCT t) AS kinds FROM a GROUP BY grp`,
	`SELECT count(*) AS n, min(t) AS lo, max(id) AS hi, count(v) AS given FROM a`,
	`SELECT y, sum(n) AS s, min(x) AS lo, max(n) AS hi, bool_and(n > 3) AS every FROM b GROUP BY y`,
	`SELECT x, y || '!' AS z, n FROM b WHERE n % 2 = 0`,
	`SELECT d, max(k) AS hi, min(f) AS lo, count(DISTINCT f) AS days FROM c GROUP BY d`,
}

func (p *tablePair) declare() {
	for _, table := range []string{"a", "b", "c"} {
		_, _ = p.oracle.Exec(p.t.Context(), "DROP TABLE IF EXISTS "+table)
	}
	for _, statement := range randomTables {
		harness.Exec(p.t, p.oracle, statement)
		harness.Exec(p.t, p.connection, statement)
	}
	for i, query := range randomAggregates {
		harness.Exec(p.t, p.connection, fmt.Sprintf("CREATE TABLE kept%d AS %s", i, query))
	}
}

func (p *tablePair) runScript(seed uint64) {
	g := &tableStatements{Rand: rand.New(rand.NewPCG(seed, 29))}
	p.log = nil
	for _, table := range []string{"a", "b", "c"} {
		p.both("DELETE FROM " + table)
	}
	for range 4 {
		for _, table := range []string{"a", "b", "c"} {
			p.both(fmt.Sprintf("INSERT INTO %s VALUES %s, %s ON CONFLICT DO NOTHING", table, g.row(table), g.row(table)))
		}
	}
	for range 5 + g.IntN(25) {
		if !p.both(g.statement()) {
			p.t.Fatalf("seed %d:\n%s", seed, strings.Join(p.log, ";\n"))
		}
	}
	p.both("ROLLBACK")
	for i, query := range randomAggregates {
		want := outcomeOf(p.t.Context(), p.oracle, query)
		got := outcomeOf(p.t.Context(), p.connection, fmt.Sprintf("SELECT * FROM kept%d", i))
		if diff := cmp.Diff(want, got); diff != "" {
			p.t.Errorf("%s\n-PostgreSQL +kept:\n%s", query, diff)
		}
	}
	for _, table := range []string{"a", "b", "c"} {
		p.both("SELECT * FROM " + table)
	}
	if p.t.Failed() {
		p.t.Fatalf("seed %d:\n%s", seed, strings.Join(p.log, ";\n"))
	}
}

// both runs a statement on both servers and reports whether they agree.
func (p *tablePair) both(statement string) bool {
	want := outcomeOf(p.t.Context(), p.oracle, statement)
	got := outcomeOf(p.t.Context(), p.connection, statement)
	p.log = append(p.log, statement)
	diff := cmp.Diff(want, got)
	if diff != "" {
		p.t.Errorf("%s\n-PostgreSQL +here:\n%s", statement, diff)
	}
	return diff == ""
}

// outcomeOf returns what a client sees of a statement: rows in an order of their
// own, the tag and the SQLSTATE.
func outcomeOf(ctx context.Context, connection *pgx.Conn, statement string) []string {
	results, err := connection.PgConn().Exec(ctx, statement).ReadAll()
	var out []string
	for _, result := range results {
		for _, row := range result.Rows {
			values := make([]string, len(row))
			for i, value := range row {
				values[i] = `\N`
				if value != nil {
					values[i] = string(value)
				}
			}
			out = append(out, strings.Join(values, "\t"))
		}
		slices.Sort(out)
		out = append(out, result.CommandTag.String())
	}
	var failure *pgconn.PgError
	switch {
	case errors.As(err, &failure):
		out = append(out, "SQLSTATE "+failure.Code+" "+failure.TableName+" "+failure.ConstraintName+failure.ColumnName)
	case err != nil:
		out = append(out, err.Error())
	}
	return out
}

// tableStatements makes random statements over the tables.
type tableStatements struct {
	*rand.Rand
	// block says that a transaction block is open, as far as the statements so far
	// tell.
	block bool
}

func (g *tableStatements) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *tableStatements) statement() string {
	if g.IntN(4) == 0 {
		return g.control()
	}
	switch n := g.IntN(100); {
	case n < 38:
		return g.insert()
	case n < 70:
		return g.update()
	case n < 82:
		return g.remove()
	default:
		return g.read()
	}
}

// control begins and ends transactions and savepoints.
func (g *tableStatements) control() string {
	if !g.block {
		if g.IntN(20) == 0 {
			return g.pick("COMMIT", "ROLLBACK", "SAVEPOINT s1", "RELEASE s1", "ROLLBACK TO s1")
		}
		g.block = true
		return g.pick("BEGIN", "START TRANSACTION")
	}
	if g.IntN(4) == 0 {
		g.block = false
		return g.pick("COMMIT", "COMMIT", "COMMIT", "ROLLBACK")
	}
	return g.pick("SAVEPOINT s1", "SAVEPOINT s2", "ROLLBACK TO s1", "ROLLBACK TO SAVEPOINT s2", "RELEASE s1")
}

func (g *tableStatements) int() string { return fmt.Sprint(g.IntN(9)) }
func (g *tableStatements) word() string {
	return g.pick("'red'", "'green'", "'blue'", "'ångström'", "''")
}
func (g *tableStatements) number() string {
	return g.pick("NULL", "0", "1.5", "-2.25", "10", fmt.Sprint(g.IntN(1000)))
}
func (g *tableStatements) day() string {
	return g.pick("NULL", "'2001-02-03'", "'1999-12-31'", "'2024-02-29'")
}

func (g *tableStatements) row(table string) string {
	switch table {
	case "a":
		return fmt.Sprintf("(%s, %s, %s, %s)", g.int(), g.pick("NULL", "1", "2", "3"), g.number(), g.word())
	case "b":
		return fmt.Sprintf("(%s, %s, %s)", g.int(), g.word(), g.pick("1", "2", "DEFAULT", fmt.Sprint(g.IntN(50))))
	default:
		return fmt.Sprintf("(%s, %s, %s)", g.word(), g.int(), g.day())
	}
}

func (g *tableStatements) insert() string {
	table := g.pick("a", "b", "c")
	if g.IntN(8) == 0 {
		return g.pick(
			"INSERT INTO a (id, t) SELECT x + 20, min(y) FROM b GROUP BY x RETURNING id",
			"INSERT INTO c SELECT t, min(id), NULL FROM a GROUP BY t ON CONFLICT (k) DO UPDATE SET d = c.d + excluded.d",
			"INSERT INTO b (x, y) SELECT id, t FROM a WHERE v > 1 ON CONFLICT DO NOTHING RETURNING x, y, n",
			"INSERT INTO a VALUES (NULL, 1, 1, 'x')",
			"INSERT INTO a VALUES (77, 1, 1, NULL)",
			"INSERT INTO a (id) VALUES (30) RETURNING *",
			"INSERT INTO c (k, d) VALUES ('q', 1 / 0)",
		)
	}
	var rows []string
	for range 1 + g.IntN(3) {
		rows = append(rows, g.row(table))
	}
	statement := fmt.Sprintf("INSERT INTO %s VALUES %s", table, strings.Join(rows, ", "))
	switch table {
	case "a":
		statement += g.pick("", "", " ON CONFLICT DO NOTHING", " ON CONFLICT (id) DO NOTHING",
			" ON CONFLICT (id) DO UPDATE SET v = coalesce(a.v, 0) + 1, t = excluded.t",
			" ON CONFLICT ON CONSTRAINT a_pkey DO UPDATE SET id = excluded.id, grp = excluded.grp WHERE a.v > 1 OR excluded.grp = 1")
	case "b":
		statement += g.pick("", "", " ON CONFLICT DO NOTHING",
			" ON CONFLICT (y, x) DO UPDATE SET n = b.n + excluded.n",
			" ON CONFLICT (x, y) DO UPDATE SET n = DEFAULT WHERE b.n <> 7")
	default:
		statement += g.pick("", "", " ON CONFLICT (k) DO NOTHING",
			" ON CONFLICT (k) DO UPDATE SET (d, f) = (excluded.d, c.f)")
	}
	return statement + g.pick("", "", " RETURNING *")
}

func (g *tableStatements) condition(table string) string {
	switch table {
	case "a":
		return g.pick("", " WHERE a.id = "+g.int(), " WHERE a.id = "+g.int(), " WHERE a.grp = 1", " WHERE a.v > "+g.number(), " WHERE a.t = "+g.word(),
			" WHERE a.v >= (SELECT avg(v) FROM a)", " WHERE a.id IN (SELECT x FROM b)",
			" WHERE EXISTS (SELECT 1 FROM c WHERE c.k = a.t)", " WHERE a.grp IS NULL")
	case "b":
		return g.pick("", " WHERE b.x = "+g.int(), " WHERE b.y = "+g.word(), " WHERE b.x = "+g.int()+" AND b.y = "+g.word(), " WHERE b.n > 5",
			" WHERE b.x NOT IN (SELECT id FROM a)")
	default:
		return g.pick("", " WHERE c.k = "+g.word(), " WHERE c.d < "+g.int(), " WHERE c.f IS NULL", " WHERE c.k IN (SELECT t FROM a)")
	}
}

func (g *tableStatements) update() string {
	if g.IntN(4) == 0 {
		return g.pick(
			"UPDATE a SET id = "+g.int()+" WHERE id = "+g.int()+" RETURNING id",
			"UPDATE b SET y = "+g.word()+" WHERE x = "+g.int()+" AND y = "+g.word(),
			"UPDATE a SET v = d FROM c WHERE c.k = a.t RETURNING a.id, c.k, v",
			"UPDATE b AS z SET n = a.id + z.n FROM a WHERE a.id = z.x AND a.grp = 2",
			"WITH m AS (SELECT max(v) AS top FROM a) UPDATE c SET d = 9 FROM m WHERE m.top > 5 RETURNING k, top",
			"UPDATE a SET t = NULL WHERE id = "+g.int(),
			"UPDATE a SET grp = 1 / (id - 3)",
			"UPDATE a SET id = id + 100 RETURNING id",
		)
	}
	table := g.pick("a", "b", "c")
	var set string
	switch table {
	case "a":
		set = g.pick("v = v + 1", "v = -v, grp = grp + 1", "t = t || 'x'", "grp = DEFAULT, t = DEFAULT", "v = (SELECT count(*) FROM b)", "(grp, v) = (id % 3, "+g.number()+")")
	case "b":
		set = g.pick("n = n * 2 % 1000", "n = n - x", "n = (SELECT max(id) FROM a)")
	default:
		set = g.pick("d = d + 1", "f = "+g.day(), "d = NULL", "f = f + 1")
	}
	return "UPDATE " + table + " SET " + set + g.condition(table) + g.pick("", "", " RETURNING *")
}

func (g *tableStatements) remove() string {
	if g.IntN(4) == 0 {
		return g.pick(
			"DELETE FROM a USING b WHERE a.id = b.x AND b.n > 4 RETURNING a.*",
			"DELETE FROM b USING a WHERE a.id = b.x AND a.v < 0",
			"TRUNCATE c",
		)
	}
	table := g.pick("a", "b", "c")
	condition := g.condition(table)
	if condition == "" && g.IntN(4) > 0 {
		condition = " WHERE 1 = 0"
	}
	return "DELETE FROM " + table + condition + g.pick("", " RETURNING *")
}

func (g *tableStatements) read() string {
	if g.IntN(3) == 0 {
		return g.pick(
			"SELECT a.id, b.y FROM a JOIN b ON a.id = b.x",
			"SELECT t, count(*), sum(v) FROM a GROUP BY t",
			"SELECT k FROM c WHERE d = (SELECT max(d) FROM c)",
		)
	}
	table := g.pick("a", "b", "c")
	return "SELECT * FROM " + table + g.condition(table)
}
