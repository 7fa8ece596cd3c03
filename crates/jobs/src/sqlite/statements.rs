//! The statements of the SQLite store; mostly `?1` is the present time and `?2` the name of the job.
//!
//! Indexes are named where SQLite, which does not know how few rows they have, would take another.

/// The columns of a [`Job`](crate::Job), in the order in which it is read.
macro_rules! job_columns {
    () => {
        "id, route, status, cancel_requested, progress, attempts, created_at, started_at, finished_at, \
         expires_at, webhook, owner"
    };
}

/// Holds for a job that has not expired and in which clients are still interested.
macro_rules! live {
    () => {
        "(expires_at IS NULL OR expires_at > ?1) AND (status <> 'queued' OR interest IS NULL OR interest > ?1)"
    };
}

/// What an update sets when a job ends. One whose worker was lost keeps its lease, by which it is counted.
macro_rules! end {
    () => {
        "finished_at = ?1, expires_at = min(?1 + expires_after, 9007199254740991), \
         webhook_due = CASE WHEN webhook IS NOT NULL THEN ?1 END"
    };
}

pub(super) const SURVEY: &str = "SELECT
    EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_lease
        WHERE status = 'running' AND lease_until <= ?1),
    EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_interest
        WHERE status = 'queued' AND interest <= ?1),
    EXISTS (SELECT 1 FROM jobs WHERE expires_at <= ?1),
    EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_waiting WHERE status = 'queued'),
    (SELECT count(*) FROM jobs WHERE status = 'running'),
    (SELECT min(lease_until) FROM jobs INDEXED BY jobs_lease WHERE status = 'running'),
    (SELECT min(webhook_due) FROM jobs WHERE webhook_due IS NOT NULL),
    random()";

pub(super) const REQUEUE: &str =
    "UPDATE jobs INDEXED BY jobs_lease SET status = 'queued', progress = NULL, lease_until = NULL
    WHERE status = 'running' AND lease_until <= ?1 AND NOT cancel_requested AND attempts < ?2";

pub(super) const CANCEL_LOST: &str = concat!(
    "UPDATE jobs INDEXED BY jobs_lease SET status = 'canceled', ",
    end!(),
    " WHERE status = 'running' AND lease_until <= ?1 AND cancel_requested"
);

pub(super) const FAIL_LOST: &str = concat!(
    "UPDATE jobs INDEXED BY jobs_lease SET status = 'failed', ",
    end!(),
    ", outcome_status = ?3, outcome_type = ?4, outcome_headers = ?5, outcome_body = ?6
    WHERE status = 'running' AND lease_until <= ?1 AND NOT cancel_requested AND attempts >= ?2"
);

pub(super) const DROP: &str =
    "DELETE FROM jobs INDEXED BY jobs_interest WHERE status = 'queued' AND interest <= ?1";

pub(super) const EXPIRE: &str = "DELETE FROM jobs WHERE expires_at <= ?1";

pub(super) const RENEW: &str = concat!(
    "UPDATE jobs SET interest = max(interest, ?3) WHERE id = ?2 AND finished_at IS NULL AND ",
    live!(),
    " RETURNING ",
    job_columns!()
);

pub(super) const INSERT: &str =
    "INSERT INTO submissions (created_at, id, route, webhook, key, fingerprint, interest,
        expires_after, task, bytes, owner)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12
    WHERE (SELECT count(*) FROM jobs WHERE status = 'queued') < ?11
    AND (?13 IS NULL OR (SELECT count(*) FROM jobs WHERE owner = ?12 AND status = 'queued') < ?13)
    RETURNING id";

pub(super) const FIND_KEY: &str = concat!(
    "SELECT id, fingerprint FROM jobs WHERE key = ?2 AND ",
    live!()
);

// Lots are drawn once for each job and once for each claim, so that a claim is a search in an index.
pub(super) const CLAIM: &str = concat!(
    "UPDATE jobs SET status = 'running', attempts = attempts + 1, started_at = ?1, lease_until = ?2
    WHERE id = coalesce(
        (SELECT id FROM jobs INDEXED BY jobs_waiting
            WHERE status = 'queued' AND lottery >= ?3 ORDER BY lottery LIMIT 1),
        (SELECT id FROM jobs INDEXED BY jobs_waiting
            WHERE status = 'queued' ORDER BY lottery LIMIT 1))
    AND (?4 IS NULL OR (SELECT count(*) FROM jobs WHERE status = 'running') < ?4)
    RETURNING ",
    job_columns!(),
    ", (SELECT task FROM inputs WHERE inputs.id = jobs.id),
    (SELECT bytes FROM inputs WHERE inputs.id = jobs.id)"
);

