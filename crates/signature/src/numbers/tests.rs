use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn schema(members: &Value) -> Schema {
    let names: Vec<_> = members.as_object().unwrap().keys().collect();
    let row = json!({
        "type": "object",
        "properties": members,
        "required": names,
        "additionalProperties": false,
    });
    Schema::read(&row).unwrap()
}

fn matrix() -> Schema {
    let row = json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2});
    schema(
        &json!({"m": {"type": "array", "items": row}, "n": {"type": "integer", "minimum": 0, "maximum": 255}}),
    )
}

fn reader(first: NumberType) -> RowReader {
    RowReader::new(&matrix(), [("m", first), ("n", NumberType::Integer)]).unwrap()
}

fn read(text: &str) -> Option<Rows> {
    reader(NumberType::Double).read(text.as_bytes(), 3)
}

#[test]
fn a_row_and_many_are_read() {
    let found = read(r#" {"m": [[1, 2.5], [-3e2, -0.0], [0.1, 1e-7]], "n": 7} "#).unwrap();
    assert_eq!((found.are_listed, found.count), (false, 1));
    let [m, n] = found.columns.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(m.lengths, [3, 2]);
    let numbers = vec![1.0, 2.5, -300.0, -0.0, 0.1, 1e-7];
    assert_eq!(m.numbers, Numbers::Doubles(numbers));
    assert!(n.lengths.is_empty());
    assert_eq!(n.numbers, Numbers::Integers(vec![7]));
    let rows = r#"[{"n": 0, "m": [[1, 2]]}, {"m": [[3, 4]], "n": 255}]"#;
    let found = read(rows).unwrap();
    assert_eq!((found.are_listed, found.count), (true, 2));
    assert_eq!(found.columns[0].lengths, [1, 2]);
    assert_eq!(found.columns[1].numbers, Numbers::Integers(vec![0, 255]));
    let found = reader(NumberType::Float).read(rows.as_bytes(), 2).unwrap();
    let numbers = Numbers::Floats(vec![1.0, 2.0, 3.0, 4.0]);
    assert_eq!(found.columns[0].numbers, numbers);
}

#[test]
fn what_is_not_such_rows_is_left_to_the_schema() {
    for text in [
        "",
        "[]",
        "7",
        r#"{"m": [[1, 2]]}"#,
        r#"{"m": [[1, 2]], "n": 7, "o": 1}"#,
        r#"{"m": [[1, 2]], "n": 7, "n": 7}"#,
        r#"{"m": [[1, 2]], "n": 7} 1"#,
        r#"{"m": [[1, 2]], "n": 256}"#,
        r#"{"m": [[1, 2]], "n": 1.0}"#,
        r#"{"m": [[1, 2]], "n": null}"#,
        r#"{"m": [[1, 2, 3]], "n": 7}"#,
        r#"{"m": [[1, 2], [3]], "n": 7}"#,
        r#"{"m": [1, 2], "n": 7}"#,
        r#"{"m": [], "n": 7}"#,
        r#"{"m": [["1", 2]], "n": 7}"#,
        r#"{"m": [[1e999, 2]], "n": 7}"#,
        r#"{"m": [[NaN, 2]], "n": 7}"#,
        r#"[{"m": [[1, 2]], "n": 7}, {"m": [[1, 2], [3, 4]], "n": 7}]"#,
        r#"[{"m": [[1, 2]], "n": 7}, {"m": [[1, 2]]}]"#,
        r#"[[[1, 2]], 7]"#,
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    let four = [r#"{"m": [[1, 2]], "n": 7}"#; 4].join(",");
    assert_eq!(read(&format!("[{four}]")), None);
}

#[test]
fn only_schemas_of_numbers_have_a_reader() {
    for member in [
        json!({"type": "string"}),
        json!({"type": ["number", "null"]}),
        json!({"type": "number", "minimum": 0}),
        json!({"type": "number", "enum": [1, 2]}),
        json!({"type": "array", "items": {"type": "boolean"}}),
        json!({"type": "array"}),
        json!({"type": "integer"}),
        json!({}),
    ] {
        let schema = schema(&json!({"x": member}));
        assert!(
            RowReader::new(&schema, [("x", NumberType::Float)]).is_none(),
            "{member}"
        );
    }
    assert!(RowReader::new(&matrix(), [("n", NumberType::Integer)]).is_none());
    assert!(RowReader::new(&matrix(), [("x", NumberType::Float)]).is_none());
}

proptest! {
    /// What is read is valid by the schema, and has the numbers that a value of JSON has.
    #[test]
    fn numbers_are_those_of_a_value(
        text in r#"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?"#,
    ) {
        let text = format!(r#"{{"m": [[{text}, 1]], "n": 7}}"#);
        let value: Value = serde_json::from_str(&text).unwrap();
        let expected = value["m"][0][0].as_f64();
        prop_assert_eq!(matrix().check(&value).is_ok(), expected.is_some());
        let doubles = reader(NumberType::Double).read(text.as_bytes(), 1);
        let floats = reader(NumberType::Float).read(text.as_bytes(), 1);
        prop_assert_eq!(floats.is_some(), doubles.is_some());
        let (Some(doubles), Some(floats)) = (doubles, floats) else {
            // Of a number that no double can hold, serde_json says that it cannot be read.
            prop_assert!(expected.is_none());
            return Ok(());
        };
        let expected = expected.unwrap();
        let [Numbers::Doubles(doubles), Numbers::Floats(floats)] =
            [&doubles.columns[0].numbers, &floats.columns[0].numbers]
        else {
            panic!("other types")
        };
        prop_assert_eq!(doubles[0].to_bits(), expected.to_bits());
        prop_assert_eq!(floats[0].to_bits(), (expected as f32).to_bits());
    }
}
