-- What TestDump dumps. Names are such that their order is not that in which the
-- definitions need each other.
CREATE ROLE reader;
CREATE ROLE writer LOGIN PASSWORD 'secret' CONNECTION LIMIT 3;
GRANT reader TO writer;

CREATE TABLE customer (
  id int GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5) PRIMARY KEY,
  name varchar(40) NOT NULL,
  email text UNIQUE,
  balance numeric(10, 2) DEFAULT 0 CONSTRAINT solvent CHECK (balance >= 0),
  made timestamptz DEFAULT now(),
  CONSTRAINT named CHECK (length(name) > 0 AND name <> 'nobody')
);
COMMENT ON TABLE customer IS 'who buys; it''s "quoted" \ here';
COMMENT ON COLUMN customer.name IS 'the full name';
COMMENT ON CONSTRAINT solvent ON customer IS 'no debts';
CREATE TABLE "Odd Name" ("select" int, "Mixed ""Case""" text DEFAULT 'it''s', PRIMARY KEY ("select"));
CREATE TABLE item (
  sku text, region char(2), price float8 NOT NULL, twice float8 GENERATED ALWAYS AS (price * 2) STORED,
  PRIMARY KEY (sku, region)
);
CREATE INDEX item_price ON item (price DESC NULLS LAST, sku);
CREATE UNIQUE INDEX item_unique ON item (region, price) INCLUDE (sku);
COMMENT ON INDEX item_price IS 'dear ones first';
CREATE TABLE serials (id serial PRIMARY KEY, big bigserial, ticket int);
CREATE SEQUENCE tickets AS smallint START 100 INCREMENT -7 MINVALUE -1000 MAXVALUE 1000 CYCLE;
COMMENT ON SEQUENCE tickets IS 'for the queue';
ALTER TABLE serials ALTER COLUMN ticket SET DEFAULT nextval('tickets');
CREATE TABLE keyless (a int, b text);
CREATE TABLE dropped (gone int, kept int, added text);
ALTER TABLE dropped DROP COLUMN gone;
CREATE TABLE everything (
  id int PRIMARY KEY, b bool, i2 smallint, i8 bigint, f4 real, f8 double precision, n numeric, t text, ch char(6),
  by bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid, j json, jb jsonb, ia int[], ta text[]
);
CREATE VIEW a_view (who, spent) AS SELECT c.name, sum(i.price) FROM customer c, item i WHERE c.balance > i.price GROUP BY 1;
CREATE VIEW "A View Of Views" AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i, who FROM n LEFT JOIN a_view ON spent > i;
COMMENT ON VIEW a_view IS 'a summary';

GRANT SELECT ON customer, a_view TO reader;
GRANT INSERT, UPDATE ON item TO writer WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE tickets TO writer;
GRANT SELECT ON keyless TO PUBLIC;
ALTER TABLE keyless OWNER TO writer;

INSERT INTO customer (name, email, balance) SELECT 'c' || g, CASE WHEN g % 3 > 0 THEN g || '@x' END, g * 1.25 FROM generate_series(1, 500) AS g;
INSERT INTO "Odd Name" VALUES (1, E'a\tb\nc\\d'), (2, NULL), (3, ''), (4, '\N');
INSERT INTO item (sku, region, price) VALUES ('a', 'DE', 1.5), ('b', 'F', 1e300), ('c', 'NL', 'NaN'), ('d', 'NO', '-Infinity');
INSERT INTO serials (big) VALUES (7), (8);
INSERT INTO serials DEFAULT VALUES;
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
INSERT INTO dropped VALUES (1, 'y');
INSERT INTO everything VALUES
  (1, true, -32768, 9223372036854775807, 1.5e-7, -0.1, 12345678901234567890.123456789, 'ä € 😀 ''', 'ab', '\x00ff0a5c', '4713-01-01 BC',
   '23:59:59.999999', '294276-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999Z', '-1 year 2 months -3 days 04:05:06.7',
   'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a" : [1, null]}', '{"b": {"c": "d"}}', '{1,NULL,-3}', '{"a b",NULL,"null","","\"q\\"}'),
  (2, false, 0, 0, 'NaN', 'Infinity', 'NaN', '', '', '', 'infinity', '00:00', '-infinity', 'infinity', '0', '00000000-0000-0000-0000-000000000000', 'null', '[]', '{}', '{}'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
