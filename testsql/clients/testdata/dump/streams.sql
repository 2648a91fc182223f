-- What PostgreSQL does not have, which comes out as tables with their rows.
CREATE STREAM clicks (who text KEY, n int, at timestamptz) WITH (timestamp = 'at');
INSERT INTO clicks VALUES ('ann', 1, '2024-01-01Z'), ('bob', 2, '2024-01-02Z'), ('ann', 3, NULL);
CREATE TABLE clicked AS SELECT who, count(*) AS times, sum(n) AS n FROM clicks GROUP BY who;
CREATE STREAM large AS SELECT who, n FROM clicks WHERE n > 1;
