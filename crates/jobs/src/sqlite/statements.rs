//! The statements of the SQLite store; mostly `?1` is the present time and `?2` the name of the job.
//!
//! Indexes are named where SQLite, which does not know how few rows they have, would take another.

/// The columns of a [`Job`](crate::Job), in the order in which it is read.
macro_rules! job_columns {
    () => {
        "id, route, status, cancel_requested, progress, max(attempts - base, min(attempts, 1)), created_at, started_at, \
         finished_at, expires_at, webhook, owner, trace, \
         (SELECT done FROM cuts WHERE cuts.job = jobs.id AND stage IS NOT NULL AND finished_at IS NULL), \
         (SELECT total FROM cuts WHERE cuts.job = jobs.id AND stage IS NOT NULL AND finished_at IS NULL)"
    };
}

/// Holds for a job that has not expired and in which clients are still interested.
macro_rules! live {
    () => {
        "(expires_at IS NULL OR expires_at > ?1) AND (status <> 'queued' OR interest IS NULL OR interest > ?1)"
    };
}

/// Holds if fewer leases than the limit of the parameter are held.
macro_rules! limit {
    ($limit:literal) => {
        concat!("(", $limit, " IS NULL OR ", leases!(), " < ", $limit, ")")
    };
}

/// How many leases are held.
macro_rules! leases {
    () => {
        "(SELECT count(*) FROM jobs INDEXED BY jobs_lease WHERE status = 'running' AND lease_until IS NOT NULL) \
         + (SELECT count(*) FROM parts INDEXED BY parts_lease WHERE status = 'running')"
    };
}

/// Holds for the job of a claim, with its id and attempt.
macro_rules! claimed {
    ($id:literal, $attempt:literal) => {
        concat!(
            "id = ",
            $id,
            " AND attempts = ",
            $attempt,
            " AND status = 'running' AND lease_until IS NOT NULL"
        )
    };
}

/// What an update sets when a job ends. One whose worker was lost keeps its lease, by which it is counted.
macro_rules! end {
    () => {
        "finished_at = ?1, expires_at = min(?1 + expires_after, 9007199254740991), \
         webhook_due = CASE WHEN webhook IS NOT NULL THEN ?1 END"
    };
}

pub(super) const SURVEY: &str = concat!(
    "SELECT
    EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_lease
        WHERE status = 'running' AND lease_until <= ?1)
    OR EXISTS (SELECT 1 FROM parts INDEXED BY parts_lease
        WHERE status = 'running' AND lease_until <= ?1),
    EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_interest
        WHERE status = 'queued' AND interest <= ?1),
    EXISTS (SELECT 1 FROM jobs WHERE expires_at <= ?1),
    EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_waiting WHERE status = 'queued')
    OR EXISTS (SELECT 1 FROM cuts INDEXED BY cuts_waiting WHERE waiting > 0)
    OR EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_join
        WHERE status = 'running' AND stage = 'join' AND lease_until IS NULL),
    ",
    leases!(),
    ",
    (SELECT min(lease) FROM (
        SELECT min(lease_until) AS lease FROM jobs INDEXED BY jobs_lease
        WHERE status = 'running' AND lease_until IS NOT NULL
        UNION ALL
        SELECT min(lease_until) FROM parts INDEXED BY parts_lease
        WHERE status = 'running')),
    (SELECT min(webhook_due) FROM jobs WHERE webhook_due IS NOT NULL),
    random()"
);

pub(super) const REQUEUE: &str =
    "UPDATE jobs INDEXED BY jobs_lease SET status = CASE WHEN stage IS NULL THEN 'queued' ELSE status END,
    progress = CASE WHEN stage IS NOT NULL THEN progress END, lease_until = NULL
    WHERE status = 'running' AND lease_until <= ?1 AND NOT cancel_requested AND attempts - base < ?2";

pub(super) const REQUEUE_PARTS: &str =
    "UPDATE parts INDEXED BY parts_lease SET status = 'queued', lease_until = NULL
    WHERE status = 'running' AND lease_until <= ?1";

