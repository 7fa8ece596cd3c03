//! Arguments that contracts take and refuse.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use signature::{Contract, ContractError, Schema};

/// The contract of a function with these parameters, of which the first is required.
fn contract(properties: &Value) -> Contract {
    let required: Vec<_> = properties.as_object().unwrap().keys().take(1).collect();
    let contract = json!({
        "route": "f",
        "arguments": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        },
    });
    Contract::parse(&contract.to_string()).unwrap()
}

fn schema(text: &str) -> Schema {
    Schema::read(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn values_are_what_their_schema_says() {
    for (text, good, bad) in [
        (
            r#"{"type": "integer"}"#,
            "[0, -7, 1.0, 1e3, 123456789012345678901234567890]",
            r#"[1.5, "1", true, null, [1]]"#,
        ),
        (
            r#"{"type": "number"}"#,
            "[0, 1.5, -1e300]",
            r#"["1", false, null, 1e400, -1e999]"#,
        ),
        (r#"{"type": "string"}"#, r#"["", "a"]"#, "[1, null]"),
        (r#"{"type": "boolean"}"#, "[true, false]", r#"[0, "true"]"#),
        (r#"{"type": ["number", "null"]}"#, "[null, 2]", r#"["x"]"#),
        (
            r#"{"type": "string", "enum": ["a", "b"]}"#,
            r#"["a", "b"]"#,
            r#"["c", 1, null]"#,
        ),
        (
            r#"{"type": "integer", "minimum": 1, "maximum": 3}"#,
            "[1, 3]",
            "[0, 4, -1]",
        ),
        (
            r#"{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1.5}"#,
            "[0.1, 1.4]",
            "[0, 1.5, -0.0]",
        ),
        (
            r#"{"type": "number", "minimum": 0}"#,
            "[0, -0.0]",
            "[-1e-9]",
        ),
        (
            r#"{"type": "integer", "maximum": 9007199254740993}"#,
            "[9007199254740993]",
            "[9007199254740994, 1e17]",
        ),
        (
            r#"{"type": "string", "minLength": 1, "maxLength": 2}"#,
            r#"["é", "éé"]"#,
            r#"["", "ééé"]"#,
        ),
        (
            r#"{"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}"#,
            "[[1], [1, 2]]",
            r#"[[], [1, 2, 3], ["x"], 1]"#,
        ),
        (
            r#"{"type": "object", "additionalProperties": {"type": "integer"}}"#,
            r#"[{}, {"a": 1}]"#,
            r#"[{"a": "x"}, []]"#,
        ),
        (
            r#"{"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"], "additionalProperties": false}"#,
            r#"[{"a": 1}, {"a": 1, "b": null}]"#,
            r#"[{}, {"b": 1}, {"a": "x"}, {"a": 1, "c": 1}]"#,
        ),
        (
            "{}",
            r#"[1, "a", null, [{"a": 1}]]"#,
            r#"[1e400, [1e400], {"a": [1e400]}]"#,
        ),
    ] {
        let schema = schema(text);
        let values = |list: &str| serde_json::from_str::<Vec<Value>>(list).unwrap();
        for value in values(good) {
            assert_eq!(schema.check(&value), Ok(()), "{text}: {value}");
        }
        for value in values(bad) {
            assert!(schema.check(&value).is_err(), "{text}: {value}");
        }
    }
}

#[test]
fn a_refusal_names_the_place_and_what_was_expected() {
    let contract = contract(&json!({
        "a/b": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "number", "minimum": 2}}, "required": ["x"]}},
        "c": {"type": "string", "enum": ["red", "green"]},
        "d": {"type": ["integer", "null"]},
    }));
    for (arguments, pointer, message) in [
        (json!([]), "", "the body must be an object, not an array"),
        (json!({}), "/a~1b", "'a/b' is missing"),
        (json!({"a/b": 1}), "/a~1b", "'a/b' must be an array, not 1"),
        (
            json!({"a/b": [{"x": 2}, {}]}),
            "/a~1b/1/x",
            "'a/b/1/x' is missing",
        ),
        (
            json!({"a/b": [{"x": 1}]}),
            "/a~1b/0/x",
            "'a/b/0/x' must be at least 2, not 1",
        ),
        (
            json!({"a/b": [], "c": "blue"}),
            "/c",
            "'c' must be one of \"red\", \"green\", not \"blue\"",
        ),
        (
            json!({"a/b": [], "d": "x"}),
            "/d",
            "'d' must be an integer or null, not \"x\"",
        ),
        (
            json!({"a/b": [], "e": 1}),
            "/e",
            "'e' is not known: there are a/b, c, d",
        ),
    ] {
        let refusal = contract.check(&arguments).unwrap_err();
        assert_eq!(
            (refusal.pointer().as_str(), refusal.to_string().as_str()),
            (pointer, message)
        );
    }
    let long = contract.check(&json!("x".repeat(1000))).unwrap_err();
    assert!(long.to_string().len() < 100);
}

#[test]
fn queries_are_read_by_the_types_of_their_parameters() {
    let contract = contract(&json!({
        "weight": {"type": "number"},
        "count": {"type": "integer"},
        "name": {"type": "string"},
        "flag": {"type": "boolean"},
        "maybe": {"type": ["integer", "null"]},
        "either": {"type": ["integer", "string"]},
        "level": {"type": "integer", "enum": [1, 2]},
        "tags": {"type": "array", "items": {"type": "string"}},
    }));
    let read = |query: &str| {
        contract
            .read_query(&format!("count=1&{query}"))
            .map(Value::Object)
    };
    for (query, expected) in [
        ("weight=70", json!({"weight": 70})),
        (
            "weight=-1.5e3",
            serde_json::from_str(r#"{"weight": -1.5e3}"#).unwrap(),
        ),
        ("name=70", json!({"name": "70"})),
        ("name=a+b%20c%C3%A9", json!({"name": "a b cé"})),
        ("name=", json!({"name": ""})),
        ("flag=true", json!({"flag": true})),
        ("flag=0", json!({"flag": false})),
        ("maybe=", json!({"maybe": null})),
        ("maybe=3", json!({"maybe": 3})),
        ("either=3", json!({"either": 3})),
        ("either=x", json!({"either": "x"})),
        ("level=2", json!({"level": 2})),
        ("tags=a&tags=2", json!({"tags": ["a", "2"]})),
    ] {
        let mut expected = expected;
        expected["count"] = json!(1);
        assert_eq!(read(query), Ok(expected), "{query}");
    }
    for (query, argument, reason) in [
        ("weight=heavy", "weight", "must be a number, not \"heavy\""),
        ("weight=", "weight", "must be a number, not \"\""),
        ("weight=inf", "weight", "must be a number, not \"inf\""),
        (
            "weight=1e999",
            "weight",
            "must be a number that a float can hold, not 1e+999",
        ),
        ("count=2", "count", "is there more than once"),
        ("flag=yes", "flag", "must be true or false, not \"yes\""),
        ("level=3", "level", "must be one of 1, 2, not 3"),
        (
            "other=1",
            "other",
            "is not known: there are count, either, flag, level, maybe, name, tags, weight",
        ),
    ] {
        let refusal = read(query).unwrap_err();
        assert_eq!(
            (refusal.argument(), refusal.reason()),
            (Some(argument), reason),
            "{query}"
        );
    }
    assert_eq!(
        contract.read_query("").unwrap_err().to_string(),
        "'count' is missing"
    );
}

#[test]
fn a_query_holds_scalars_and_lists_of_them() {
    let fits = |schema: Value| contract(&json!({"a": schema})).fits_a_query();
    assert!(fits(json!({"type": ["integer", "null"]})));
    assert!(fits(json!({"type": "array", "items": {"type": "string"}})));
    for schema in [
        json!({}),
        json!({"type": "array"}),
        json!({"type": "object"}),
        json!({"type": "array", "items": {"type": "object"}}),
    ] {
        assert!(!fits(schema.clone()), "{schema}");
    }
    assert!(contract(&json!({})).fits_a_query());
}

#[test]
fn contracts_that_are_broken_are_refused() {
    let parse = |text: &str| Contract::parse(text).map(|_| ());
    assert!(matches!(parse("{"), Err(ContractError::NotJson(_))));
    assert!(matches!(parse("{}"), Err(ContractError::Member("route"))));
    assert!(matches!(
        parse(r#"{"route": "f"}"#),
        Err(ContractError::Member("arguments"))
    ));
    for arguments in [
        r#"{"type": "text"}"#,
        r#"{"minimum": "1"}"#,
        r#"{"minLength": -1}"#,
        r#"{"enum": 1}"#,
        r#"{"properties": {"a": {"type": 1}}}"#,
        r#"{"required": [1]}"#,
    ] {
        let text = format!(r#"{{"route": "f", "arguments": {arguments}}}"#);
        assert!(
            matches!(parse(&text), Err(ContractError::Keyword(_))),
            "{arguments}"
        );
    }
}

/// A schema and a value that is valid by it.
fn valid() -> impl Strategy<Value = (Value, Value)> {
    let leaf = prop_oneof![
        Just((json!({"type": "null"}), Value::Null)),
        any::<bool>().prop_map(|it| (json!({"type": "boolean"}), json!(it))),
        any::<i64>().prop_map(|it| (json!({"type": "integer", "minimum": it}), json!(it))),
        (-1e9..1e9).prop_map(|it: f64| (json!({"type": "number", "maximum": it}), json!(it))),
        "\\PC{0,8}".prop_map(|it| (
            json!({"type": "string", "maxLength": it.chars().count()}),
            json!(it)
        )),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0_usize..4).prop_map(|((schema, value), count)| (
                json!({"type": "array", "items": schema, "minItems": count}),
                json!(vec![value; count])
            )),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..4).prop_map(|members| {
                let (mut properties, mut values) = (Map::new(), Map::new());
                for (name, (schema, value)) in members {
                    properties.insert(name.clone(), schema);
                    values.insert(name, value);
                }
                let required: Vec<_> = properties.keys().cloned().collect();
                (
                    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}),
                    Value::Object(values),
                )
            }),
        ]
    })
}

