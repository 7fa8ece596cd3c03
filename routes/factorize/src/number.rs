//! The field `number`. Each kind of error has its own problem type.

use arithmetic::{IntegerError, integer};
use factor::{Number, ParseNumberError};
use http_api::Problem;
use http_api::problem::{
    INVALID_NUMBER, INVALID_TYPE, MISSING_FIELD, NOT_AN_INTEGER, NUMBER_TOO_SMALL, TOO_MANY_DIGITS,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};

/// Distinguishes `null` from an absent field.
pub(crate) fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    let raw = Box::<RawValue>::deserialize(from)?;
    // As a `Value`, an object with serde_json's private key for numbers would be a number.
    if raw.get().starts_with('{') {
        return Ok(Some(Value::Object(Map::new())));
    }
    serde_json::from_str(raw.get())
        .map(Some)
        .map_err(D::Error::custom)
}

/// The number to factorise, from the field as it came.
pub(crate) fn parse(field: Option<Value>) -> Result<Number, Problem> {
    match field {
        None => Err(Problem::new(
            MISSING_FIELD,
            "the field 'number' is missing; send it, or 'expression'",
        )),
        Some(Value::Number(number)) => from_json_number(&number.to_string()),
        Some(Value::String(text)) => text.parse().map_err(|error| match error {
            ParseNumberError::NotAnInteger => Problem::new(
                INVALID_NUMBER,
                "'number' is not an integer in decimal digits such as \"408216\"",
            ),
            error => out_of_range("number", error),
        }),
        Some(other) => Err(Problem::new(
            INVALID_TYPE,
            format!(
                "'number' is {}, expected an integer as number or string",
                kind(&other)
            ),
        )),
    }
}

/// JSON may write the integer 1000 as `1000`, `1e3` or `1000.0`: all are accepted.
fn from_json_number(text: &str) -> Result<Number, Problem> {
    let plain = integer(text, factor::MAX_DIGITS).map_err(|error| match error {
        IntegerError::Fraction | IntegerError::NotANumber => Problem::new(
            NOT_AN_INTEGER,
            "'number' has a fraction, expected an integer",
        ),
        IntegerError::TooManyDigits if text.starts_with('-') => {
            out_of_range("number", ParseNumberError::BelowTwo)
        }
        IntegerError::TooManyDigits => out_of_range("number", ParseNumberError::TooManyDigits),
    })?;
    plain.parse().map_err(|error| out_of_range("number", error))
}

/// The problem of a field or parameter that is an integer out of range.
pub(crate) fn out_of_range(name: &str, error: ParseNumberError) -> Problem {
    let kind = match error {
        ParseNumberError::BelowTwo => NUMBER_TOO_SMALL,
        ParseNumberError::TooManyDigits => TOO_MANY_DIGITS,
        ParseNumberError::NotAnInteger => INVALID_NUMBER,
    };
    Problem::new(
        kind,
        format!("'{name}' is {error}, expected an integer from 2 to 200 digits"),
    )
}

pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
    }
}

/// The OpenAPI schema of the field.
pub(crate) fn schema() -> Schema {
    let integer = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(2))
        .build();
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^0*([2-9]|[1-9][0-9]+)$"))
        .max_length(Some(factor::MAX_DIGITS))
        .build();
    OneOfBuilder::new().item(integer).item(text).build().into()
}

/// The OpenAPI schema of a factorisation: pairs of a prime and its exponent.
#[must_use]
pub fn factorization_schema() -> Schema {
    let integer = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .build();
    let pair = ArrayBuilder::new()
        .items(integer)
        .min_items(Some(2))
        .max_items(Some(2));
    ArrayBuilder::new()
        .items(RefOr::T(Schema::Array(pair.build())))
        .min_items(Some(1))
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(field: Option<Value>) -> &'static str {
        parse(field).expect_err("refused").code()
    }

    fn number(json: &str) -> Option<Value> {
        // Through `Value`, or `null` would be an absent field.
        Some(serde_json::from_str::<Value>(json).expect("JSON"))
    }

    #[test]
    fn each_mistake_is_its_own_problem() {
        assert_eq!(code(None), "missing-field");
        for (json, expected) in [
            ("null", "invalid-type"),
            ("true", "invalid-type"),
            ("[6]", "invalid-type"),
            ("{}", "invalid-type"),
            ("2.5", "not-an-integer"),
            ("1e-3", "not-an-integer"),
            ("\"2.5\"", "invalid-number"),
            ("\"abc\"", "invalid-number"),
            ("\"\"", "invalid-number"),
            ("\"1e3\"", "invalid-number"),
            ("1", "number-too-small"),
            ("0", "number-too-small"),
            ("-0", "number-too-small"),
            ("-7", "number-too-small"),
            ("\"-7\"", "number-too-small"),
            ("1e-99999999999999999999", "not-an-integer"),
            ("0e99999999999999999999", "number-too-small"),
            ("1e200", "too-many-digits"),
            ("-1e200", "number-too-small"),
            ("1e9999999999", "too-many-digits"),
        ] {
            assert_eq!(code(number(json)), expected, "{json}");
        }
        assert_eq!(code(number(&"9".repeat(201))), "too-many-digits");
        assert_eq!(code(Some(json!("9".repeat(201)))), "too-many-digits");
        assert_eq!(code(number(&"9".repeat(20_000))), "too-many-digits");
    }

    #[test]
    fn integers_keep_all_digits_however_they_are_written() {
        for (json, expected) in [
            ("2", "2"),
            ("1e3", "1000"),
            ("1e0003", "1000"),
            ("1E+0003", "1000"),
            ("6.0", "6"),
            ("6000e-3", "6"),
            ("\"0042\"", "42"),
            (
                "340282366920938463463374607431768211457",
                "340282366920938463463374607431768211457",
            ),
        ] {
            assert_eq!(parse(number(json)).expect("a number").to_string(), expected);
        }
        let zeros = "0".repeat(20_000);
        let six = parse(number(&format!("6.{zeros}"))).expect("a number");
        assert_eq!(six.to_string(), "6");
        assert_eq!(code(number(&format!("6.{zeros}1"))), "not-an-integer");
    }
}
