DROP SEQUENCE foreign_writes;
DROP TABLE idempotency_keys;
DROP TABLE events;
DROP TABLE order_lines;
DROP TABLE orders;
DROP TABLE products;
DROP TABLE sessions;
DROP TABLE users;
