-- What version 1 of the store made of an empty database, and what it kept of four jobs.
CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        route TEXT NOT NULL,
        status TEXT NOT NULL,
        cancel_requested INTEGER NOT NULL,
        progress TEXT,
        attempts INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        started_at INTEGER,
        finished_at INTEGER,
        expires_at INTEGER,
        webhook TEXT,
        webhook_due INTEGER,
        deliveries INTEGER NOT NULL,
        key TEXT,
        fingerprint TEXT,
        interest INTEGER,
        expires_after INTEGER NOT NULL,
        lease_until INTEGER,
        lottery INTEGER NOT NULL,
        outcome_status INTEGER,
        outcome_type TEXT,
        outcome_body BLOB);
CREATE TABLE requests (
        id TEXT PRIMARY KEY,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        content_type TEXT,
        body BLOB NOT NULL);
CREATE UNIQUE INDEX jobs_key ON jobs (key) WHERE key IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (lottery) WHERE status = 'queued';
CREATE INDEX jobs_interest ON jobs (interest)
        WHERE status = 'queued' AND interest IS NOT NULL;
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX jobs_webhook ON jobs (webhook_due, created_at, id)
        WHERE webhook_due IS NOT NULL;
CREATE INDEX jobs_created ON jobs (created_at, id);
CREATE INDEX jobs_status ON jobs (status, created_at, id);
CREATE VIEW submissions AS
        SELECT jobs.id, route, created_at, webhook, key, fingerprint, interest, expires_after,
            method, target, content_type, body
        FROM jobs JOIN requests ON requests.id = jobs.id;
CREATE TRIGGER submit INSTEAD OF INSERT ON submissions BEGIN
        INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, webhook, deliveries,
            key, fingerprint, interest, expires_after, lottery)
        VALUES (NEW.id, NEW.route, 'queued', 0, 0, NEW.created_at, NEW.webhook, 0,
            NEW.key, NEW.fingerprint, NEW.interest, NEW.expires_after, random());
        INSERT INTO requests (id, method, target, content_type, body)
        VALUES (NEW.id, NEW.method, NEW.target, NEW.content_type, NEW.body);
    END;
CREATE TRIGGER job_ended AFTER UPDATE OF finished_at ON jobs
        WHEN NEW.finished_at IS NOT NULL BEGIN
        DELETE FROM requests WHERE id = NEW.id;
    END;
CREATE TRIGGER job_forgotten AFTER DELETE ON jobs BEGIN
        DELETE FROM requests WHERE id = OLD.id;
    END;
PRAGMA user_version = 1;
INSERT INTO submissions (id, route, created_at, webhook, key, fingerprint, expires_after, method, target, content_type, body)
VALUES
    ('waits', 'POST /factorize', 1, 'https://example.org/', 'POST /factorize k', 'f', 3600000,
        'POST', '/factorize', 'application/json', CAST('{"number":6}' AS BLOB)),
    ('runs', 'POST /asr', 2, NULL, NULL, NULL, 3600000, 'POST', '/asr', NULL, x'00FF'),
    ('succeeded', 'POST /asr', 3, NULL, NULL, NULL, 9000000000000, 'POST', '/asr', NULL, x'00FF'),
    ('canceled', 'POST /asr', 4, NULL, NULL, NULL, 9000000000000, 'POST', '/asr', NULL, x'00FF');
UPDATE jobs SET status = 'running', attempts = 1, started_at = 5, lease_until = 6 WHERE id = 'runs';
UPDATE jobs SET status = 'succeeded', attempts = 1, started_at = 5, finished_at = 6, expires_at = 9000000000000,
    outcome_status = 200, outcome_type = 'text/plain', outcome_body = CAST('a text' AS BLOB) WHERE id = 'succeeded';
UPDATE jobs SET status = 'canceled', cancel_requested = 1, finished_at = 6, expires_at = 9000000000000 WHERE id = 'canceled';
