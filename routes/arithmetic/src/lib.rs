//! An operation on two numbers over HTTP. All operations differ only in their names and functions.

use arithmetic::Decimal;
use axum::Json;
use axum::routing::get;
use http_api::{Path, Problem};
use serde::Serialize;
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// The operation.
pub type Operation = fn(&Decimal, &Decimal) -> Decimal;

/// The two numbers of an operation, as path parameters.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code)] // Describes the parameters in the OpenAPI document; they are read as a pair.
pub struct Operands {
    /// First number: an integer or decimal of at most 9,999 digits.
    #[param(
        example = "0.1",
        min_length = 1,
        pattern = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
    )]
    a: String,
    /// Second number, like the first.
    #[param(
        example = "0.2",
        min_length = 1,
        pattern = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
    )]
    b: String,
}

/// Two numbers and the result of an operation, with all their digits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Calculation {
    /// First number.
    // From OpenAPI's registry of formats: unspecified precision and range.
    #[schema(value_type = f64, format = "decimal")]
    a: Number,
    /// Second number.
    // From OpenAPI's registry of formats: unspecified precision and range.
    #[schema(value_type = f64, format = "decimal")]
    b: Number,
    /// The exact result.
    // From OpenAPI's registry of formats: unspecified precision and range.
    #[schema(value_type = f64, format = "decimal")]
    result: Number,
}

impl Calculation {
    /// Reads both numbers and computes.
    ///
    /// # Errors
    /// `invalid-parameter`, naming the one that is not a number.
    pub fn answer(a: &str, b: &str, operation: Operation) -> Result<Json<Self>, Problem> {
        let operand = |name, text: &str| {
            text.parse::<Decimal>()
                .map_err(|error| Problem::parameter(name, error))
        };
        let (a, b) = (operand("a", a)?, operand("b", b)?);
        let result = operation(&a, &b);
        Ok(Json(Self {
            a: (&a).into(),
            b: (&b).into(),
            result: (&result).into(),
        }))
    }
}

/// The routes of an operation: `documented`, which is `{base}/{a}/{b}`, and the paths with an empty operand, which are
/// invalid numbers, not unknown paths.
#[must_use]
pub fn routes(base: &str, operation: Operation, documented: UtoipaMethodRouter) -> OpenApiRouter {
    let left = move |Path(a): Path<String>| async move { Calculation::answer(&a, "", operation) };
    let right = move |Path(b): Path<String>| async move { Calculation::answer("", &b, operation) };
    let neither = move || async move { Calculation::answer("", "", operation) };
    OpenApiRouter::new()
        .routes(documented)
        .route(&format!("{base}/{{a}}/"), get(left))
        .route(&format!("{base}//{{b}}"), get(right))
        .route(&format!("{base}//"), get(neither))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arithmetic::PATTERN;

    #[test]
    fn the_document_gives_the_pattern() {
        let parameters = Operands::into_params(|| None);
        assert_eq!(parameters.len(), 2);
        for parameter in parameters {
            let parameter = serde_json::to_value(parameter).expect("JSON");
            assert_eq!(parameter["schema"]["pattern"], PATTERN);
        }
    }
}
