-- Events on their way to endpoints.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhooks (id),
    event_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body text NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'succeeded', 'dead')),
    -- The last attempts as JSON, the oldest first.
    attempts text NOT NULL DEFAULT '[]',
    -- How often it has failed since it was made, or was retried after it was over.
    failures bigint NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- Whether it is sent although the endpoint is inactive.
    forced boolean NOT NULL DEFAULT false,
    next_attempt_at timestamptz CHECK ((next_attempt_at IS NOT NULL) = (status = 'pending')),
    -- Greater with each claim. Who has an older one has lost the delivery.
    fence bigint NOT NULL DEFAULT 0,
    -- Until when somebody sends it; none while it waits.
    lease_until timestamptz CHECK (lease_until IS NULL OR status = 'pending'),
    created_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX webhook_deliveries_to_claim ON webhook_deliveries (webhook_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_by_lease ON webhook_deliveries (webhook_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (webhook_id, status, created_at, id);
CREATE INDEX webhook_deliveries_by_created_at ON webhook_deliveries (created_at);
