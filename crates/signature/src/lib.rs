//! What a function takes: arguments from JSON and from query strings, checked by its contract.
//!
//! The contract is derived from the function's signature when it is built. Its schemas are a subset of JSON Schema
//! (2020-12): `type`, `enum`, bounds of numbers and lengths, `items`, `properties`, `required`, `additionalProperties`.

mod numbers;
mod query;
mod refusal;
mod schema;

use serde_json::{Map, Value};

pub use numbers::{Column, NumberType, Numbers, RowReader, Rows};
pub use refusal::Refusal;
pub use schema::Schema;

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// It is not JSON.
    #[error("the contract is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A member is missing or has another type.
    #[error("the contract has no usable member '{0}'")]
    Member(&'static str),
    /// A schema has a keyword whose value is not understood.
    #[error("a schema has a '{0}' that is not understood")]
    Keyword(&'static str),
}

/// The contract of a function.
#[derive(Clone, Debug)]
pub struct Contract {
    route: String,
    arguments: Schema,
}

impl Contract {
    /// Reads a contract: an object with `route` and `arguments`, the schema of an object.
    ///
    /// # Errors
    /// When it is not such an object.
    pub fn parse(text: &str) -> Result<Self, ContractError> {
        let document: Value = serde_json::from_str(text)?;
        let route = document["route"]
            .as_str()
            .ok_or(ContractError::Member("route"))?;
        if !document["arguments"].is_object() {
            return Err(ContractError::Member("arguments"));
        }
        Ok(Self {
            route: route.to_owned(),
            arguments: Schema::read(&document["arguments"])?,
        })
    }

    /// The name of the route, a segment of a path.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Whether a query string can hold the arguments: each is a scalar or a list of scalars.
    #[must_use]
    pub fn fits_a_query(&self) -> bool {
        self.arguments.fits_a_query()
    }

    /// Checks the arguments in a JSON value.
    ///
    /// # Errors
    /// Names the first part of the value that the function does not take.
    pub fn check(&self, arguments: &Value) -> Result<(), Refusal> {
        self.arguments.check(arguments)
    }

    /// See [`read_query`].
    ///
    /// # Errors
    /// Names the first parameter that the function does not take.
    pub fn read_query(&self, query: &str) -> Result<Map<String, Value>, Refusal> {
        read_query(&self.arguments, query)
    }
}

/// The members of an object in a query string, each read as the type that it has in the object's schema.
///
/// # Errors
/// Names the first parameter that the schema does not allow.
pub fn read_query(object: &Schema, query: &str) -> Result<Map<String, Value>, Refusal> {
    query::read(object, query)
}
