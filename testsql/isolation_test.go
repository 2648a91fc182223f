package testsql

import (
	"strings"
	"testing"

	"millrace/testsql/harness"
)

// TestViewOfTransaction checks what a REPEATABLE READ transaction sees of what PostgreSQL
// does not have, and of definitions that change.
func TestViewOfTransaction(t *testing.T) {
	node := newScriptNode(t, 8)
	writer, reader := harness.Connect(t, node.URL()), harness.Connect(t, node.URL())
	exec := func(sql string) { t.Helper(); harness.Exec(t, writer, sql) }
	read := func(sql, want string) {
		t.Helper()
		got := interleavedOutcome(t.Context(), reader, sql)
		if got != want {
			t.Errorf("%s\ngave %s\nwant %s", sql, got, want)
		}
	}
	exec(`CREATE STREAM s (k INT, v INT)`)
	exec(`CREATE TABLE sums AS SELECT k, sum(v) AS v FROM s GROUP BY k`)
	exec(`CREATE TABLE late AS SELECT k, count(*) AS n FROM s GROUP BY k`)
	exec(`CREATE TABLE t (id INT PRIMARY KEY, v INT)`)
	exec(`INSERT INTO s SELECT i % 5, i FROM generate_series(1, 100) AS g(i)`)
	exec(`INSERT INTO t SELECT i, i % 10 FROM generate_series(1, 100) AS g(i)`)
	exec(`PAUSE late`)

	exec(`INSERT INTO s VALUES (1, 1000)`)
	read(`BEGIN ISOLATION LEVEL REPEATABLE READ`, `BEGIN`)
	read(`SELECT 1`, `(1) SELECT 1`)
	exec(`INSERT INTO s VALUES (1, 10000)`)
	exec(`UPDATE t SET v = 3 WHERE id = 50`)
	exec(`CREATE INDEX by_v ON t (v)`)
	exec(`CREATE TABLE young (id INT PRIMARY KEY)`)
	exec(`INSERT INTO young VALUES (1)`)
	exec(`CREATE STREAM younger (id INT)`)
	exec(`INSERT INTO younger VALUES (1)`)
	for range 2 {
		read(`SELECT count(*), sum(v) FROM s`, `(101, 6050) SELECT 1`)
		read(`SELECT sum(v) FROM sums`, `(6050) SELECT 1`)
		read(`SELECT count(*) FROM t WHERE v = 3`, `(10) SELECT 1`)
		read(`SELECT count(*) FROM young`, `(0) SELECT 1`)
		read(`SELECT count(*) FROM younger`, `(0) SELECT 1`)
	}
	read(`SELECT * FROM late`, `55000 the continuous query "late" is paused`)
	read(`ROLLBACK`, `ROLLBACK`)
	read(`BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY`, `BEGIN`)
	read(`SELECT count(*), sum(v) FROM s`, `(102, 16050) SELECT 1`)
	read(`SELECT sum(v) FROM sums`, `(16050) SELECT 1`)
	read(`SELECT count(*) FROM t WHERE v = 3`, `(11) SELECT 1`)
	read(`SELECT count(*) FROM young`, `(1) SELECT 1`)
	read(`COMMIT`, `COMMIT`)

	exec(`RESUME late`)
	read(`BEGIN ISOLATION LEVEL REPEATABLE READ`, `BEGIN`)
	read(`SELECT count(*) FROM young`, `(1) SELECT 1`)
	exec(`ALTER TABLE t ALTER COLUMN v TYPE BIGINT`)
	read(`SELECT * FROM t`, `40001 could not serialize access due to a concurrent change of table "t"`)
	read(`ROLLBACK`, `ROLLBACK`)

	// Writing takes what is in the view, and the streams' rows follow at COMMIT.
	read(`BEGIN ISOLATION LEVEL REPEATABLE READ`, `BEGIN`)
	read(`INSERT INTO s SELECT 7, sum(v) FROM sums`, `INSERT 0 1`)
	exec(`INSERT INTO s VALUES (1, 1)`)
	read(`UPDATE young SET id = 2 WHERE id = 1 RETURNING id`, `(2) UPDATE 1`)
	read(`SELECT count(*) FROM s`, `(102) SELECT 1`)
	read(`COMMIT`, `COMMIT`)
	read(`SELECT v FROM sums WHERE k = 7`, `(16050) SELECT 1`)

	read(`BEGIN ISOLATION LEVEL SERIALIZABLE`, `BEGIN`)
	if got := interleavedOutcome(t.Context(), reader, `UPDATE young SET id = 3`); !strings.HasPrefix(got, "0A000") {
		t.Errorf("a write in a SERIALIZABLE transaction gave %s", got)
	}
	read(`ROLLBACK`, `ROLLBACK`)
}

// TestViewHasWholeTransactions has one session move amounts between rows on all shards,
// while another sums them in transactions that are REPEATABLE READ: the sum is always
// the same, and stays what it was in its transaction.
func TestViewHasWholeTransactions(t *testing.T) {
	node := newScriptNode(t, 8)
	writer, reader := harness.Connect(t, node.URL()), harness.Connect(t, node.URL())
	harness.Exec(t, writer, `CREATE TABLE account (id INT PRIMARY KEY, balance INT)`)
	harness.Exec(t, writer, `INSERT INTO account SELECT i, 100 FROM generate_series(1, 40) AS g(i)`)
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			_, err := writer.Exec(t.Context(), `UPDATE account SET balance = balance + CASE WHEN id % 2 = $1 THEN 5 ELSE -5 END`, i%2)
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 60 {
		harness.Exec(t, reader, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
		var first, second, sum int
		var low, lowAgain int
		if err := reader.QueryRow(t.Context(), `SELECT sum(balance), min(balance) FROM account`).Scan(&first, &low); err != nil {
			t.Fatal(err)
		}
		if err := reader.QueryRow(t.Context(), `SELECT sum(balance), min(balance) FROM account`).Scan(&second, &lowAgain); err != nil {
			t.Fatal(err)
		}
		if sum = 40 * 100; first != sum || second != sum || low != lowAgain {
			t.Errorf("sums %d and %d, smallest %d and %d", first, second, low, lowAgain)
		}
		harness.Exec(t, reader, `COMMIT`)
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
