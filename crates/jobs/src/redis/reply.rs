//! Values to and from Redis.

use crate::driver::Reply;
use crate::fields::{Fields, headers_text};
use crate::model::{Claim, Millis, Outcome};
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

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| SHAPE)
    }
}

/// A job comes as the fields that the script calls `FIELDS`.
impl Fields for Parts {
    fn maybe_text(&mut self) -> Result<Option<String>, Error> {
        let bytes = self.maybe_bytes()?;
        bytes
            .map(|bytes| String::from_utf8(bytes).map_err(|_| SHAPE))
            .transpose()
    }

    fn text(&mut self) -> Result<String, Error> {
        self.maybe_text()?.ok_or(SHAPE)
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.maybe_bytes()?.ok_or(SHAPE)
    }

    fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.text()? == "1")
    }

    fn unsigned(&mut self) -> Result<u64, Error> {
        self.number()
    }

    fn maybe_millis(&mut self) -> Result<Option<Millis>, Error> {
        self.maybe_text()?
            .map(|text| text.parse().map_err(|_| SHAPE))
            .transpose()
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

    /// A claim: id, part or nothing, attempt.
    pub(super) fn claim(&mut self, claim: &Claim) -> &mut Self {
        let part = claim.part.map_or(String::new(), |part| {
            format!("{}:{}", part.cut, part.number)
        });
        self.push(claim.id.as_str())
            .push(part)
            .push(claim.attempt.to_string())
    }

    /// An answer, as fields.
    pub(super) fn outcome(&mut self, outcome: Outcome) -> &mut Self {
        self.field("status", outcome.status.to_string())
            .maybe("content_type", outcome.content_type)
            .maybe("headers", headers_text(&outcome.headers))
            .field("body", outcome.body)
    }
}