pub(super) const HEARTBEAT: &str =
    "UPDATE jobs SET lease_until = ?1, progress = coalesce(?4, progress)
    WHERE id = ?2 AND attempts = ?3 AND status = 'running' RETURNING cancel_requested";

pub(super) const FINISH: &str = concat!(
    "UPDATE jobs SET status = ?4, lease_until = NULL, ",
    end!(),
    ", outcome_status = ?5, outcome_type = ?6, outcome_headers = ?7, outcome_body = ?8
    WHERE id = ?2 AND attempts = ?3 AND status = 'running' RETURNING id"
);

pub(super) const GET: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE id = ?2 AND ",
    live!()
);

pub(super) const OUTCOME: &str = concat!(
    "SELECT outcome_status, outcome_type, outcome_headers, outcome_body FROM jobs
    WHERE id = ?2 AND outcome_status IS NOT NULL AND ",
    live!()
);

// The expressions see the row as it was before.
pub(super) const CANCEL: &str = concat!(
    "UPDATE jobs SET cancel_requested = 1,
    status = CASE status WHEN 'queued' THEN 'canceled' ELSE status END,
    finished_at = CASE status WHEN 'queued' THEN ?1 END,
    expires_at = CASE status WHEN 'queued' THEN min(?1 + expires_after, 9007199254740991) END,
    webhook_due = CASE WHEN status = 'queued' AND webhook IS NOT NULL THEN ?1 END
    WHERE id = ?2 AND finished_at IS NULL AND ",
    live!(),
    " RETURNING ",
    job_columns!()
);

pub(super) const REMOVE: &str = concat!(
    "DELETE FROM jobs WHERE id = ?2 AND finished_at IS NOT NULL AND ",
    live!(),
    " RETURNING id"
);

pub(super) const LIST: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE owner = ?5 AND (created_at, id) < (?2, ?3) AND ",
    live!(),
    " ORDER BY created_at DESC, id DESC LIMIT ?4"
);

pub(super) const LIST_STATUS: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE owner = ?5 AND status = ?6 AND (created_at, id) < (?2, ?3) AND ",
    live!(),
    " ORDER BY created_at DESC, id DESC LIMIT ?4"
);

pub(super) const LOAD: &str = "SELECT
    (SELECT count(*) FROM jobs WHERE status = 'queued')
    - (SELECT count(*) FROM jobs INDEXED BY jobs_interest WHERE status = 'queued' AND interest <= ?1)";

pub(super) const METRICS: &str = "SELECT route, name, value FROM counters
    UNION ALL SELECT route, 'waiting', count(*) FROM jobs INDEXED BY jobs_waiting
    WHERE status = 'queued' AND (interest IS NULL OR interest > ?1) GROUP BY route
    UNION ALL SELECT route, 'running', count(*) FROM jobs INDEXED BY jobs_lease
    WHERE status = 'running' GROUP BY route
    UNION ALL SELECT '', 'oldest', min(created_at) FROM jobs INDEXED BY jobs_waiting
    WHERE status = 'queued' AND (interest IS NULL OR interest > ?1)";

pub(super) const SHARE: &str = "SELECT count(*) FROM jobs WHERE owner = ?1 AND status = 'queued'";

pub(super) const NEXT_DELIVERY: &str =
    "UPDATE jobs SET webhook_due = ?2, deliveries = deliveries + 1
    WHERE id = (SELECT id FROM jobs INDEXED BY jobs_webhook WHERE webhook_due <= ?1 AND expires_at > ?1
        ORDER BY webhook_due, created_at, id LIMIT 1)
    RETURNING id, webhook, deliveries";

pub(super) const DELIVERED: &str = "UPDATE jobs SET webhook_due = ?3
    WHERE id = ?1 AND deliveries = ?2 AND webhook_due IS NOT NULL";
