-- Loses all deliveries, those that wait too.
DROP TABLE webhook_deliveries;
