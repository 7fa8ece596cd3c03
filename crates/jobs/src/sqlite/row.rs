//! Values to and from SQLite.

use crate::driver::Value;
use crate::fields::Fields;
use crate::model::Millis;
use crate::store::{Error, MAX_MILLIS};

const SHAPE: Error = Error::Corrupt("a column of another type");

/// The columns of a row, taken one after the other.
pub(super) struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// The first row.
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
}

/// A job comes as the columns of `job_columns!`.
impl Fields for Row {
    fn maybe_text(&mut self) -> Result<Option<String>, Error> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(SHAPE),
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        self.maybe_text()?.ok_or(SHAPE)
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        match self.next()? {
            Value::Blob(bytes) => Ok(bytes),
            _ => Err(SHAPE),
        }
    }

    fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.integer()? != 0)
    }

    fn unsigned(&mut self) -> Result<u64, Error> {
        self.number()
    }

    fn maybe_millis(&mut self) -> Result<Option<Millis>, Error> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(number.try_into().map_err(|_| SHAPE)?)),
            _ => Err(SHAPE),
        }
    }
}

pub(super) fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

pub(super) fn maybe_text(text: Option<impl Into<String>>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.into()))
}

/// The number, limited to [`MAX_MILLIS`].
pub(super) fn number(number: u64) -> Value {
    Value::Integer(number.min(MAX_MILLIS).try_into().unwrap_or(i64::MAX))
}

pub(super) fn maybe_number(value: Option<u64>) -> Value {
    value.map_or(Value::Null, number)
}