/// Replaces the part at `at` of the parts of a value, counted from the outside in.
fn replace(value: &mut Value, at: &mut usize, with: &Value) -> bool {
    if *at == 0 {
        *value = with.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, at, with)),
        Value::Object(members) => members.values_mut().any(|member| replace(member, at, with)),
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_valid_value_is_taken_and_one_with_a_wrong_part_is_not((schema, value) in valid(), at in 0_usize..12) {
        let read = Schema::read(&schema).unwrap();
        prop_assert_eq!(read.check(&value), Ok(()));
        let mut wrong = value.clone();
        if replace(&mut wrong, &mut at.clone(), &json!("too long a text")) {
            let refusal = read.check(&wrong).unwrap_err();
            prop_assert_eq!(wrong.pointer(&refusal.pointer()), Some(&json!("too long a text")));
        }
    }

    #[test]
    fn any_query_is_read_without_a_panic(query in "\\PC{0,60}|([ab](=[0-9a-z%.]{0,4})?&){0,4}") {
        let contract = contract(&json!({"a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "number"}}}));
        let _ = contract.read_query(&query);
    }

    #[test]
    fn an_integer_comes_through_a_query(number in any::<i64>()) {
        let contract = contract(&json!({"a": {"type": "integer"}}));
        let read = contract.read_query(&format!("a={number}")).unwrap();
        prop_assert_eq!(&read["a"], &json!(number));
    }
}
