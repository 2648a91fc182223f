CREATE TABLE everything (
  id int PRIMARY KEY,
  b bool, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, n numeric(20, 4),
  t text, vc varchar(20), ch char(6), by bytea,
  d date, ti time, ts timestamp, tz timestamptz, iv interval,
  u uuid, j json, jb jsonb, ia int[], ta text[]
);
