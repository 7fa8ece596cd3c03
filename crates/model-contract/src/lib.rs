//! The tensors of a model of the user: the member `model` of the contract that `make new-model` writes.
//!
//! The component that runs the graph and the one that speaks HTTP for it both read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Inputs and outputs of a model, in the order of the graph.
#[derive(Clone, Debug, Deserialize)]
pub struct Ports {
    /// What it takes.
    pub inputs: Vec<Port>,
    /// What it gives.
    pub outputs: Vec<Port>,
    /// The texts of the graph. A number in the graph stands for the text at this place.
    #[serde(default)]
    pub vocabulary: Vec<String>,
}

/// An input or an output.
#[derive(Clone, Debug, Deserialize)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// The type of its elements.
    pub datatype: Datatype,
    /// Its dimensions; -1 is any length. The first one is that of rows.
    pub shape: Vec<i64>,
    /// The labels of the classes that the last axis is about.
    #[serde(default)]
    pub classes: Vec<Value>,
}

/// The type of elements, by the names of the Open Inference Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it")]
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
    /// Text.
    Bytes,
}

impl Port {
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
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.shape.first() == Some(&1)
    }
}
