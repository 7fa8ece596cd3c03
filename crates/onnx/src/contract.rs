//! What a prepared model says of itself.

use model_contract::Ports;
use serde::Deserialize;

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

impl Contract {
    /// Reads the tensors of a contract; what else it has is not read.
    ///
    /// # Errors
    /// When the text is not the JSON of a contract.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        Ok(serde_json::from_str(text)?)
    }
}
