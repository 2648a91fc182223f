CREATE OR REPLACE VIEW large AS SELECT id, amount FROM orders WHERE amount > 7;
