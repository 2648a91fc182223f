package testsql

// interleavingSetup makes the table before each script.
const interleavingSetup = `
setup: DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 10), (2, 20), (5, 50)
`

// interleavings are scripts of READ COMMITTED transactions and of locks.
var interleavings = []interleavingScript{
	{"an update waits for an update", `
a: BEGIN
a: UPDATE t SET n = n + 1 WHERE id = 1
b: UPDATE t SET n = n * 2 WHERE id = 1
a: COMMIT
b: SELECT n FROM t WHERE id = 1`},
	{"an update waits for a rollback", `
a: BEGIN
a: UPDATE t SET n = n + 1 WHERE id = 1
b: BEGIN
b: UPDATE t SET n = n * 2 WHERE id = 1
a: ROLLBACK
b: SELECT n FROM t WHERE id = 1
b: COMMIT
a: SELECT n FROM t WHERE id = 1`},
	{"an update of a row that goes away", `
a: BEGIN
a: DELETE FROM t WHERE id = 1
b: BEGIN
b: UPDATE t SET n = 0 WHERE id IN (1, 2)
a: COMMIT
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a delete waits for an update", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: DELETE FROM t WHERE id = 1 RETURNING n
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"other rows do not wait", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: BEGIN
b: UPDATE t SET n = 0 WHERE id = 2
c: UPDATE t SET n = 0 WHERE id = 5
c: INSERT INTO t VALUES (6, 60)
b: COMMIT
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an insert waits for an insert of its key", `
a: BEGIN
a: INSERT INTO t VALUES (3, 1)
b: INSERT INTO t VALUES (3, 2)
a: COMMIT
b: SELECT n FROM t WHERE id = 3`},
	{"an insert goes on when the other rolls back", `
a: BEGIN
a: INSERT INTO t VALUES (3, 1)
b: BEGIN
b: INSERT INTO t VALUES (3, 2), (4, 2)
a: ROLLBACK
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an insert waits for a delete of its key", `
a: BEGIN
a: DELETE FROM t WHERE id = 1
b: BEGIN
b: INSERT INTO t VALUES (1, 2)
a: COMMIT
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an insert waits for a delete that is rolled back", `
a: BEGIN
a: DELETE FROM t WHERE id = 1
b: BEGIN
b: INSERT INTO t VALUES (1, 2)
a: ROLLBACK
b: ROLLBACK`},
	{"on conflict do nothing waits for an insert", `
a: BEGIN
a: INSERT INTO t VALUES (3, 1)
b: INSERT INTO t VALUES (3, 2), (4, 4) ON CONFLICT DO NOTHING
a: COMMIT
b: SELECT * FROM t ORDER BY id`},
	{"on conflict do nothing waits for a delete", `
a: BEGIN
a: DELETE FROM t WHERE id = 1
b: BEGIN
b: INSERT INTO t VALUES (1, 2) ON CONFLICT DO NOTHING
a: COMMIT
b: COMMIT
b: SELECT * FROM t ORDER BY id`},
	{"on conflict do update waits for an insert", `
a: BEGIN
a: INSERT INTO t VALUES (3, 1)
b: BEGIN
b: INSERT INTO t VALUES (3, 2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n RETURNING n
a: COMMIT
b: COMMIT
b: SELECT * FROM t ORDER BY id`},
	{"a row that on conflict do update leaves alone stays, and conflicts at once", `
a: BEGIN
a: INSERT INTO t VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 0 WHERE t.n > 10
b: INSERT INTO t VALUES (1, 3), (3, 30) ON CONFLICT DO NOTHING
b: INSERT INTO t VALUES (1, 4)
c: SELECT n FROM t WHERE id = 1 FOR KEY SHARE
d: INSERT INTO t VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a row that on conflict do update leaves alone cannot be shared", `
a: BEGIN
a: INSERT INTO t VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 0 WHERE false
b: SELECT n FROM t WHERE id = 1 FOR SHARE
a: ROLLBACK
a: DELETE FROM t WHERE id = 1`},
	{"a key that on conflict do update would have changed cannot be shared", `
setup: CREATE UNIQUE INDEX ON t (n)
a: BEGIN
a: INSERT INTO t VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 0 WHERE false
b: INSERT INTO t VALUES (1, 10), (7, 20) ON CONFLICT DO NOTHING
b: SELECT n FROM t WHERE id = 1 FOR KEY SHARE
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a key that is there refuses an insert though its row is locked", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR UPDATE
b: INSERT INTO t VALUES (3, 30), (1, 3)
b: INSERT INTO t VALUES (3, 30)
b: BEGIN
b: INSERT INTO t VALUES (1, 3)
b: ROLLBACK
a: UPDATE t SET n = 11 WHERE id = 1
b: INSERT INTO t VALUES (4, 40), (1, 4)
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"rollback to a savepoint lets rows go", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
a: SAVEPOINT s
a: UPDATE t SET n = 0 WHERE id = 2
b: UPDATE t SET n = n + 1 WHERE id = 2
a: ROLLBACK TO s
c: UPDATE t SET n = n + 1 WHERE id = 1
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an error lets rows go", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: UPDATE t SET n = n + 1 WHERE id = 1
a: SELECT 1 / 0
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an error behind a savepoint keeps what is before it", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
a: SAVEPOINT s
a: UPDATE t SET n = 0 WHERE id = 2
b: UPDATE t SET n = n + 1 WHERE id = 1
c: UPDATE t SET n = n + 1 WHERE id = 2
a: SELECT 1 / 0
a: ROLLBACK TO s
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a released savepoint keeps its rows", `
a: BEGIN
a: SAVEPOINT s
a: UPDATE t SET n = 0 WHERE id = 1
a: RELEASE s
b: UPDATE t SET n = n + 1 WHERE id = 1
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"three wait for one", `
a: BEGIN
a: UPDATE t SET n = 1 WHERE id = 1
b: UPDATE t SET n = n + 2 WHERE id = 1
c: UPDATE t SET n = n + 3 WHERE id = 1
d: UPDATE t SET n = n + 4 WHERE id = 1
a: COMMIT
a: SELECT n FROM t WHERE id = 1`},
	{"a definition is seen when it commits", `
setup: DROP TABLE IF EXISTS made
a: BEGIN
a: CREATE TABLE made (a INT)
a: INSERT INTO made VALUES (1)
b: SELECT * FROM made
a: COMMIT
b: SELECT * FROM made`},
	{"a reader waits for a changed table", `
a: BEGIN
a: ALTER TABLE t ADD COLUMN m INT DEFAULT 7
a: UPDATE t SET m = 8 WHERE id = 1
b: SELECT * FROM t ORDER BY id
a: COMMIT
b: INSERT INTO t VALUES (9, 90) RETURNING *`},
	{"a writer goes on when a DROP is rolled back", `
a: BEGIN
a: DROP TABLE t
b: INSERT INTO t VALUES (9, 90)
a: ROLLBACK
b: SELECT * FROM t ORDER BY id`},
	{"a reader finds a table gone", `
a: BEGIN
a: DROP TABLE t
a: SAVEPOINT s
b: SELECT n FROM t WHERE id = 1
a: ROLLBACK TO s
a: COMMIT`},
	{"a definition waits for a writer", `
b: BEGIN
b: INSERT INTO t VALUES (9, 90)
a: BEGIN
a: ALTER TABLE t ADD COLUMN m INT
b: COMMIT
a: UPDATE t SET m = 1 WHERE id = 9
a: COMMIT
b: SELECT * FROM t ORDER BY id`},
	{"a schema that is dropped", `
setup: DROP SCHEMA IF EXISTS extra CASCADE; CREATE SCHEMA extra; CREATE TABLE extra.t (a INT)
a: BEGIN
a: INSERT INTO extra.t VALUES (1)
b: DROP SCHEMA extra CASCADE
a: COMMIT
a: SELECT * FROM extra.t`},
	{"a table that is stored anew", `
a: BEGIN
a: INSERT INTO t VALUES (9, 90)
a: ALTER TABLE t ALTER COLUMN n TYPE TEXT
b: SELECT n FROM t WHERE id = 9
a: UPDATE t SET n = 'x' WHERE id = 9
a: COMMIT
b: UPDATE t SET n = n || '!' WHERE id = 9 RETURNING *`},
	{"a deadlock of two", `
a: SET deadlock_timeout = '1h'
b: SET deadlock_timeout = '20ms'
a: BEGIN
b: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
b: UPDATE t SET n = 22 WHERE id = 2
a: UPDATE t SET n = 12 WHERE id = 2
b!: UPDATE t SET n = 21 WHERE id = 1
a: COMMIT
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a deadlock of three", `
a: SET deadlock_timeout = '1h'
b: SET deadlock_timeout = '1h'
c: SET deadlock_timeout = '20ms'
a: BEGIN
b: BEGIN
c: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
b: UPDATE t SET n = 22 WHERE id = 2
c: UPDATE t SET n = 35 WHERE id = 5
a: UPDATE t SET n = 12 WHERE id = 2
b: UPDATE t SET n = 25 WHERE id = 5
c!: UPDATE t SET n = 31 WHERE id = 1
b: COMMIT
a: COMMIT
c: ROLLBACK
a: SELECT * FROM t ORDER BY id`},
	{"lock_timeout", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: SET lock_timeout = '30ms'
b!: UPDATE t SET n = 1 WHERE id = 1
a: COMMIT
a: SELECT n FROM t WHERE id = 1`},
	{"statement_timeout", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: SET statement_timeout = '50ms'
b: BEGIN
b!: UPDATE t SET n = 1 WHERE id = 1
b: ROLLBACK
a: COMMIT
a: SELECT n FROM t WHERE id = 1`},
	{"drop waits for a block", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: DROP TABLE t
a: COMMIT
a: SELECT n FROM t`},
	{"drop waits for a reader", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1
b: DROP TABLE t
a: UPDATE t SET n = 5 WHERE id = 1
c: SELECT n FROM t WHERE id = 1
a: COMMIT`},
	{"truncate waits for a block", `
a: BEGIN
a: UPDATE t SET n = 0 WHERE id = 1
b: TRUNCATE t
a: COMMIT
a: SELECT count(*) FROM t`},
	{"writers wait for a truncate", `
a: BEGIN
a: TRUNCATE t
b: INSERT INTO t VALUES (7, 7)
c: SELECT count(*) FROM t WHERE id < 7
a: COMMIT
a: SELECT * FROM t`},
	{"for update keeps writers off", `
a: BEGIN
a: SELECT * FROM t WHERE id = 1 FOR UPDATE
b: SELECT * FROM t WHERE id = 1
b: UPDATE t SET n = n + 1 WHERE id = 1
a: UPDATE t SET n = 100 WHERE id = 1
a: COMMIT
b: SELECT * FROM t WHERE id = 1`},
	{"for update gives rows as they are when it has them", `
a: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
a: DELETE FROM t WHERE id = 2
b: BEGIN
b: SELECT * FROM t ORDER BY id FOR UPDATE
a: COMMIT
b: COMMIT`},
	{"for update of a row that matches no longer", `
a: BEGIN
a: UPDATE t SET n = 99 WHERE id = 1
b: BEGIN
b: SELECT * FROM t WHERE n < 30 ORDER BY id FOR UPDATE
a: COMMIT
b: COMMIT`},
	{"share locks go together", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR SHARE
b: BEGIN
b: SELECT n FROM t WHERE id = 1 FOR SHARE
c: UPDATE t SET n = 0 WHERE id = 1
a: COMMIT
b: COMMIT
a: SELECT n FROM t WHERE id = 1`},
	{"key share lets updates pass", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR KEY SHARE
b: UPDATE t SET n = 0 WHERE id = 1
b: DELETE FROM t WHERE id = 1
a: COMMIT`},
	{"no key update lets key share pass", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR NO KEY UPDATE
b: BEGIN
b: SELECT n FROM t WHERE id = 1 FOR KEY SHARE
b: COMMIT
b: SELECT n FROM t WHERE id = 1 FOR SHARE
a: COMMIT`},
	{"an update of the key waits for key share", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR KEY SHARE
b: UPDATE t SET id = 9 WHERE id = 1
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an update of a unique column waits for key share", `
setup: CREATE UNIQUE INDEX t_n ON t (n)
a: BEGIN
a: SELECT n FROM t WHERE id < 3 ORDER BY id FOR KEY SHARE
b: UPDATE t SET n = n WHERE id = 1
c: UPDATE t SET n = CASE id WHEN 1 THEN 11 ELSE n END WHERE id < 3
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"an insert of a locked key does not wait", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR UPDATE
b: BEGIN
b: INSERT INTO t VALUES (1, 1)
b: ROLLBACK
b: INSERT INTO t VALUES (1, 1) ON CONFLICT DO NOTHING
a: COMMIT`},
	{"nowait", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR UPDATE
b: BEGIN
b: SELECT n FROM t WHERE id = 2 FOR UPDATE NOWAIT
b: SELECT n FROM t WHERE id = 1 FOR UPDATE NOWAIT
b: ROLLBACK
a: COMMIT`},
	{"skip locked", `
a: BEGIN
a: SELECT id FROM t ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
b: BEGIN
b: SELECT id FROM t ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
c: SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED
a: DELETE FROM t WHERE id = 1
a: COMMIT
c: SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED
b: COMMIT`},
	{"a queue of jobs", `
a: BEGIN
a: DELETE FROM t WHERE id = (SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id
b: BEGIN
b: DELETE FROM t WHERE id = (SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id
c: WITH next AS (SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) UPDATE t SET n = 0 FROM next WHERE t.id = next.id RETURNING t.id
a: ROLLBACK
c: WITH next AS (SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) UPDATE t SET n = 0 FROM next WHERE t.id = next.id RETURNING t.id
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"limit locks no more than it gives", `
a: BEGIN
a: SELECT id FROM t ORDER BY id LIMIT 1 OFFSET 1 FOR UPDATE
b: UPDATE t SET n = 0 WHERE id = 5
b: UPDATE t SET n = 0 WHERE id = 1
a: COMMIT`},
	{"of one table of two", `
a: BEGIN
a: SELECT x.id, y.id FROM t x JOIN t y ON y.id = x.id + 1 FOR UPDATE OF y
b: UPDATE t SET n = 0 WHERE id = 1
b: UPDATE t SET n = 0 WHERE id = 2
a: COMMIT`},
	{"upgrading deadlocks", `
a: SET deadlock_timeout = '1h'
b: SET deadlock_timeout = '20ms'
a: BEGIN
b: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR SHARE
b: SELECT n FROM t WHERE id = 1 FOR SHARE
a: UPDATE t SET n = 1 WHERE id = 1
b!: UPDATE t SET n = 2 WHERE id = 1
b: ROLLBACK
a: COMMIT`},
	{"a cursor locks", `
a: BEGIN
a: DECLARE c CURSOR FOR SELECT * FROM t ORDER BY id FOR UPDATE
a: FETCH ALL FROM c
b: UPDATE t SET n = 0 WHERE id = 2
a: COMMIT`},
	{"lock table", `
a: BEGIN
a: LOCK TABLE t
b: SELECT count(*) FROM t
c: UPDATE t SET n = 0 WHERE id = 1
d: BEGIN
d: LOCK TABLE t IN ROW SHARE MODE NOWAIT
d: ROLLBACK
a: INSERT INTO t VALUES (7, 7)
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"lock table in share mode", `
a: BEGIN
a: LOCK t IN SHARE MODE
b: SELECT count(*) FROM t
b: SELECT n FROM t WHERE id = 1 FOR UPDATE
c: UPDATE t SET n = 0 WHERE id = 1
a: UPDATE t SET n = 1 WHERE id = 1
a: COMMIT
a: LOCK t`},
	{"a block waits for a statement of its own kind", `
a: BEGIN
a: INSERT INTO t VALUES (3, 3)
b: BEGIN
b: INSERT INTO t SELECT 4, 4
b: UPDATE t SET n = -1 WHERE n < 4
a: COMMIT
b: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a moved key is free when its block ends", `
a: BEGIN
a: UPDATE t SET id = 9 WHERE id = 1
b: INSERT INTO t VALUES (1, 5)
c: INSERT INTO t VALUES (9, 5)
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a savepoint gives up a stronger lock only", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1 FOR SHARE
a: SAVEPOINT s
a: UPDATE t SET n = 0 WHERE id = 1
a: ROLLBACK TO s
b: SELECT n FROM t WHERE id = 1 FOR SHARE
b: UPDATE t SET n = n + 1 WHERE id = 1
a: COMMIT
a: SELECT n FROM t WHERE id = 1`},
	{"alter waits for a block", `
a: BEGIN
a: INSERT INTO t VALUES (3, 3)
b: ALTER TABLE t ADD COLUMN c INT DEFAULT 7
c: SELECT id FROM t WHERE id = 1
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"writers wait for an alter", `
a: BEGIN
a: SELECT n FROM t WHERE id = 1
b: ALTER TABLE t RENAME COLUMN n TO m
c: BEGIN
c: UPDATE t SET n = 0 WHERE id = 1
a: COMMIT
c: ROLLBACK
a: SELECT m FROM t WHERE id = 1`},
	{"a unique index waits for a block", `
a: BEGIN
a: INSERT INTO t VALUES (3, 10)
b: CREATE UNIQUE INDEX t_n ON t (n)
a: COMMIT`},
	{"a unique value is waited for", `
setup: CREATE UNIQUE INDEX t_n ON t (n)
a: BEGIN
a: INSERT INTO t VALUES (3, 30)
b: BEGIN
b: UPDATE t SET n = 30 WHERE id = 1
a: ROLLBACK
b: ROLLBACK
a: BEGIN
a: INSERT INTO t VALUES (3, 30)
b: INSERT INTO t VALUES (4, 30)
a: COMMIT`},
	{"a unique value that goes is waited for", `
setup: CREATE UNIQUE INDEX t_n ON t (n)
a: BEGIN
a: UPDATE t SET n = 11 WHERE id = 1
b: INSERT INTO t VALUES (4, 10)
a: COMMIT
a: SELECT * FROM t ORDER BY id`},
	{"a table without a key", `
setup: DROP TABLE IF EXISTS h; CREATE TABLE h (x INT); INSERT INTO h VALUES (1), (2)
a: BEGIN
a: INSERT INTO h VALUES (3)
a: UPDATE h SET x = 10 WHERE x = 1
b: INSERT INTO h VALUES (4)
b: DELETE FROM h WHERE x < 3
a: COMMIT
a: SELECT x FROM h ORDER BY x`},
	{"advisory locks", `
a: SELECT pg_advisory_lock(1)
b: SELECT pg_try_advisory_lock(1), pg_try_advisory_lock_shared(1), pg_try_advisory_lock(0, 1)
b: SELECT pg_advisory_lock(1)
a: SELECT pg_advisory_lock_shared(1), pg_advisory_unlock(1), pg_advisory_unlock(1)
c: SELECT pg_try_advisory_lock_shared(1)
a: SELECT pg_advisory_unlock_shared(1)
a: SELECT pg_try_advisory_xact_lock(1), pg_advisory_unlock_shared(1)
b: SELECT pg_advisory_unlock_all()
a: SELECT pg_try_advisory_xact_lock(1)
c: SELECT pg_try_advisory_lock(1)`},
	{"advisory locks of transactions", `
a: BEGIN
a: SELECT pg_advisory_lock(7), pg_advisory_xact_lock(7), pg_advisory_unlock(7)
b: SELECT pg_advisory_xact_lock_shared(7)
a: SAVEPOINT s
a: SELECT pg_advisory_xact_lock(8)
c: SELECT pg_advisory_xact_lock(8)
a: ROLLBACK TO s
a: COMMIT
b: BEGIN
b: SELECT pg_advisory_lock(7), pg_advisory_xact_lock(9)
b: ROLLBACK
a: SELECT pg_try_advisory_lock(7), pg_try_advisory_lock(9)
b: DISCARD ALL
a: SELECT pg_try_advisory_lock(7)`},
	{"a deadlock of an advisory lock and a row", `
a: SET deadlock_timeout = '1h'
b: SET deadlock_timeout = '20ms'
a: SELECT pg_advisory_lock(1, 2)
b: BEGIN
b: UPDATE t SET n = 21 WHERE id = 1
a: UPDATE t SET n = 11 WHERE id = 1
b!: SELECT pg_advisory_lock(1, 2)
b: ROLLBACK
b: SELECT pg_try_advisory_lock(1, 2)
a: SELECT * FROM t ORDER BY id`},
	{"an advisory lock that takes too long", `
a: SELECT pg_advisory_lock(-1)
b: SET lock_timeout = '20ms'
b!: SELECT pg_advisory_lock(-1)
b: SET lock_timeout = 0; SET statement_timeout = '20ms'
b!: SELECT pg_advisory_lock(-1)
a: SELECT locktype, classid, objid, objsubid, mode, granted FROM pg_locks WHERE locktype = 'advisory'
a: SELECT pg_advisory_unlock(-1)
b: SELECT pg_advisory_lock(-1), pg_advisory_unlock(-1), pg_advisory_unlock(-1)`},
}
