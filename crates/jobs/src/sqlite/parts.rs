//! The parts of jobs.

use super::SqliteStore;
use super::row::{maybe_number, number, text};
use super::statements as sql;
use crate::driver::{Sql, Value};
use crate::fields::Fields;
use crate::model::{Claim, Claimed, Cut, Millis, PartId, PartResult};
use crate::store::{Error, MAX_WEIGHT, Store};

pub(super) fn part_numbers(part: PartId) -> [Value; 2] {
    [number(part.cut.into()), number(part.number.into())]
}

impl<D: Sql> SqliteStore<D> {
    /// Claims the first waiting part of a job, or none if other connections have claimed the last.
    pub(super) async fn take_part(
        &self,
        id: String,
        lease_until: Value,
        max_running: Value,
        now: Millis,
    ) -> Result<Option<Claimed>, Error> {
        let parameters = [lease_until, text(&id), max_running];
        let Some(mut row) = self.row(sql::CLAIM_PART, &parameters).await? else {
            return Ok(None);
        };
        let part = PartId {
            cut: row.number()?,
            number: row.number()?,
        };
        let attempt = row.number()?;
        let input = row.input()?;
        let job = self.get(&id, now).await?;
        Ok(job.map(|job| Claimed {
            claim: Claim {
                id,
                part: Some(part),
                attempt,
            },
            job,
            join: false,
            input,
        }))
    }

    pub(super) async fn insert_part(
        &self,
        claim: &Claim,
        part: u32,
        bytes: Vec<u8>,
    ) -> Result<bool, Error> {
        if claim.part.is_some() {
            return Ok(false);
        }
        let parameters = [
            text(&claim.id),
            number(claim.attempt.into()),
            number(part.into()),
            Value::Blob(bytes),
        ];
        Ok(self.row(sql::ADD_PART, &parameters).await?.is_some())
    }

    pub(super) async fn divide(&self, claim: &Claim, cut: Cut) -> Result<bool, Error> {
        if claim.part.is_some() {
            return Ok(false);
        }
        let parameters = [
            text(&claim.id),
            number(claim.attempt.into()),
            number(cut.parts.into()),
            maybe_number(cut.enough.map(|weight| weight.min(MAX_WEIGHT))),
            Value::Blob(cut.rest),
        ];
        Ok(self.row(sql::CUT, &parameters).await?.is_some())
    }

    pub(super) async fn keep_result(
        &self,
        claim: &Claim,
        result: PartResult,
    ) -> Result<bool, Error> {
        let Some(part) = claim.part else {
            return Ok(false);
        };
        let mut parameters = vec![text(&claim.id), number(claim.attempt.into())];
        parameters.extend(part_numbers(part));
        parameters.push(Value::Blob(result.bytes));
        parameters.push(number(result.weight.min(MAX_WEIGHT)));
        Ok(self.row(sql::FINISH_PART, &parameters).await?.is_some())
    }
}
