//! Models of the user: ONNX graphs that `scripts/models` has prepared, run by tract.
//!
//! The prepared file has operators that tract knows, numbers in place of texts, and its contract in `metadata_props`.

mod contract;
mod costs;
mod coupling;
mod model;
mod tensor;

pub use contract::{Contract, ContractError};
pub use model::{Draft, LoadError, Model, RunError};
pub use tensor::{Elements, Tensor};
