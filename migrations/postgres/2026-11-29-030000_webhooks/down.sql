-- Loses all endpoints.
DROP TABLE webhooks;
