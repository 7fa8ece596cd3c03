//! What a request asks to factorise, and what to answer.

use factor::expression::Fault;
use factor::{ExpressionError, Number};
use http_api::Problem;
use http_api::problem::{CONFLICTING_FIELDS, INVALID_EXPRESSION, INVALID_TYPE, TOO_MANY_DIGITS};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::number;

/// The body of a request: what to factorise. The schema is that of [`FactorizeBody`].
#[derive(Debug, Deserialize)]
pub struct FactorizeRequest {
    #[serde(default, deserialize_with = "number::present")]
    number: Option<Value>,
    #[serde(default, deserialize_with = "number::present")]
    expression: Option<Value>,
}

impl FactorizeRequest {
    /// The number, checked.
    ///
    /// # Errors
    /// Each kind of error has its own problem type.
    pub fn number(self) -> Result<Number, Problem> {
        match (self.number, self.expression) {
            (number, None) => number::parse(number),
            (Some(_), Some(_)) => Err(Problem::new(
                CONFLICTING_FIELDS,
                "both 'number' and 'expression' were sent; send one of them",
            )),
            (None, Some(Value::String(text))) => evaluate(&text, "expression"),
            (None, Some(other)) => Err(Problem::new(
                INVALID_TYPE,
                format!(
                    "'expression' is {}, expected a string",
                    number::kind(&other)
                ),
            )),
        }
    }
}

/// The number to factorise, or an expression for it.
#[derive(ToSchema)]
#[schema(as = FactorizeRequest, example = json!({"number": 408_216}))]
#[serde(untagged)]
#[allow(dead_code)] // Describes the body in the OpenAPI document.
pub enum FactorizeBody {
    /// A number.
    #[schema(title = "FactorizeNumber")]
    Number {
        /// An integer from 2 to 200 digits, as a number or, for clients that lose precision above 2^53, as a
        /// string of decimal digits.
        #[schema(schema_with = number::schema, required = true)]
        number: (),
    },
    /// An expression.
    #[schema(title = "FactorizeExpression")]
    Expression {
        /// The integer as an expression: `+ - * ^`, `/` that leaves no remainder, `%` with the sign of its
        /// right side, `n!`, the primorial `n#`, `fib(n)`, parentheses. The result is from 2 to 200 digits,
        /// intermediate results have at most 4,096.
        #[schema(max_length = 1000, example = "2^128+1")]
        expression: String,
    },
}

/// The checked input of a factorisation.
#[derive(Debug, Serialize, Deserialize)]
pub struct FactorizeInput {
    /// In decimal digits, checked.
    pub(crate) number: String,
    pub(crate) options: Options,
}

impl FactorizeInput {
    /// Of a number that was checked, with an answer that has no details.
    #[must_use]
    pub fn of(number: &Number) -> Self {
        Self {
            number: number.to_string(),
            options: Options::default(),
        }
    }

    /// The number in decimal digits.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }
}

/// What to answer.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// Adds whether the number is prime, and functions of its divisors.
    #[serde(default)]
    #[param(required = false)]
    pub(crate) details: bool,
}

/// The value of an expression from the field or parameter `name`.
pub(crate) fn evaluate(text: &str, name: &str) -> Result<Number, Problem> {
    factor::evaluate(text).map_err(|error| match error {
        ExpressionError::Result(error) => number::out_of_range(name, error),
        ExpressionError::TooLong => {
            Problem::new(INVALID_EXPRESSION, format!("'{name}' is {error}"))
        }
        ExpressionError::At { column, fault } => {
            let kind = match fault {
                Fault::TooLarge => TOO_MANY_DIGITS,
                _ => INVALID_EXPRESSION,
            };
            Problem::new(kind, format!("'{name}', {error}")).with("column", column)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Result<String, Problem> {
        let request: FactorizeRequest = serde_json::from_str(json).expect("JSON");
        request.number().map(|number| number.to_string())
    }

    #[test]
    fn an_expression_takes_the_place_of_a_number() {
        let fermat = number(r#"{"expression": "2^128 + 1"}"#).expect("a number");
        assert_eq!(fermat, "340282366920938463463374607431768211457");
        assert_eq!(number(r#"{"number": 6}"#).expect("a number"), "6");
    }

    #[test]
    fn each_mistake_is_its_own_problem() {
        for (json, code, detail) in [
            ("{}", "missing-field", "'number'"),
            (
                r#"{"number": 6, "expression": "6"}"#,
                "conflicting-fields",
                "one of them",
            ),
            (
                r#"{"number": null, "expression": null}"#,
                "conflicting-fields",
                "one of them",
            ),
            (
                r#"{"expression": 6}"#,
                "invalid-type",
                "'expression' is a number",
            ),
            (
                r#"{"expression": null}"#,
                "invalid-type",
                "'expression' is null",
            ),
            (
                r#"{"expression": "7/2"}"#,
                "invalid-expression",
                "'expression', column 2: the division leaves a remainder",
            ),
            (
                r#"{"expression": "3-2"}"#,
                "number-too-small",
                "'expression' is below 2",
            ),
            (
                r#"{"expression": "10^200"}"#,
                "too-many-digits",
                "'expression' is longer than 200 digits",
            ),
            (
                r#"{"expression": "9^9^9^9"}"#,
                "too-many-digits",
                "column 4: the result has more than 4096 digits",
            ),
        ] {
            let problem = number(json).expect_err(json);
            assert_eq!(problem.code(), code, "{json}");
            assert!(problem.detail().contains(detail), "{}", problem.detail());
        }
        let long = format!(r#"{{"expression": "{}"}}"#, "1+".repeat(1000));
        let problem = number(&long).expect_err("too long");
        assert_eq!(problem.code(), "invalid-expression");
        assert_eq!(
            problem.detail(),
            "'expression' is longer than 1000 characters"
        );
        let problem = number(r#"{"expression": "2+"}"#).expect_err("no operand");
        assert_eq!(problem.member("column"), Some(&3.into()));
    }
}
