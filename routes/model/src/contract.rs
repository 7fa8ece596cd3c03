//! What the model says of itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signature::{ContractError, NumberType, RowReader, Schema};

/// The contract of a model, which `make new-model` has written.
#[derive(Debug, Deserialize)]
pub struct Contract {
    /// The name of the route and of the model.
    pub route: String,
    /// What the graph takes and gives.
    pub model: Ports,
    arguments: Value,
    /// Of one row.
    #[serde(skip)]
    pub row: Schema,
    /// Reads rows, where all inputs are numbers.
    #[serde(skip)]
    pub(crate) reader: Option<RowReader>,
}

/// Inputs and outputs, in the order of the graph.
#[derive(Debug, Deserialize)]
pub struct Ports {
    /// What it takes.
    pub inputs: Vec<Port>,
    /// What it gives.
    pub outputs: Vec<Port>,
}

/// An input or an output.
#[derive(Clone, Debug, Deserialize)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// The type of its elements.
    pub datatype: Datatype,
    /// Dimensions; -1 is any length. The first one is that of rows.
    pub shape: Vec<i64>,
    /// The labels of what the last axis holds.
    #[serde(default)]
    pub classes: Vec<Value>,
}

/// The type of elements, by the names of the Open Inference Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // The protocol defines them.
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Fp32,
    Fp64,
    Bytes,
}

impl Contract {
    /// Whether the model takes one row at a time.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.model.inputs.iter().any(Port::is_single)
    }

    /// Reads a contract.
    ///
    /// # Errors
    /// When it is not JSON, lacks a member, or has a schema that is not understood.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        let mut contract: Self = serde_json::from_str(text)?;
        contract.row = Schema::read(&contract.arguments)?;
        let types = contract.model.inputs.iter().map(Port::number_type);
        contract.reader = types
            .collect::<Option<Vec<_>>>()
            .and_then(|types| RowReader::new(&contract.row, types));
        Ok(contract)
    }
}

impl Port {
    /// Its name, and what its numbers are read as; none where it has other elements.
    fn number_type(&self) -> Option<(&str, NumberType)> {
        let kind = match self.datatype {
            Datatype::Bool | Datatype::Bytes => return None,
            Datatype::Fp16 | Datatype::Fp32 => NumberType::Float,
            Datatype::Fp64 => NumberType::Double,
            _ => NumberType::Integer,
        };
        Some((&self.name, kind))
    }

    /// The dimensions of a row.
    #[must_use]
    pub fn row(&self) -> &[i64] {
        self.shape.get(1..).unwrap_or_default()
    }

    /// Whether a row has one element, which JSON shows without brackets.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self.row(), [] | [1])
    }

    /// Whether it has one row at a time.
    fn is_single(&self) -> bool {
        self.shape.first() == Some(&1)
    }
}
