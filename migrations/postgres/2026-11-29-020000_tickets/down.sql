-- Loses the tickets of the last seconds.
DROP TABLE tickets;
