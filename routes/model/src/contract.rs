//! What the model says of itself.

use model_contract::{Datatype, Port, Ports};
use serde::Deserialize;
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
        let types = contract.model.inputs.iter().map(number_type);
        contract.reader = types
            .collect::<Option<Vec<_>>>()
            .and_then(|types| RowReader::new(&contract.row, types));
        Ok(contract)
    }
}

/// The name of an input, and what its numbers are read as; none where it has other elements.
fn number_type(port: &Port) -> Option<(&str, NumberType)> {
    let kind = match port.datatype {
        Datatype::Bool | Datatype::Bytes => return None,
        Datatype::Fp16 | Datatype::Fp32 => NumberType::Float,
        Datatype::Fp64 => NumberType::Double,
        _ => NumberType::Integer,
    };
    Some((&port.name, kind))
}