pub(super) const CANCEL_LOST: &str = concat!(
    "UPDATE jobs INDEXED BY jobs_lease SET status = 'canceled', ",
    end!(),
    " WHERE status = 'running' AND lease_until <= ?1 AND cancel_requested"
);

pub(super) const FAIL_LOST: &str = concat!(
    "UPDATE jobs INDEXED BY jobs_lease SET status = 'failed', ",
    end!(),
    ", outcome_status = ?3, outcome_type = ?4, outcome_headers = ?5, outcome_body = ?6
    WHERE status = 'running' AND lease_until <= ?1 AND NOT cancel_requested AND attempts - base >= ?2"
);

pub(super) const FAIL_PARTED: &str = concat!(
    "UPDATE jobs SET status = 'failed', lease_until = NULL, ",
    end!(),
    ", outcome_status = ?3, outcome_type = ?4, outcome_headers = ?5, outcome_body = ?6
    WHERE status = 'running' AND id IN (SELECT job FROM parts INDEXED BY parts_lease
        WHERE status = 'running' AND lease_until <= ?1 AND attempts >= ?2)"
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
        expires_after, task, bytes, owner, trace)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12, ?14
    WHERE (SELECT count(*) FROM jobs WHERE status = 'queued') < ?11
    AND (?13 IS NULL OR (SELECT count(*) FROM jobs WHERE owner = ?12 AND status = 'queued') < ?13)
    RETURNING id";

pub(super) const FIND_KEY: &str = concat!(
    "SELECT id, fingerprint FROM jobs WHERE key = ?2 AND ",
    live!()
);

// Lots are drawn once for each job, once for each claim, and by the claim of a part for its job, so that a choice is a search in
// two indexes. Joins come first, and after the greatest lot the least.
pub(super) const CHOOSE: &str = "SELECT id, parts FROM (
    SELECT * FROM (SELECT 0 AS turn, 0 AS lottery, id, 0 AS parts FROM jobs INDEXED BY jobs_join
        WHERE status = 'running' AND stage = 'join' AND lease_until IS NULL LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT 1, lottery, id, 0 FROM jobs INDEXED BY jobs_waiting
        WHERE status = 'queued' AND lottery >= ?1 ORDER BY lottery LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT 1, lottery, job, 1 FROM cuts INDEXED BY cuts_waiting
        WHERE waiting > 0 AND lottery >= ?1 ORDER BY lottery LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT 2, lottery, id, 0 FROM jobs INDEXED BY jobs_waiting
        WHERE status = 'queued' ORDER BY lottery LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT 2, lottery, job, 1 FROM cuts INDEXED BY cuts_waiting
        WHERE waiting > 0 ORDER BY lottery LIMIT 1))
    ORDER BY turn, lottery LIMIT 1";

pub(super) const CLAIM: &str = concat!(
    "UPDATE jobs SET status = 'running', attempts = attempts + 1, lease_until = ?2,
    started_at = CASE WHEN stage IS NULL THEN max(?1, created_at) ELSE started_at END
    WHERE id = ?3 AND (status = 'queued' OR status = 'running' AND stage = 'join' AND lease_until IS NULL)
    AND ",
    limit!("?4"),
    " RETURNING ",
    job_columns!(),
    ", attempts, stage IS NOT NULL, (SELECT task FROM inputs WHERE inputs.id = jobs.id),
    (SELECT bytes FROM inputs WHERE inputs.id = jobs.id)"
);

pub(super) const CLAIM_PART: &str = concat!(
    "UPDATE parts SET status = 'running', attempts = attempts + 1, lease_until = ?1
    WHERE id = (SELECT id FROM parts INDEXED BY parts_waiting
        WHERE job = ?2 AND status = 'queued' ORDER BY number LIMIT 1)
    AND ",
    limit!("?3"),
    " RETURNING cut, number, attempts, (SELECT task FROM inputs WHERE inputs.id = parts.job),
    (SELECT bytes FROM part_bytes WHERE part_bytes.id = parts.id)"
);

