//! Jobs in an SQLite database.

mod claims;
mod parts;
mod row;
mod schema;
mod statements;

use std::cell::Cell;

use crate::driver::{Sql, Value};
use crate::fields::{Fields, headers_text};
use crate::model::{
    Claim, Cut, Delivery, Ending, Job, Lease, Metrics, Millis, NewJob, Next, Outcome, Page,
    PartResult, Speech, Status, Submitted,
};
use crate::store::{Cursor, Error, MAX_MILLIS, Store, after};
use parts::part_numbers;
use row::{Row, maybe_number, maybe_text, number, text};
use statements as sql;

/// A store in an SQLite database of version 3.35 or newer, which several connections and processes may use at
/// once.
///
/// Jobs that [`Store::submit`] acknowledged survive a power failure. The last of the later changes may be lost; then the job runs
/// again.
pub struct SqliteStore<D> {
    driver: D,
    /// Whether the connection waits for the disk with every change.
    synchronous: Cell<bool>,
}

/// How often a change is retried if other connections come first.
const TRIES: u32 = 10;

impl<D: Sql> SqliteStore<D> {
    /// Takes a connection, and prepares the database if it is new.
    ///
    /// # Errors
    /// The database cannot be written, or has a newer version.
    pub async fn open(driver: D) -> Result<Self, Error> {
        schema::prepare(&driver).await?;
        Ok(Self {
            driver,
            synchronous: Cell::new(false),
        })
    }

    /// Runs a statement, and retries it while another connection holds a lock.
    async fn run(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
        let mut tries = 0;
        loop {
            match self.driver.execute(statement, parameters).await {
                Err(error) if tries < TRIES && error.0.contains("locked") => tries += 1,
                result => return Ok(result?),
            }
        }
    }

    async fn row(&self, statement: &str, parameters: &[Value]) -> Result<Option<Row>, Error> {
        Ok(Row::first(self.run(statement, parameters).await?))
    }

    async fn insert(
        &self,
        job: &NewJob,
        max_waiting: u64,
        now: Millis,
    ) -> Result<Option<Row>, Error> {
        let parameters = [
            number(now),
            text(&job.id),
            text(&job.route),
            maybe_text(job.webhook.as_ref()),
            maybe_text(job.key.as_ref().map(|key| &key.name)),
            maybe_text(job.key.as_ref().map(|key| &key.fingerprint)),
            maybe_number(job.interest),
            number(job.expires_after.min(MAX_MILLIS)),
            text(&job.input.task),
            Value::Blob(job.input.bytes.clone()),
            number(max_waiting),
            text(&job.owner),
            maybe_number(job.share),
            maybe_text(job.trace.as_ref()),
        ];
        // A job is acknowledged when it is on the disk. Connections that submit do little else, so they stay in this mode.
        if !self.synchronous.get() {
            self.run("PRAGMA synchronous = FULL", &[]).await?;
            self.synchronous.set(true);
        }
        self.row(sql::INSERT, &parameters).await
    }

    /// Which limit the job exceeded.
    async fn full(&self, job: &NewJob, max_waiting: u64, now: Millis) -> Result<Submitted, Error> {
        let waiting = self.load(now).await?;
        if job.share.is_none() || waiting >= max_waiting {
            return Ok(Submitted::Full { waiting });
        }
        let row = self.row(sql::SHARE, &[text(&job.owner)]).await?;
        let waiting = row.ok_or(Error::Corrupt("no count"))?.number()?;
        Ok(Submitted::ShareFull { waiting })
    }

    /// Finds a job and renews the interest in it.
    async fn renew(&self, id: &str, job: &NewJob, now: Millis) -> Result<Option<Job>, Error> {
        let parameters = [number(now), text(id), maybe_number(job.interest)];
        match self.row(sql::RENEW, &parameters).await? {
            Some(mut row) => Ok(Some(row.job()?)),
            None => self.get(id, now).await,
        }
    }
}

