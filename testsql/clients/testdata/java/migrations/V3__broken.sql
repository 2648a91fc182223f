CREATE TABLE half (n int);
INSERT INTO orders (customer, amount) VALUES (1, ${amount});
