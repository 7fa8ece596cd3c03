//! What there is to do, and the claims of it.

use super::SqliteStore;
use super::row::{maybe_number, maybe_text, number, text};
use super::statements as sql;
use crate::driver::{Sql, Value};
use crate::fields::{Fields, headers_text};
use crate::model::{Claim, Claimed, MAX_ATTEMPTS, Millis};
use crate::store::{Error, after};
use crate::task::worker_lost;

/// What there is to do.
pub(super) struct Survey {
    pub(super) lost: bool,
    pub(super) dropped: bool,
    pub(super) expired: bool,
    pub(super) waiting: bool,
    pub(super) running: u64,
    pub(super) first_lease: Option<Millis>,
    pub(super) first_webhook: Option<Millis>,
    pub(super) lot: i64,
}

impl<D: Sql> SqliteStore<D> {
    pub(super) async fn survey(&self, now: Millis) -> Result<Survey, Error> {
        let mut row = self
            .row(sql::SURVEY, &[number(now)])
            .await?
            .ok_or(Error::Corrupt("no survey"))?;
        Ok(Survey {
            lost: row.flag()?,
            dropped: row.flag()?,
            expired: row.flag()?,
            waiting: row.flag()?,
            running: row.number()?,
            first_lease: row.maybe_millis()?,
            first_webhook: row.maybe_millis()?,
            lot: row.integer()?,
        })
    }

    /// Requeues the jobs of lost workers.
    pub(super) async fn recover(&self, now: Millis) -> Result<(), Error> {
        let attempts = number(MAX_ATTEMPTS.into());
        self.run(sql::CANCEL_LOST, &[number(now)]).await?;
        let outcome = worker_lost();
        let failure = [
            number(now),
            attempts.clone(),
            number(outcome.status.into()),
            maybe_text(outcome.content_type),
            maybe_text(headers_text(&outcome.headers)),
            Value::Blob(outcome.body),
        ];
        self.run(sql::FAIL_LOST, &failure).await?;
        // A job whose beginning was lost has no parts any more.
        self.run(sql::REQUEUE, &[number(now), attempts]).await?;
        self.run(sql::FAIL_PARTED, &failure).await?;
        self.run(sql::REQUEUE_PARTS, &[number(now)]).await?;
        Ok(())
    }

    /// Deletes expired jobs.
    pub(super) async fn sweep(&self, survey: &Survey, now: Millis) -> Result<(), Error> {
        // A job taken back may have lost its interest.
        if survey.dropped || survey.lost {
            self.run(sql::DROP, &[number(now)]).await?;
        }
        if survey.expired {
            self.run(sql::EXPIRE, &[number(now)]).await?;
        }
        Ok(())
    }

    /// Claims a job or a part that is chosen by lot; `None` if it has been claimed meanwhile.
    pub(super) async fn take(
        &self,
        lot: i64,
        lease: Millis,
        max_running: Option<u64>,
        now: Millis,
    ) -> Result<Option<Claimed>, Error> {
        let Some(mut row) = self.row(sql::CHOOSE, &[Value::Integer(lot)]).await? else {
            return Ok(None);
        };
        let (id, is_part) = (row.text()?, row.flag()?);
        let (until, limit) = (number(after(now, lease)), maybe_number(max_running));
        if is_part {
            return self.take_part(id, until, limit, now).await;
        }
        let parameters = [number(now), until, text(&id), limit];
        let Some(mut row) = self.row(sql::CLAIM, &parameters).await? else {
            return Ok(None);
        };
        let job = row.job()?;
        let attempt = row.number()?;
        Ok(Some(Claimed {
            claim: Claim {
                id,
                part: None,
                attempt,
            },
            job,
            join: row.flag()?,
            input: row.input()?,
        }))
    }
}
