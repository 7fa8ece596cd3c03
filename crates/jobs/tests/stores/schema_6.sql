-- What version 6 of the store made of an empty database, and what it kept of three jobs: one that waits, one that is being cut
-- into two parts, and one that was.
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
        outcome_body BLOB,
        outcome_headers TEXT,
        owner TEXT NOT NULL DEFAULT '',
        stage TEXT,
        base INTEGER NOT NULL DEFAULT 0,
        trace TEXT);
CREATE TABLE inputs (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    bytes BLOB NOT NULL);
CREATE TABLE counters (
    route TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (route, name)) WITHOUT ROWID;
CREATE TABLE cuts (
    job TEXT PRIMARY KEY,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    enough INTEGER,
    lottery INTEGER NOT NULL);
CREATE TABLE parts (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    cut INTEGER NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until INTEGER);
CREATE TABLE part_bytes (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL);
CREATE UNIQUE INDEX jobs_key ON jobs (key) WHERE key IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (lottery) WHERE status = 'queued';
CREATE INDEX jobs_interest ON jobs (interest)
        WHERE status = 'queued' AND interest IS NOT NULL;
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX jobs_webhook ON jobs (webhook_due, created_at, id)
        WHERE webhook_due IS NOT NULL;
CREATE INDEX jobs_owner ON jobs (owner, created_at, id);
CREATE INDEX jobs_owner_status ON jobs (owner, status, created_at, id);
CREATE INDEX jobs_join ON jobs (id)
        WHERE status = 'running' AND stage = 'join' AND lease_until IS NULL;
CREATE INDEX cuts_waiting ON cuts (lottery) WHERE waiting > 0;
CREATE UNIQUE INDEX parts_number ON parts (job, cut, number);
CREATE INDEX parts_waiting ON parts (job, number) WHERE status = 'queued';
CREATE INDEX parts_lease ON parts (lease_until) WHERE status = 'running';
CREATE VIEW submissions AS
        SELECT jobs.id, route, created_at, webhook, key, fingerprint, interest, expires_after, task, bytes, owner, trace
        FROM jobs JOIN inputs ON inputs.id = jobs.id;
CREATE VIEW additions AS
        SELECT job, cut, number, bytes FROM parts JOIN part_bytes ON part_bytes.id = parts.id;
CREATE VIEW divisions AS
        SELECT job, 0 AS cut, total, enough, bytes AS rest FROM cuts JOIN inputs ON inputs.id = job;
CREATE VIEW part_results AS
        SELECT parts.id, job, bytes, 0 AS weight FROM parts JOIN part_bytes ON part_bytes.id = parts.id;
INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, deliveries, expires_after, lottery, owner, base)
    VALUES ('waits', 'POST /factorize', 'queued', 0, 0, 999000, 0, 60000, -7069226960038734778, '', 0);
INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, started_at, deliveries, expires_after, lease_until, lottery, owner, base)
    VALUES ('cutting', 'POST /factorize', 'running', 0, 1, 999000, 999000, 0, 60000, 9000000000000000, 3046594494857965123, '', 0);
INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, started_at, deliveries, expires_after, lottery, owner, stage, base)
    VALUES ('parted', 'POST /factorize', 'running', 0, 1, 999000, 999000, 0, 60000, -5455414762821390164, '', 'parts', 1);
INSERT INTO inputs (id, task, bytes)
    VALUES ('waits', 'factorize', x'31');
INSERT INTO inputs (id, task, bytes)
    VALUES ('cutting', 'factorize', x'31');
INSERT INTO inputs (id, task, bytes)
    VALUES ('parted', 'factorize', x'72657374');
INSERT INTO counters (route, name, value)
    VALUES ('POST /factorize', 'claimed', 2);
INSERT INTO counters (route, name, value)
    VALUES ('POST /factorize', 'submitted', 3);
INSERT INTO cuts (job, total, done, waiting, weight, lottery)
    VALUES ('parted', 2, 0, 2, 0, 66040735535736017);
INSERT INTO parts (id, job, cut, number, status, attempts)
    VALUES (1, 'cutting', 1, 0, 'added', 0);
INSERT INTO parts (id, job, cut, number, status, attempts)
    VALUES (2, 'cutting', 1, 1, 'added', 0);
INSERT INTO parts (id, job, cut, number, status, attempts)
    VALUES (3, 'parted', 1, 0, 'queued', 0);
INSERT INTO parts (id, job, cut, number, status, attempts)
    VALUES (4, 'parted', 1, 1, 'queued', 0);
INSERT INTO part_bytes (id, bytes)
    VALUES (1, x'30');
INSERT INTO part_bytes (id, bytes)
    VALUES (2, x'31');
INSERT INTO part_bytes (id, bytes)
    VALUES (3, x'30');
INSERT INTO part_bytes (id, bytes)
    VALUES (4, x'31');
CREATE TRIGGER submit INSTEAD OF INSERT ON submissions BEGIN
        INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, webhook, deliveries,
            key, fingerprint, interest, expires_after, lottery, owner, trace)
        VALUES (NEW.id, NEW.route, 'queued', 0, 0, NEW.created_at, NEW.webhook, 0,
            NEW.key, NEW.fingerprint, NEW.interest, NEW.expires_after, random(), NEW.owner, NEW.trace);
        INSERT INTO inputs (id, task, bytes) VALUES (NEW.id, NEW.task, NEW.bytes);
    END;
