use std::fmt;

use serde::de::{
    Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
    value::MapAccessDeserializer,
};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::Number;
use utoipa::ToSchema;

use super::{Parameters, UnsupportedExtension, schema};
use crate::{InvalidMeasurement, MAX_ROWS, Measurement};

const FEATURES: usize = 4;

/// Types of tensor elements that can hold a measurement or an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Datatype {
    Fp32,
    Fp64,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
}

impl Datatype {
    fn is_integer(self) -> bool {
        !matches!(self, Self::Fp32 | Self::Fp64)
    }
}

/// The input tensor of a request: measurements in centimetres, in the order sepal length, sepal width, petal length,
/// petal width.
#[derive(Clone, Debug, PartialEq, DeriveDeserialize, ToSchema)]
pub struct InputTensor {
    /// Always `features`.
    #[schema(example = "features", pattern = "^features$")]
    pub name: String,
    /// `[n, 4]` for n flowers, at most 10,000; `[4]` for one.
    #[schema(schema_with = schema::shape)]
    pub shape: Vec<u64>,
    /// Type of the elements.
    pub datatype: Datatype,
    /// Ignored, except those of the extensions `binary_tensor_data` and `shared_memory`, which are refused.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub parameters: Parameters,
    /// The elements, row by row: all in one array, or an array for each row.
    // If it is absent, the parameters say where the client has put the elements.
    #[schema(schema_with = schema::data, required = true)]
    pub data: Option<TensorData>,
}

/// Elements of a tensor: all in one array, or an array for each row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TensorData {
    /// All elements.
    Flat(Vec<f64>),
    /// Elements row by row.
    Rows(Vec<Vec<f64>>),
}

/// An output tensor.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OutputTensor {
    /// `label` or `probabilities`.
    #[schema(example = "label")]
    pub name: &'static str,
    /// Type of the elements.
    pub datatype: Datatype,
    /// `[n]` for the labels, `[n, 3]` for the probabilities of n flowers.
    #[schema(example = json!([1]))]
    pub shape: Vec<u64>,
    /// The elements, row by row in one array.
    #[schema(value_type = Vec<f64>, example = json!([0]))]
    pub data: OutputValues,
}

/// Elements of an output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OutputValues {
    /// Labels.
    Int64(Vec<i64>),
    /// Probabilities.
    Fp32(Vec<f32>),
}

/// Why a tensor does not hold measurements. Flowers count from 0, as in the tensor.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TensorError {
    /// Neither `[n, 4]` nor `[4]`, or no or too many flowers.
    #[error("the shape must be [n, 4] with n from 1 to {MAX_ROWS}, or [4]")]
    Shape,
    /// No elements, because an extension sends them elsewhere.
    #[error(transparent)]
    Extension(UnsupportedExtension),
    /// No elements.
    #[error("there is no `data`")]
    NoData,
    /// The number or the nesting of the elements does not match the shape.
    #[error("the data does not have the form {0:?} that the shape gives")]
    DataForm(Vec<u64>),
    /// The data type is an integer type and an element is not an integer.
    #[error("{value:?} is not of the integer data type")]
    NotAnInteger {
        /// The element.
        value: f64,
    },
    /// A measurement is out of range.
    #[error("flower {row}: {source}")]
    OutOfRange {
        /// The flower's place in the tensor, from 0.
        row: usize,
        /// Which measurement, and its value.
        source: InvalidMeasurement,
    },
}

impl InputTensor {
    /// The flowers in the tensor.
    pub(super) fn measurements(&self) -> Result<Vec<Measurement>, TensorError> {
        if let Some(extension) = self.parameters.of_input() {
            return Err(TensorError::Extension(extension));
        }
        let rows = match *self.shape.as_slice() {
            [4] => 1,
            [rows, 4] if (1..=MAX_ROWS as u64).contains(&rows) => rows as usize,
            _ => return Err(TensorError::Shape),
        };
        let data = self.data.as_ref().ok_or(TensorError::NoData)?;
        let malformed = || TensorError::DataForm(self.shape.clone());
        let flowers: Vec<[f64; FEATURES]> = match data {
            TensorData::Flat(values) => {
                let (flowers, rest) = values.as_chunks();
                if !rest.is_empty() {
                    return Err(malformed());
                }
                flowers.to_vec()
            }
            TensorData::Rows(values) if self.shape.len() == 2 => values
                .iter()
                .map(|row| row.as_slice().try_into().map_err(|_| malformed()))
                .collect::<Result<_, _>>()?,
            TensorData::Rows(_) => return Err(malformed()),
        };
        if flowers.len() != rows {
            return Err(malformed());
        }
        let checked = flowers.into_iter().enumerate().map(|(row, centimetres)| {
            if self.datatype.is_integer()
                && let Some(value) = centimetres.into_iter().find(|value| value.fract() != 0.0)
            {
                return Err(TensorError::NotAnInteger { value });
            }
            Measurement::new(centimetres).map_err(|source| TensorError::OutOfRange { row, source })
        });
        checked.collect()
    }
}

impl<'de> Deserialize<'de> for TensorData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DataVisitor)
    }
}

/// One element of `data`.
enum Element {
    Number(f64),
    Row(Vec<f64>),
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = TensorData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at most {} numbers, or at most {MAX_ROWS} arrays of {FEATURES}",
            MAX_ROWS * FEATURES
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<TensorData, A::Error> {
        let mut data = match array.next_element()? {
            None => return Ok(TensorData::Flat(Vec::new())),
            Some(Element::Number(number)) => TensorData::Flat(vec![number]),
            Some(Element::Row(row)) => TensorData::Rows(vec![row]),
        };
        while let Some(element) = array.next_element()? {
            match (&mut data, element) {
                (TensorData::Flat(numbers), Element::Number(number))
                    if numbers.len() < MAX_ROWS * FEATURES =>
                {
                    numbers.push(number);
                }
                (TensorData::Rows(rows), Element::Row(row)) if rows.len() < MAX_ROWS => {
                    rows.push(row);
                }
                (TensorData::Flat(numbers), Element::Number(_)) => {
                    return Err(A::Error::invalid_length(numbers.len() + 1, &self));
                }
                (TensorData::Rows(rows), Element::Row(_)) => {
                    return Err(A::Error::invalid_length(rows.len() + 1, &self));
                }
                _ => return Err(A::Error::custom("data mixes numbers and arrays")),
            }
        }
        Ok(data)
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number or an array of {FEATURES} numbers")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Element, E> {
        Ok(Element::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Element, E> {
        Ok(Element::Number(number as f64))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Element, E> {
        Ok(Element::Number(number as f64))
    }

    /// Under its feature `arbitrary_precision`, serde_json presents a number as a map.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
        let number = Number::deserialize(MapAccessDeserializer::new(map))
            .map_err(|_| A::Error::invalid_type(Unexpected::Map, &self))?;
        number
            .as_f64()
            .map(Element::Number)
            .ok_or_else(|| A::Error::custom("number out of range"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Element, A::Error> {
        let mut row = Vec::with_capacity(FEATURES);
        while let Some(number) = array.next_element()? {
            if row.len() == FEATURES {
                return Err(A::Error::invalid_length(FEATURES + 1, &self));
            }
            row.push(number);
        }
        Ok(Element::Row(row))
    }
}
