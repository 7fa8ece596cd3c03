//! Values to and from Redis.

use crate::driver::Reply;
use crate::model::{Job, Millis, Outcome, Request};
use crate::store::Error;

const SHAPE: Error = Error::Corrupt("a reply of another type");

/// The parts of a reply, taken one after the other.
pub(super) struct Parts(std::iter::Peekable<std::vec::IntoIter<Reply>>);

impl Parts {
    pub(super) fn new(replies: Vec<Reply>) -> Self {
        Self(replies.into_iter().peekable())
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.0.peek().is_none()
    }

    fn maybe_bytes(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.0.next() {
            Some(Reply::Nil) => Ok(None),
            Some(Reply::Binary(bytes)) => Ok(Some(bytes)),
            // A driver may give out numbers in decimal digits as integers.
            Some(Reply::Int64(number)) => Ok(Some(number.to_string().into_bytes())),
            Some(Reply::Status(text)) => Ok(Some(text.into_bytes())),
            None => Err(Error::Corrupt("a reply is too short")),
        }
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, Error> {
        let bytes = self.maybe_bytes()?;
        bytes
            .map(|bytes| String::from_utf8(bytes).map_err(|_| SHAPE))
            .transpose()
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        self.maybe_text()?.ok_or(SHAPE)
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| SHAPE)
    }

    fn maybe_millis(&mut self) -> Result<Option<Millis>, Error> {
        self.maybe_text()?
            .map(|text| text.parse().map_err(|_| SHAPE))
            .transpose()
    }

    /// The fields that the script calls `FIELDS`.
    pub(super) fn job(&mut self) -> Result<Job, Error> {
        Ok(Job {
            id: self.text()?,
            route: self.text()?,
            status: self
                .text()?
                .parse()
                .map_err(|_| Error::Corrupt("an unknown status"))?,
            cancel_requested: self.text()? == "1",
            progress: self.maybe_text()?,
            attempts: self.number()?,
            created_at: self.number()?,
            started_at: self.maybe_millis()?,
            finished_at: self.maybe_millis()?,
            expires_at: self.maybe_millis()?,
            webhook: self.maybe_text()?,
        })
    }

    /// Method, target, content type and body.
    pub(super) fn request(&mut self) -> Result<Request, Error> {
        Ok(Request {
            method: self.text()?,
            target: self.text()?,
            content_type: self.maybe_text()?,
            body: self.maybe_bytes()?.ok_or(SHAPE)?,
        })
    }

    /// Status, content type and body.
    pub(super) fn outcome(&mut self) -> Result<Outcome, Error> {
        Ok(Outcome {
            status: self.number()?,
            content_type: self.maybe_text()?,
            body: self.maybe_bytes()?.ok_or(SHAPE)?,
        })
    }
}

/// Arguments of a command.
pub(super) struct Arguments(pub(super) Vec<Vec<u8>>);

impl Arguments {
    pub(super) fn push(&mut self, argument: impl Into<Vec<u8>>) -> &mut Self {
        self.0.push(argument.into());
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.push(number.to_string())
    }

    /// The name of a field and its value.
    pub(super) fn field(&mut self, name: &str, value: impl Into<Vec<u8>>) -> &mut Self {
        self.push(name).push(value)
    }

    /// The same, or nothing.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<Vec<u8>>>) -> &mut Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// An answer, as fields.
    pub(super) fn outcome(&mut self, outcome: Outcome) -> &mut Self {
        self.field("status", outcome.status.to_string())
            .maybe("content_type", outcome.content_type)
            .field("body", outcome.body)
    }
}