pub(super) const HEARTBEAT: &str = concat!(
    "UPDATE jobs SET lease_until = ?1, progress = coalesce(?4, progress) WHERE ",
    claimed!("?2", "?3"),
    " RETURNING cancel_requested"
);

pub(super) const HEARTBEAT_PART: &str = "UPDATE parts SET lease_until = ?1
    WHERE job = ?2 AND attempts = ?3 AND cut = ?4 AND number = ?5 AND status = 'running'
    AND EXISTS (SELECT 1 FROM jobs WHERE id = ?2 AND NOT cancel_requested) RETURNING 0";

pub(super) const ADD_PART: &str = concat!(
    "INSERT INTO additions (job, cut, number, bytes) SELECT ?1, ?2, ?3, ?4
    WHERE EXISTS (SELECT 1 FROM jobs WHERE ",
    claimed!("?1", "?2"),
    ") RETURNING job"
);

pub(super) const CUT: &str = concat!(
    "INSERT INTO divisions (job, cut, total, enough, rest) SELECT ?1, ?2, ?3, ?4, ?5
    WHERE EXISTS (SELECT 1 FROM jobs WHERE NOT cancel_requested AND ",
    claimed!("?1", "?2"),
    ") AND (SELECT count(*) FROM parts WHERE job = ?1 AND cut = ?2) = ?3 RETURNING job"
);

pub(super) const FINISH_PART: &str = "INSERT INTO part_results (id, job, bytes, weight)
    SELECT id, job, ?5, ?6 FROM parts
    WHERE job = ?1 AND attempts = ?2 AND cut = ?3 AND number = ?4 AND status = 'running' RETURNING job";

pub(super) const RESULTS: &str =
    "SELECT bytes FROM parts JOIN part_bytes ON part_bytes.id = parts.id
    WHERE job = ?1 AND status = 'done' ORDER BY number";

pub(super) const FINISH: &str = concat!(
    "UPDATE jobs SET status = ?4, lease_until = NULL, ",
    end!(),
    ", outcome_status = ?5, outcome_type = ?6, outcome_headers = ?7, outcome_body = ?8 WHERE ",
    claimed!("?2", "?3"),
    " RETURNING id"
);

pub(super) const FINISH_PARTED: &str = concat!(
    "UPDATE jobs SET status = ?4, lease_until = NULL, ",
    end!(),
    ", outcome_status = ?5, outcome_type = ?6, outcome_headers = ?7, outcome_body = ?8
    WHERE id = ?2 AND EXISTS (SELECT 1 FROM parts
        WHERE job = ?2 AND attempts = ?3 AND cut = ?9 AND number = ?10 AND status = 'running')
    RETURNING id"
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
    status = CASE WHEN lease_until IS NULL THEN 'canceled' ELSE status END,
    finished_at = CASE WHEN lease_until IS NULL THEN ?1 END,
    expires_at = CASE WHEN lease_until IS NULL THEN min(?1 + expires_after, 9007199254740991) END,
    webhook_due = CASE WHEN lease_until IS NULL AND webhook IS NOT NULL THEN ?1 END
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

pub(super) const RECOGNISED: &str =
    "INSERT INTO counters (route, name, value) VALUES ('', 'sound', ?1), ('', 'recognition', ?2)
    ON CONFLICT (route, name) DO UPDATE SET value = value + excluded.value";

pub(super) const SHARE: &str = "SELECT count(*) FROM jobs WHERE owner = ?1 AND status = 'queued'";

pub(super) const NEXT_DELIVERY: &str =
    "UPDATE jobs SET webhook_due = ?2, deliveries = deliveries + 1
    WHERE id = (SELECT id FROM jobs INDEXED BY jobs_webhook WHERE webhook_due <= ?1 AND expires_at > ?1
        ORDER BY webhook_due, created_at, id LIMIT 1)
    RETURNING id, webhook, deliveries";

pub(super) const DELIVERED: &str = "UPDATE jobs SET webhook_due = ?3
    WHERE id = ?1 AND deliveries = ?2 AND webhook_due IS NOT NULL";
