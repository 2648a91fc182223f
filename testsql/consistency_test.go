package testsql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"millrace/cmd/node"
	"millrace/testsql/harness"
)

// TestReadYourOwnWrites inserts and reads at once, on a derived table, behind a
// shuffle and behind two derived tables: what was acknowledged is always there.
func TestReadYourOwnWrites(t *testing.T) {
	t.Parallel()
	n := harness.StartNode(t, node.Options{Shards: 8})
	connection := harness.Connect(t, harness.NodeURL(n.Addr()))
	for _, statement := range []string{
		`CREATE STREAM s (writer INT, n INT)`,
		`CREATE TABLE direct AS SELECT writer, n FROM s`,
		`CREATE TABLE counts AS SELECT writer, count(*) AS n, max(n) AS last FROM s GROUP BY writer`,
		`CREATE TABLE spread AS SELECT n AS size, count(*) AS writers, max(last) AS last FROM counts GROUP BY n`,
	} {
		harness.Exec(t, connection, statement)
	}
	const writers = 8
	rounds := harness.Sized(400, 40)
	if long() {
		rounds = 1250
	}
	var all sync.WaitGroup
	for writer := range writers {
		c := harness.Connect(t, harness.NodeURL(n.Addr()))
		all.Go(func() {
			for i := 1; i <= rounds; i++ {
				if err := writeAndRead(t.Context(), c, writer, i); err != nil {
					t.Errorf("writer %d, row %d: %v", writer, i, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func writeAndRead(ctx context.Context, c *pgx.Conn, writer, i int) error {
	if _, err := c.Exec(ctx, `INSERT INTO s VALUES ($1, $2)`, writer, i); err != nil {
		return err
	}
	var last, count int
	switch i % 3 {
	case 0:
		if err := c.QueryRow(ctx, `SELECT n, last FROM counts WHERE writer = $1`, writer).Scan(&count, &last); err != nil {
			return err
		}
	case 1:
		if err := c.QueryRow(ctx, `SELECT count(*), max(n) FROM direct WHERE writer = $1`, writer).Scan(&count, &last); err != nil {
			return err
		}
	default:
		// Of all groups of sizes, one has a writer with this size whose last row is
		// at least this one.
		if err := c.QueryRow(ctx, `SELECT coalesce(max(last), 0), coalesce(max(size), 0) FROM spread WHERE size >= $1`, i).Scan(&last, &count); err != nil {
			return err
		}
		if last < i || count < i {
			return fmt.Errorf("read %d and %d", count, last)
		}
		return nil
	}
	if last != i || count != i {
		return fmt.Errorf("read %d and %d", count, last)
	}
	return nil
}

// TestTransactions shows that ROLLBACK leaves nothing, that what a block wrote
// is seen only after COMMIT, and that a failed block takes nothing else.
func TestTransactions(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 4})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	other := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE STREAM a (k INT KEY, v INT)`)
	harness.Exec(t, c, `CREATE STREAM b (v INT)`)
	harness.Exec(t, c, `CREATE TABLE totals AS SELECT k, sum(v) AS v FROM a GROUP BY k`)
	counts := func() string {
		return strings.Join(harness.Rows(t, other, `SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM totals)`), "")
	}
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `INSERT INTO a VALUES (1, 1), (2, 2), (3, 3), (4, 4)`)
	harness.Exec(t, c, `INSERT INTO b VALUES (1)`)
	if got := counts(); got != "0\t0\t0" {
		t.Errorf("an open transaction shows %s", got)
	}
	harness.Exec(t, c, `ROLLBACK`)
	if got := counts(); got != "0\t0\t0" {
		t.Errorf("after ROLLBACK there are %s", got)
	}
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `INSERT INTO a VALUES (1, 1), (2, 2), (3, 3), (4, 4)`)
	harness.Exec(t, c, `INSERT INTO b VALUES (1)`)
	harness.Exec(t, c, `COMMIT`)
	if got := counts(); got != "4\t1\t4" {
		t.Errorf("after COMMIT there are %s", got)
	}
	harness.Exec(t, c, `BEGIN`)
	harness.Exec(t, c, `INSERT INTO b VALUES (2)`)
	if _, err := c.Exec(t.Context(), `SELECT nothing`); code(err) != "42703" {
		t.Errorf("an unknown column says %v", err)
	}
	if _, err := c.Exec(t.Context(), `INSERT INTO b VALUES (3)`); code(err) != "25P02" {
		t.Errorf("a failed block says %v", err)
	}
	harness.Exec(t, c, `COMMIT`)
	if got := counts(); got != "4\t1\t4" {
		t.Errorf("after COMMIT of a failed block there are %s", got)
	}
}

// TestSourceTable inserts into a table with a primary key.
func TestSourceTable(t *testing.T) {
	n := harness.StartNode(t, node.Options{Shards: 4})
	c := harness.Connect(t, harness.NodeURL(n.Addr()))
	harness.Exec(t, c, `CREATE TABLE airports (iata TEXT PRIMARY KEY, name TEXT, latitude DOUBLE PRECISION)`)
	harness.Exec(t, c, `CREATE TABLE initials AS SELECT left(name, 1) AS initial, count(*) AS n, max(latitude) AS north FROM airports GROUP BY 1`)
	harness.Exec(t, c, `INSERT INTO airports VALUES ('ORD', 'O''Hare', 41.98), ('LAX', 'Los Angeles', 33.94), ('OAK', 'Oakland', 37.72)`)
	if _, err := c.Exec(t.Context(), `INSERT INTO airports VALUES ('AAA', 'New', 1), ('LAX', 'Again', 2)`); code(err) != "23505" {
		t.Errorf("a duplicate key says %v", err)
	}
	if _, err := c.Exec(t.Context(), `INSERT INTO airports (name) VALUES ('Nameless')`); code(err) != "23502" {
		t.Errorf("a NULL key says %v", err)
	}
	want := []string{"LAX\tLos Angeles\t33.94", "OAK\tOakland\t37.72", "ORD\tO'Hare\t41.98"}
	if diff := cmp.Diff(want, harness.Rows(t, c, `SELECT * FROM airports ORDER BY iata`)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"L\t1\t33.94", "O\t2\t41.98"}, harness.Rows(t, c, `SELECT * FROM initials ORDER BY 1`)); diff != "" {
		t.Error(diff)
	}
}

// code returns an error's SQLSTATE.
func code(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return fmt.Sprint(err)
}
