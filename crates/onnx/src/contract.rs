//! What a prepared model says of itself.

use serde::{Deserialize, Serialize};

/// The property in `metadata_props` that holds the contract.
pub(crate) const PROPERTY: &str = "routelets";

/// The contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The file was not made by `make new-model`.
    #[error("the model was not prepared: `make new-model` does that")]
    Missing,
    /// It is not JSON, or lacks a member.
    #[error("the contract of the model cannot be read")]
    Invalid(#[from] serde_json::Error),
}

/// The part of the contract that is about tensors.
#[derive(Clone, Debug, Deserialize)]
pub struct Contract {
    /// The name of the route and of the model.
    pub route: String,
    /// Inputs and outputs.
    pub model: Ports,
}

/// Inputs and outputs of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct Ports {
    /// In the order of the graph.
    pub inputs: Vec<Port>,
    /// In the order of the graph.
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
    pub classes: Vec<serde_json::Value>,
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

impl Contract {
    /// Reads the tensors of a contract; what else it has is not read.
    ///
    /// # Errors
    /// When the text is not the JSON of a contract.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        Ok(serde_json::from_str(text)?)
    }
}
