//! Reading the records of both stores.

use crate::model::{Delivery, Input, Job, Millis, Outcome, PartsDone};
use crate::store::Error;

/// The values of a record, taken one after the other.
pub(crate) trait Fields {
    fn maybe_text(&mut self) -> Result<Option<String>, Error>;
    fn text(&mut self) -> Result<String, Error>;
    fn bytes(&mut self) -> Result<Vec<u8>, Error>;
    fn flag(&mut self) -> Result<bool, Error>;
    fn unsigned(&mut self) -> Result<u64, Error>;
    fn maybe_millis(&mut self) -> Result<Option<Millis>, Error>;

    /// A number of a narrower type.
    fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Error> {
        T::try_from(self.unsigned()?).map_err(|_| Error::Corrupt("a number is out of range"))
    }

    /// A job, from its fields in order.
    fn job(&mut self) -> Result<Job, Error> {
        Ok(Job {
            id: self.text()?,
            route: self.text()?,
            status: self
                .text()?
                .parse()
                .map_err(|_| Error::Corrupt("an unknown status"))?,
            cancel_requested: self.flag()?,
            progress: self.maybe_text()?,
            attempts: self.narrow()?,
            created_at: self.unsigned()?,
            started_at: self.maybe_millis()?,
            finished_at: self.maybe_millis()?,
            expires_at: self.maybe_millis()?,
            webhook: self.maybe_text()?,
            // Before there were owners, nobody had a job.
            owner: self.maybe_text()?.unwrap_or_default(),
            trace: self.maybe_text()?,
            parts: self.parts()?,
        })
    }

    /// How many parts are done, and of how many.
    fn parts(&mut self) -> Result<Option<PartsDone>, Error> {
        let (done, of) = (self.maybe_millis()?, self.maybe_millis()?);
        let narrow =
            |number| u32::try_from(number).map_err(|_| Error::Corrupt("a number is out of range"));
        done.zip(of)
            .map(|(done, of)| {
                Ok(PartsDone {
                    done: narrow(done)?,
                    of: narrow(of)?,
                })
            })
            .transpose()
    }

    /// Task and bytes, if present.
    fn input(&mut self) -> Result<Option<Input>, Error> {
        let Some(task) = self.maybe_text()? else {
            return Ok(None);
        };
        let bytes = self.bytes()?;
        Ok(Some(Input { task, bytes }))
    }

    /// Status, content type, other headers and body.
    fn outcome(&mut self) -> Result<Outcome, Error> {
        Ok(Outcome {
            status: self.narrow()?,
            content_type: self.maybe_text()?,
            headers: match self.maybe_text()? {
                Some(text) => headers_from(&text)?,
                None => Vec::new(),
            },
            body: self.bytes()?,
        })
    }

    /// Id, address and attempt.
    fn delivery(&mut self) -> Result<Delivery, Error> {
        Ok(Delivery {
            id: self.text()?,
            url: self.text()?,
            attempt: self.narrow()?,
        })
    }
}

/// Headers as stores keep them: JSON, or `None` without headers.
pub(crate) fn headers_text(headers: &[(String, String)]) -> Option<String> {
    // Strings only: serialising does not fail.
    (!headers.is_empty()).then(|| serde_json::to_string(headers).unwrap_or_default())
}

fn headers_from(text: &str) -> Result<Vec<(String, String)>, Error> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt("headers that are not pairs of text"))
}
