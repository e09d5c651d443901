-- Loses the event log; the history of orders stays.
DROP TABLE event_consumers;
DROP TABLE event_log;
