package testsql

import "testing"

// TestIsolationInterleavings is TestInterleavings of transactions that read what was
// there at their first statement.
func TestIsolationInterleavings(t *testing.T) { compareInterleavings(t, isolationInterleavings) }

var isolationInterleavings = []interleavingScript{
	{"reads repeat", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
b: UPDATE t SET n = 11 WHERE id = 1
a: SELECT * FROM t ORDER BY id
b: UPDATE t SET n = 12 WHERE id = 1
b: INSERT INTO t VALUES (3, 30)
b: DELETE FROM t WHERE id = 5
a: SELECT * FROM t ORDER BY id
a: SELECT n FROM t WHERE id = 1
a: SELECT n FROM t WHERE id = 3
a: SELECT sum(n) FROM t
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"set transaction in time and too late", `
a: BEGIN
a: SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY
a: LOCK TABLE t IN ACCESS SHARE MODE
b: UPDATE t SET n = 11 WHERE id = 1
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 12 WHERE id = 1
a: SELECT n FROM t WHERE id = 1
a: SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
a: SET TRANSACTION ISOLATION LEVEL READ COMMITTED
a: ROLLBACK
a: BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 13 WHERE id = 1
a: SELECT n FROM t WHERE id = 1
a: UPDATE t SET n = 0
a: COMMIT`},
	{"a default level, and only blocks keep it", `
a: SET default_transaction_isolation = 'repeatable read'
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 11 WHERE id = 1
a: SELECT n FROM t WHERE id = 1
a: UPDATE t SET n = n + 1 WHERE id = 1 RETURNING n
a: BEGIN
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 20 WHERE id = 1
a: SELECT n FROM t WHERE id = 1
a: COMMIT
a: SELECT n FROM t WHERE id = 1; SELECT sum(n) FROM t`},
	{"own writes on top of the view", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT count(*) FROM t
b: INSERT INTO t VALUES (3, 30)
a: INSERT INTO t VALUES (4, 40)
a: UPDATE t SET n = n + 1 WHERE id < 5
a: DELETE FROM t WHERE id = 2
a: SELECT * FROM t ORDER BY id
b: SELECT * FROM t ORDER BY id
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an update of a row that was updated", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 11 WHERE id = 1
a: UPDATE t SET n = n + 1 WHERE id = 2
a: UPDATE t SET n = n + 1 WHERE id = 1
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an update of a row that was deleted", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 1
b: DELETE FROM t WHERE id = 1
a: UPDATE t SET n = n + 1 WHERE id = 1
a: ROLLBACK`},
	{"a delete of a row that was updated", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 0 WHERE id = 1
a: DELETE FROM t WHERE id = 1
a: ROLLBACK
a: SELECT n FROM t WHERE id = 1`},
	{"an update that waits and fails", `
a: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
b: BEGIN ISOLATION LEVEL REPEATABLE READ
b: UPDATE t SET n = 12 WHERE id = 1
a: COMMIT
b: ROLLBACK
b: SELECT n FROM t WHERE id = 1`},
	{"an update that waits and goes on", `
a: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
b: BEGIN ISOLATION LEVEL REPEATABLE READ
b: UPDATE t SET n = n + 5 WHERE id < 3
a: ROLLBACK
b: COMMIT
b: SELECT * FROM t ORDER BY id`},
	{"an update that waits for a delete", `
a: BEGIN
a: DELETE FROM t WHERE id = 1
b: BEGIN ISOLATION LEVEL REPEATABLE READ
b: UPDATE t SET n = 12 WHERE id = 1
a: COMMIT
b: ROLLBACK`},
	{"both write", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
b: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT sum(n) FROM t
b: SELECT sum(n) FROM t
a: UPDATE t SET n = 1 WHERE id = 1
b: UPDATE t SET n = 2 WHERE id = 2
b: UPDATE t SET n = 3 WHERE id = 1
a: COMMIT
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"write skew is possible", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
b: BEGIN ISOLATION LEVEL REPEATABLE READ
a: UPDATE t SET n = (SELECT sum(n) FROM t) WHERE id = 1
b: UPDATE t SET n = (SELECT sum(n) FROM t) WHERE id = 2
a: COMMIT
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"for update", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 2
b: UPDATE t SET n = 11 WHERE id = 1
a: SELECT n FROM t WHERE id = 2 FOR UPDATE
a: SELECT n FROM t WHERE id = 1 FOR UPDATE
a: ROLLBACK
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 1 FOR SHARE
b: UPDATE t SET n = 12 WHERE id = 1
a: COMMIT
b: SELECT n FROM t WHERE id = 1`},
	{"for update that waits", `
a: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
b: BEGIN ISOLATION LEVEL REPEATABLE READ
b: SELECT n FROM t WHERE id = 1 FOR UPDATE
a: COMMIT
b: ROLLBACK
a: BEGIN
a: UPDATE t SET n = 12 WHERE id = 1
b: BEGIN ISOLATION LEVEL REPEATABLE READ
b: SELECT n FROM t WHERE id = 1 FOR UPDATE
a: ROLLBACK
b: SELECT n FROM t WHERE id = 1
b: COMMIT`},
	{"a key that another has added", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT count(*) FROM t
b: INSERT INTO t VALUES (3, 30)
a: INSERT INTO t VALUES (3, 31)
a: ROLLBACK`},
	{"an insert that waits", `
a: BEGIN
a: INSERT INTO t VALUES (3, 30)
b: BEGIN ISOLATION LEVEL REPEATABLE READ
b: INSERT INTO t VALUES (3, 31)
a: ROLLBACK
b: SELECT n FROM t WHERE id = 3
b: COMMIT`},
	{"a key that another has freed", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 1
b: DELETE FROM t WHERE id = 1
a: INSERT INTO t VALUES (1, 31)
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"on conflict with what is not in the view", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT count(*) FROM t
b: INSERT INTO t VALUES (3, 30)
a: INSERT INTO t VALUES (3, 31) ON CONFLICT DO NOTHING
a: ROLLBACK
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT count(*) FROM t
b: UPDATE t SET n = 33 WHERE id = 3
a: INSERT INTO t VALUES (3, 31) ON CONFLICT (id) DO UPDATE SET n = excluded.n + t.n
a: ROLLBACK
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT count(*) FROM t
a: INSERT INTO t VALUES (3, 31), (4, 40) ON CONFLICT (id) DO UPDATE SET n = excluded.n + t.n
a: INSERT INTO t VALUES (4, 5) ON CONFLICT DO NOTHING
a: INSERT INTO t VALUES (4, 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a savepoint and an error do not change the view", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT n FROM t WHERE id = 1
a: SAVEPOINT s
b: UPDATE t SET n = 11 WHERE id = 1
a: UPDATE t SET n = 12 WHERE id = 1
a: SELECT 1
a: ROLLBACK TO s
a: SELECT n FROM t WHERE id = 1
a: UPDATE t SET n = 21 WHERE id = 2
a: ROLLBACK TO s
b: UPDATE t SET n = 22 WHERE id = 2
a: UPDATE t SET n = 23 WHERE id = 2
a: ROLLBACK
a: SELECT * FROM t ORDER BY id`},
	{"chained transactions keep the level", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 11 WHERE id = 1
a: COMMIT AND CHAIN
a: SHOW transaction_isolation
a: SHOW transaction_read_only
a: SELECT n FROM t WHERE id = 1
b: UPDATE t SET n = 12 WHERE id = 1
a: SELECT n FROM t WHERE id = 1
a: ROLLBACK
a: SHOW transaction_isolation`},
	{"cursors, with hold too", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: DECLARE c CURSOR WITH HOLD FOR SELECT n FROM t ORDER BY id
b: UPDATE t SET n = 0
a: DECLARE d CURSOR FOR SELECT n FROM t ORDER BY id
a: FETCH 1 FROM c
a: FETCH ALL FROM d
a: COMMIT
a: FETCH ALL FROM c`},
	{"statements with others in WITH", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: SELECT count(*) FROM t
b: INSERT INTO t VALUES (3, 30)
a: WITH d AS (DELETE FROM t WHERE id = 2 RETURNING *) SELECT d.n, (SELECT count(*) FROM t) FROM d
a: WITH u AS (UPDATE t SET n = n + 1 RETURNING id) SELECT id FROM u ORDER BY id
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"definitions see rows that the view does not have", `
a: BEGIN ISOLATION LEVEL REPEATABLE READ
a: CREATE TABLE made (id INT PRIMARY KEY)
a: INSERT INTO made VALUES (1)
b: INSERT INTO t VALUES (3, 30)
a: SELECT count(*) FROM t
a: ALTER TABLE t ALTER COLUMN n TYPE BIGINT
a: SELECT count(*) FROM made
a: COMMIT
a: SELECT * FROM t ORDER BY id
a: SELECT * FROM made
a: DROP TABLE made`},
	{"modes in the wrong place", `
a: BEGIN
a: SELECT 1
a: SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
a: ROLLBACK
a: BEGIN
a: SAVEPOINT s
a: SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
a: ROLLBACK
a: BEGIN READ ONLY
a: SELECT 1
a: SET TRANSACTION READ WRITE
a: ROLLBACK
a: BEGIN
a: SET transaction_isolation = 'repeatable read'
a: SHOW transaction_isolation
a: SELECT 1
a: SET transaction_isolation = 'serializable'
a: ROLLBACK
a: SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE
a: SHOW default_transaction_isolation
a: SHOW default_transaction_deferrable
a: BEGIN
a: SHOW transaction_isolation
a: SHOW transaction_read_only
a: SHOW transaction_deferrable
a: COMMIT`},
}
