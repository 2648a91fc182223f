ALTER TABLE customers RENAME COLUMN title TO name;
ALTER TABLE customers ALTER COLUMN name TYPE varchar(40), ADD COLUMN since timestamptz NOT NULL DEFAULT now();
ALTER TABLE orders ALTER COLUMN amount TYPE numeric(10, 2);
UPDATE orders SET amount = amount + 0.5 WHERE customer = 1;
