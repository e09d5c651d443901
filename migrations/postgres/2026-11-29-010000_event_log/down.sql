-- Loses the event log; the history of orders stays.
DROP TABLE event_consumers;
DROP TABLE event_head;
DROP TABLE event_log;
