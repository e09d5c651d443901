-- Events on their way to endpoints.
CREATE TABLE webhook_deliveries (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    webhook_id BLOB NOT NULL REFERENCES webhooks (id),
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'dead')),
    -- The last attempts as JSON, the oldest first.
    attempts TEXT NOT NULL DEFAULT '[]',
    -- How often it has failed since it was made, or was retried after it was over.
    failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- Whether it is sent although the endpoint is inactive.
    forced INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1)),
    next_attempt_at INTEGER CHECK ((next_attempt_at IS NOT NULL) = (status = 'pending')),
    -- Greater with each claim. Who has an older one has lost the delivery.
    fence INTEGER NOT NULL DEFAULT 0,
    -- Until when somebody sends it; none while it waits.
    lease_until INTEGER CHECK (lease_until IS NULL OR status = 'pending'),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_to_claim ON webhook_deliveries (webhook_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_by_lease ON webhook_deliveries (webhook_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (webhook_id, status, created_at, id);
CREATE INDEX webhook_deliveries_by_created_at ON webhook_deliveries (created_at);
