-- Jobs that wait or run. What has ended moves to a table of its own, so that this one and its indexes stay as small as the
-- work that is left.
CREATE TABLE jobs (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    payload_version INTEGER NOT NULL,
    payload TEXT NOT NULL,
    unique_key TEXT,
    trace TEXT,
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
    -- Greater with each claim. Who has an older one has lost the job.
    fence INTEGER NOT NULL DEFAULT 0,
    run_at INTEGER NOT NULL,
    -- Until when a worker has it; none while it waits.
    lease_until INTEGER,
    started_at INTEGER,
    last_error TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_to_claim ON jobs (kind, priority DESC, run_at, id) WHERE lease_until IS NULL;
CREATE INDEX jobs_by_lease ON jobs (lease_until) WHERE lease_until IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key) WHERE unique_key IS NOT NULL;

-- Jobs that have ended, kept for admins. The payload stays only where the job can be retried.
CREATE TABLE ended_jobs (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'dead', 'cancelled')),
    priority INTEGER NOT NULL,
    payload_version INTEGER NOT NULL,
    payload TEXT CHECK ((payload IS NOT NULL) = (status = 'dead')),
    unique_key TEXT,
    trace TEXT,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
    fence INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER NOT NULL,
    last_error TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_jobs_by_created_at ON ended_jobs (created_at, id);
CREATE INDEX ended_jobs_by_kind ON ended_jobs (kind, status, created_at, id);
CREATE INDEX ended_jobs_by_status ON ended_jobs (status, created_at, id);
CREATE INDEX ended_jobs_by_finished_at ON ended_jobs (finished_at);

-- When each schedule fires next.
CREATE TABLE job_schedules (
    name TEXT NOT NULL PRIMARY KEY,
    pattern TEXT NOT NULL,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What admins see, whatever has become of a job.
CREATE VIEW all_jobs AS
SELECT id, kind,
    CASE WHEN lease_until IS NOT NULL THEN 'running' WHEN run_at <= unixepoch('subsec') * 1000 THEN 'ready'
        ELSE 'scheduled' END AS status,
    priority, attempt, max_attempts, run_at, started_at, NULL AS finished_at, last_error, created_at
FROM jobs
UNION ALL
SELECT id, kind, status, priority, attempt, max_attempts, run_at, started_at, finished_at, last_error, created_at
FROM ended_jobs;
