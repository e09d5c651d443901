-- Jobs that wait or run. What has ended moves to a table of its own, so that this one and its indexes stay as small as the
-- work that is left, whatever an old snapshot keeps from being vacuumed elsewhere.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    payload_version bigint NOT NULL,
    payload text NOT NULL,
    unique_key text COLLATE "C",
    trace text COLLATE "C",
    attempt bigint NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts bigint NOT NULL CHECK (max_attempts > 0),
    -- Greater with each claim. Who has an older one has lost the job.
    fence bigint NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL,
    -- Until when a worker has it; none while it waits.
    lease_until timestamptz,
    started_at timestamptz,
    last_error text,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX jobs_to_claim ON jobs (kind, priority DESC, run_at, id) WHERE lease_until IS NULL;
CREATE INDEX jobs_by_lease ON jobs (lease_until) WHERE lease_until IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key) WHERE unique_key IS NOT NULL;

-- Jobs that have ended, kept for admins. The payload stays only where the job can be retried.
CREATE TABLE ended_jobs (
    id uuid PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('succeeded', 'dead', 'cancelled')),
    priority bigint NOT NULL,
    payload_version bigint NOT NULL,
    payload text CHECK ((payload IS NOT NULL) = (status = 'dead')),
    unique_key text COLLATE "C",
    trace text COLLATE "C",
    attempt bigint NOT NULL CHECK (attempt >= 0),
    max_attempts bigint NOT NULL CHECK (max_attempts > 0),
    fence bigint NOT NULL,
    run_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz NOT NULL,
    last_error text,
    created_at timestamptz NOT NULL
);
CREATE INDEX ended_jobs_by_created_at ON ended_jobs (created_at, id);
CREATE INDEX ended_jobs_by_kind ON ended_jobs (kind, status, created_at, id);
CREATE INDEX ended_jobs_by_status ON ended_jobs (status, created_at, id);
CREATE INDEX ended_jobs_by_finished_at ON ended_jobs (finished_at);

-- When each schedule fires next.
CREATE TABLE job_schedules (
    name text COLLATE "C" PRIMARY KEY,
    pattern text NOT NULL,
    next_at timestamptz NOT NULL
);

-- What admins see, whatever has become of a job.
CREATE VIEW all_jobs AS
SELECT id, kind,
    CASE WHEN lease_until IS NOT NULL THEN 'running' WHEN run_at <= now() THEN 'ready' ELSE 'scheduled' END AS status,
    priority, attempt, max_attempts, run_at, started_at, NULL::timestamptz AS finished_at, last_error, created_at
FROM jobs
UNION ALL
SELECT id, kind, status, priority, attempt, max_attempts, run_at, started_at, finished_at, last_error, created_at
FROM ended_jobs;
