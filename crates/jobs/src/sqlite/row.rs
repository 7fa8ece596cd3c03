//! Values to and from SQLite.

use crate::driver::Value;
use crate::model::{Job, Millis, Outcome, Request};
use crate::store::{Error, MAX_MILLIS};

const SHAPE: Error = Error::Corrupt("a column of another type");

/// The columns of a row, taken one after the other.
pub(super) struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// The first of these rows.
    pub(super) fn first(rows: Vec<Vec<Value>>) -> Option<Self> {
        rows.into_iter().next().map(Self::new)
    }

    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    fn next(&mut self) -> Result<Value, Error> {
        self.0.next().ok_or(Error::Corrupt("a row is too short"))
    }

    pub(super) fn integer(&mut self) -> Result<i64, Error> {
        match self.next()? {
            Value::Integer(number) => Ok(number),
            _ => Err(SHAPE),
        }
    }

    /// A whole number of any unsigned or narrower type.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Error> {
        T::try_from(self.integer()?).map_err(|_| Error::Corrupt("a number is out of range"))
    }

    pub(super) fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.integer()? != 0)
    }

    pub(super) fn maybe_millis(&mut self) -> Result<Option<Millis>, Error> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(number.try_into().map_err(|_| SHAPE)?)),
            _ => Err(SHAPE),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        self.maybe_text()?.ok_or(SHAPE)
    }

    fn maybe_text(&mut self) -> Result<Option<String>, Error> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(SHAPE),
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        match self.next()? {
            Value::Blob(bytes) => Ok(bytes),
            _ => Err(SHAPE),
        }
    }

    /// The columns of `job_columns!`.
    pub(super) fn job(&mut self) -> Result<Job, Error> {
        Ok(Job {
            id: self.text()?,
            route: self.text()?,
            status: self
                .text()?
                .parse()
                .map_err(|_| Error::Corrupt("an unknown status"))?,
            cancel_requested: self.flag()?,
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
            body: self.bytes()?,
        })
    }

    /// Status, content type and body.
    pub(super) fn outcome(&mut self) -> Result<Outcome, Error> {
        Ok(Outcome {
            status: self.number()?,
            content_type: self.maybe_text()?,
            body: self.bytes()?,
        })
    }
}

pub(super) fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

pub(super) fn maybe_text(text: Option<impl Into<String>>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.into()))
}

/// Of a number above [`MAX_MILLIS`], that one.
pub(super) fn number(number: u64) -> Value {
    Value::Integer(number.min(MAX_MILLIS).try_into().unwrap_or(i64::MAX))
}

pub(super) fn maybe_number(value: Option<u64>) -> Value {
    value.map_or(Value::Null, number)
}