impl<D: Sql> Store for SqliteStore<D> {
    async fn submit(&self, job: NewJob, max_waiting: u64, now: Millis) -> Result<Submitted, Error> {
        let mut tries = 0;
        loop {
            let survey = self.survey(now).await?;
            self.sweep(&survey, now).await?;
            if let Some(key) = &job.key
                && let Some(mut row) = self
                    .row(sql::FIND_KEY, &[number(now), text(&key.name)])
                    .await?
            {
                let (id, fingerprint) = (row.text()?, row.text()?);
                if fingerprint != key.fingerprint {
                    return Ok(Submitted::Conflict);
                }
                if let Some(existing) = self.renew(&id, &job, now).await? {
                    return Ok(Submitted::Existing(existing));
                }
            }
            if let Some(existing) = self.renew(&job.id, &job, now).await? {
                return Ok(Submitted::Existing(existing));
            }
            match self.insert(&job, max_waiting, now).await {
                Ok(Some(_)) => {
                    return Ok(Submitted::New(job.queued(now)));
                }
                Ok(None) => return self.full(&job, max_waiting, now).await,
                // Another client has just submitted the same.
                Err(Error::Driver(error)) if tries < TRIES && error.0.contains("UNIQUE") => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn claim(
        &self,
        lease: Millis,
        max_running: Option<u64>,
        now: Millis,
    ) -> Result<Next, Error> {
        let mut survey = self.survey(now).await?;
        if survey.lost || survey.dropped || survey.expired {
            if survey.lost {
                self.recover(now).await?;
            }
            self.sweep(&survey, now).await?;
            survey = self.survey(now).await?;
        }
        while survey.waiting && max_running.is_none_or(|max| survey.running < max) {
            if let Some(claimed) = self.take(survey.lot, lease, max_running, now).await? {
                return Ok(Next::Job(Box::new(claimed)));
            }
            survey = self.survey(now).await?;
        }
        Ok(match (survey.waiting, survey.first_lease) {
            (true, Some(lease)) => Next::Busy(lease),
            // No job may run at all.
            (true, None) => Next::Busy(MAX_MILLIS),
            (false, lease) => [lease, survey.first_webhook]
                .into_iter()
                .flatten()
                .min()
                .map_or(Next::Idle, Next::Later),
        })
    }

    async fn heartbeat(
        &self,
        claim: &Claim,
        progress: Option<&str>,
        lease: Millis,
        now: Millis,
    ) -> Result<Lease, Error> {
        let mut parameters = vec![
            number(after(now, lease)),
            text(&claim.id),
            number(claim.attempt.into()),
        ];
        let statement = match claim.part {
            Some(part) => {
                parameters.extend(part_numbers(part));
                sql::HEARTBEAT_PART
            }
            None => {
                parameters.push(maybe_text(progress));
                sql::HEARTBEAT
            }
        };
        Ok(match self.row(statement, &parameters).await? {
            None => Lease::Lost,
            Some(mut row) => {
                if row.flag()? {
                    Lease::CancelRequested
                } else {
                    Lease::Held
                }
            }
        })
    }

    async fn add_part(
        &self,
        claim: &Claim,
        part: u32,
        bytes: Vec<u8>,
        _now: Millis,
    ) -> Result<bool, Error> {
        self.insert_part(claim, part, bytes).await
    }

    async fn cut(&self, claim: &Claim, cut: Cut, _now: Millis) -> Result<bool, Error> {
        self.divide(claim, cut).await
    }

    async fn finish_part(
        &self,
        claim: &Claim,
        result: PartResult,
        _now: Millis,
    ) -> Result<bool, Error> {
        self.keep_result(claim, result).await
    }

    async fn results(&self, claim: &Claim, _now: Millis) -> Result<Vec<Vec<u8>>, Error> {
        let rows = self.run(sql::RESULTS, &[text(&claim.id)]).await?;
        rows.into_iter().map(|row| Row::new(row).bytes()).collect()
    }

    async fn finish(&self, claim: &Claim, ending: Ending, now: Millis) -> Result<bool, Error> {
        let (status, outcome) = match ending {
            Ending::Outcome(outcome) => (outcome.job_status(), Some(outcome)),
            Ending::Canceled => (Status::Canceled, None),
        };
        let [code, kind, headers, body] =
            outcome.map_or([const { Value::Null }; 4], |outcome: Outcome| {
                [
                    number(outcome.status.into()),
                    maybe_text(outcome.content_type),
                    maybe_text(headers_text(&outcome.headers)),
                    Value::Blob(outcome.body),
                ]
            });
        let mut parameters = vec![
            number(now),
            text(&claim.id),
            number(claim.attempt.into()),
            text(status.as_str()),
            code,
            kind,
            headers,
            body,
        ];
        let statement = match claim.part {
            Some(part) => {
                parameters.extend(part_numbers(part));
                sql::FINISH_PARTED
            }
            None => sql::FINISH,
        };
        Ok(self.row(statement, &parameters).await?.is_some())
    }

    async fn get(&self, id: &str, now: Millis) -> Result<Option<Job>, Error> {
        let row = self.row(sql::GET, &[number(now), text(id)]).await?;
        row.map(|mut row| row.job()).transpose()
    }

    async fn outcome(&self, id: &str, now: Millis) -> Result<Option<Outcome>, Error> {
        let row = self.row(sql::OUTCOME, &[number(now), text(id)]).await?;
        row.map(|mut row| row.outcome()).transpose()
    }

    async fn cancel(&self, id: &str, now: Millis) -> Result<Option<Job>, Error> {
        match self.row(sql::CANCEL, &[number(now), text(id)]).await? {
            Some(mut row) => Ok(Some(row.job()?)),
            None => self.get(id, now).await,
        }
    }

    async fn remove(&self, id: &str, now: Millis) -> Result<bool, Error> {
        Ok(self
            .row(sql::REMOVE, &[number(now), text(id)])
            .await?
            .is_some())
    }

    async fn list(
        &self,
        owner: &str,
        status: Option<Status>,
        after: Option<&str>,
        limit: u32,
        now: Millis,
    ) -> Result<Page, Error> {
        // Expired rows would be skipped one by one.
        let survey = self.survey(now).await?;
        self.sweep(&survey, now).await?;
        let (created_at, id) = match after {
            Some(after) => {
                let cursor: Cursor = after.parse()?;
                (cursor.created_at, cursor.id)
            }
            None => (u64::MAX, String::new()),
        };
        let limit = limit.max(1);
        let mut parameters = vec![
            number(now),
            number(created_at),
            text(id),
            number(u64::from(limit) + 1),
            text(owner),
        ];
        let statement = match status {
            Some(status) => {
                parameters.push(text(status.as_str()));
                sql::LIST_STATUS
            }
            None => sql::LIST,
        };
        let rows = self.run(statement, &parameters).await?;
        let mut jobs = rows
            .into_iter()
            .map(|row| Row::new(row).job())
            .collect::<Result<Vec<_>, _>>()?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let next = jobs
            .last()
            .filter(|_| more)
            .map(|job| Cursor::of(job).to_string());
        Ok(Page { jobs, next })
    }

    async fn load(&self, now: Millis) -> Result<u64, Error> {
        self.row(sql::LOAD, &[number(now)])
            .await?
            .ok_or(Error::Corrupt("no count"))?
            .number()
    }

    async fn metrics(&self, now: Millis) -> Result<Metrics, Error> {
        let mut metrics = Metrics::default();
        for row in self.run(sql::METRICS, &[number(now)]).await? {
            let mut row = Row::new(row);
            match (row.text()?, row.text()?) {
                (_, name) if name == "oldest" => metrics.oldest_waiting = row.maybe_millis()?,
                (route, name) => metrics.set(route, &name, row.number()?),
            }
        }
        Ok(metrics)
    }

    async fn recognised(&self, speech: Speech, _now: Millis) -> Result<(), Error> {
        let parameters = [number(speech.sound), number(speech.recognition)];
        self.run(sql::RECOGNISED, &parameters).await?;
        Ok(())
    }

    async fn next_delivery(&self, lease: Millis, now: Millis) -> Result<Option<Delivery>, Error> {
        let parameters = [number(now), number(after(now, lease))];
        let Some(mut row) = self.row(sql::NEXT_DELIVERY, &parameters).await? else {
            return Ok(None);
        };
        row.delivery().map(Some)
    }

    async fn delivered(
        &self,
        delivery: &Delivery,
        retry_at: Option<Millis>,
        _now: Millis,
    ) -> Result<(), Error> {
        let parameters = [
            text(&delivery.id),
            number(delivery.attempt.into()),
            maybe_number(retry_at),
        ];
        self.run(sql::DELIVERED, &parameters).await?;
        Ok(())
    }
}