CREATE TRIGGER job_ended AFTER UPDATE OF finished_at ON jobs
        WHEN NEW.finished_at IS NOT NULL BEGIN
        DELETE FROM inputs WHERE id = NEW.id;
        DELETE FROM parts WHERE job = NEW.id;
        DELETE FROM cuts WHERE job = NEW.id;
    END;
CREATE TRIGGER job_forgotten AFTER DELETE ON jobs BEGIN
        DELETE FROM inputs WHERE id = OLD.id;
        DELETE FROM parts WHERE job = OLD.id;
        DELETE FROM cuts WHERE job = OLD.id;
    END;
CREATE TRIGGER job_lost AFTER UPDATE OF status ON jobs
        WHEN OLD.lease_until IS NOT NULL AND NEW.lease_until IS NULL AND NEW.finished_at IS NULL BEGIN
        DELETE FROM parts WHERE job = NEW.id AND status = 'added';
    END;
CREATE TRIGGER add_part INSTEAD OF INSERT ON additions BEGIN
        INSERT OR IGNORE INTO parts (job, cut, number, status, attempts)
        VALUES (NEW.job, NEW.cut, NEW.number, 'added', 0);
        INSERT OR IGNORE INTO part_bytes (id, bytes)
        SELECT id, NEW.bytes FROM parts WHERE job = NEW.job AND cut = NEW.cut AND number = NEW.number;
    END;
CREATE TRIGGER cut_job INSTEAD OF INSERT ON divisions BEGIN
        DELETE FROM parts WHERE job = NEW.job AND cut <> NEW.cut;
        UPDATE parts SET status = 'queued' WHERE job = NEW.job;
        DELETE FROM cuts WHERE job = NEW.job;
        INSERT INTO cuts (job, total, done, waiting, weight, enough, lottery)
        VALUES (NEW.job, NEW.total, 0, NEW.total, 0, NEW.enough, random());
        UPDATE inputs SET bytes = NEW.rest WHERE id = NEW.job;
        UPDATE jobs SET stage = CASE NEW.total WHEN 0 THEN 'join' ELSE 'parts' END, base = attempts,
            lease_until = NULL WHERE id = NEW.job;
    END;
CREATE TRIGGER part_claimed AFTER UPDATE OF attempts ON parts BEGIN
        UPDATE cuts SET waiting = waiting - 1, lottery = random() WHERE job = NEW.job;
    END;
CREATE TRIGGER part_lost AFTER UPDATE OF status ON parts
        WHEN OLD.status = 'running' AND NEW.status = 'queued' BEGIN
        UPDATE cuts SET waiting = waiting + 1 WHERE job = NEW.job;
    END;
CREATE TRIGGER part_done INSTEAD OF INSERT ON part_results BEGIN
        UPDATE parts SET status = 'done', lease_until = NULL WHERE id = NEW.id;
        UPDATE part_bytes SET bytes = NEW.bytes WHERE id = NEW.id;
        UPDATE cuts SET done = done + 1, weight = weight + NEW.weight WHERE job = NEW.job;
        UPDATE jobs SET stage = 'join' WHERE id = NEW.job
            AND EXISTS (SELECT 1 FROM cuts WHERE job = NEW.job AND (done = total OR weight >= enough));
    END;
CREATE TRIGGER parts_done AFTER UPDATE OF stage ON jobs
        WHEN OLD.stage = 'parts' AND NEW.stage = 'join' BEGIN
        DELETE FROM parts WHERE job = NEW.id AND status <> 'done';
        UPDATE cuts SET waiting = 0 WHERE job = NEW.id;
    END;
CREATE TRIGGER part_forgotten AFTER DELETE ON parts BEGIN
        DELETE FROM part_bytes WHERE id = OLD.id;
    END;
CREATE TRIGGER count_submitted AFTER INSERT ON jobs BEGIN
        INSERT INTO counters (route, name, value) VALUES (NEW.route, 'submitted', 1)
            ON CONFLICT (route, name) DO UPDATE SET value = value + 1;
    END;
CREATE TRIGGER count_claimed AFTER UPDATE OF attempts ON jobs BEGIN
        INSERT INTO counters (route, name, value) VALUES (NEW.route, 'claimed', 1)
            ON CONFLICT (route, name) DO UPDATE SET value = value + 1;
    END;
CREATE TRIGGER count_retried AFTER UPDATE OF attempts ON jobs WHEN NEW.attempts - NEW.base > 1 BEGIN
        INSERT INTO counters (route, name, value) VALUES (NEW.route, 'retried', 1)
            ON CONFLICT (route, name) DO UPDATE SET value = value + 1;
    END;
CREATE TRIGGER count_ended AFTER UPDATE OF finished_at ON jobs WHEN NEW.finished_at IS NOT NULL BEGIN
        INSERT INTO counters (route, name, value) VALUES (NEW.route, NEW.status, 1)
            ON CONFLICT (route, name) DO UPDATE SET value = value + 1;
    END;
CREATE TRIGGER count_lost AFTER UPDATE OF status ON jobs WHEN OLD.status = 'running' AND OLD.lease_until IS NOT NULL
        AND (NEW.finished_at IS NULL) = (NEW.lease_until IS NULL) BEGIN
        INSERT INTO counters (route, name, value) VALUES (NEW.route, 'lost', 1)
            ON CONFLICT (route, name) DO UPDATE SET value = value + 1;
    END;
PRAGMA user_version = 6;
