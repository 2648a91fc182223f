package sql

import "testing"

func TestParseAccepts(t *testing.T) {
	for _, s := range []string{
		`CREATE STREAM flights (departure TIMESTAMP, origin TEXT, destination TEXT, delay INT, distance INT)
  WITH (timestamp = 'departure')`,
		`copy flights FROM STDIN WITH (FORMAT csv, HEADER)`,
		`SELECT count(*) FROM flights; -- x`,
		`CREATE TABLE delays AS
   SELECT origin, count(*) AS flights, sum(delay) AS total, avg(delay) AS mean, min(delay) AS best, max(delay) AS worst
   FROM flights GROUP BY origin;`,
		`SELECT * FROM delays WHERE origin = 'ORD'`,
		`SELECT origin, mean FROM delays WHERE flights > 100 ORDER BY mean DESC, origin LIMIT 10;`,
		`SELECT origin, destination, delay FROM flights WHERE delay > 300 EMIT CHANGES;`,
		`SELECT origin, count(*) FROM flights GROUP BY origin HAVING count(*) < 300 EMIT CHANGES;`,
		`COPY (SELECT * FROM delays EMIT CHANGES) TO STDOUT;`,
		`CREATE STREAM late AS SELECT origin, destination, delay FROM flights WHERE delay > 60;`,
		`CREATE STREAM clicks (user_id BIGINT KEY, url TEXT) WITH (partitions = 4);`,
		`INSERT INTO flights VALUES (1, 2), (3, -4);  INSERT INTO flights (origin, delay) VALUES ($1, $2);  BEGIN;COMMIT;`,
		`CREATE TABLE airports (iata TEXT PRIMARY KEY, name TEXT, city TEXT, state TEXT, country TEXT, latitude DOUBLE PRECISION, longitude DOUBLE PRECISION);`,
		`SHOW STREAMS; SHOW TABLES; SHOW QUERIES; DESCRIBE delays; EXPLAIN SELECT 1; DROP TABLE delays; TERMINATE q1`,
		`select transform(a, x => x + 1), reduce(m, (k, v) => k + v), make_interval(days => 10)`,
		`select a from t window tumbling (size 10 seconds, grace period 1 minute) where b group by c emit final`,
		`create table t (a array<struct<x int, y array<int>>>, m map<text, bigint>)`,
		`select ((select 1) + 2, ((select 1) union (select 2)))`,
		`select * from a join b within 10 minutes grace period 1 hour on a.x = b.x`,
		`select * from a asof join b on a.k = b.k and a.t >= b.t left asof join c on c.t < a.t asof left outer join d on d.t > a.t`,
		`select asof from asof as asof join b asof on asof.x = b.y, c asof where asof.x = 1`,
		`select a->b->c, x at time zone 'utc', not a between 1 and 2 and b is not distinct from c`,
	} {
		if _, err := Parse(s); err != nil {
			t.Errorf("%s\n%v", s, err)
		}
	}
}
