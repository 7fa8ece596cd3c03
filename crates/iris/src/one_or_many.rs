use std::{fmt, marker::PhantomData};

use http_api::extract::Object;
use serde::de::{
    Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
};
use utoipa::ToSchema;

use crate::MAX_ROWS;

/// A JSON object, or an array of at most 10,000 objects. The answer has the form of the request.
// Deserialized by hand: serde's untagged enums buffer the input, and a number that has been through that buffer can
// no longer be read as f64 when serde_json's `arbitrary_precision` is on. It also lets the limit stop the reading.
#[derive(Clone, Debug, PartialEq, serde::Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// A single object.
    One(T),
    /// An array of objects.
    Many(Vec<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectOrArray(PhantomData))
    }
}

struct ObjectOrArray<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOrArray<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object or an array of at most {MAX_ROWS} objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Object(item)) = array.next_element()? {
            if items.len() == MAX_ROWS {
                return Err(A::Error::invalid_length(MAX_ROWS + 1, &self));
            }
            items.push(item);
        }
        Ok(OneOrMany::Many(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measurement;

    const FLOWER: &str =
        r#"{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}"#;

    fn parse(json: &str) -> Result<OneOrMany<Measurement>, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_beyond_all_bounds_is_valid_json_all_the_same() {
        for number in ["1e400", "-1e99999999999999999999"] {
            let text = FLOWER.replace("5.1", number);
            let parsed = http_api::extract::parse_json::<OneOrMany<Measurement>>(text.as_bytes());
            let problem = parsed.expect_err("out of range");
            assert_eq!(problem.code(), "invalid-body");
            assert!(
                problem.detail().starts_with("number out of range"),
                "{}",
                problem.detail()
            );
        }
    }

    #[test]
    fn reads_and_writes_both_forms() {
        let flower = Measurement::new([5.1, 3.5, 1.4, 0.2]).expect("valid");
        for (json, value) in [
            (FLOWER.to_owned(), OneOrMany::One(flower)),
            (
                format!("[{FLOWER},{FLOWER}]"),
                OneOrMany::Many(vec![flower, flower]),
            ),
            ("[]".to_owned(), OneOrMany::Many(vec![])),
        ] {
            assert_eq!(serde_json::to_string(&value).expect("serializes"), json);
            assert_eq!(parse(&json), Ok(value));
        }
    }

    #[test]
    fn refuses_what_is_neither() {
        for json in ["5.1", "\"5.1\"", "null", "[1]", "[[]]", "{}", "[", ""] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn stops_at_the_limit() {
        let array = |rows: usize| format!("[{}]", vec![FLOWER; rows].join(","));
        assert!(parse(&array(MAX_ROWS)).is_ok());
        let error = parse(&array(MAX_ROWS + 1)).expect_err("too many");
        assert!(error.contains("at most 10000 objects"), "{error}");
    }
}
