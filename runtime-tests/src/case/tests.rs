use super::*;
use serde_json::json;

#[test]
fn repeats_are_written_out() {
    assert_eq!(expand("a{{xy*3}}b{{-*2}}"), "axyxyxyb--");
    assert_eq!(expand("{}"), "{}");
}

#[test]
fn a_part_is_contained() {
    let value = json!({"a": [1, {"b": 2, "c": 3}], "d": 4});
    assert!(contains(&value, &json!({"a": [1, {"c": 3}]})));
    for part in [
        json!({"a": [1]}),
        json!({"a": [1, {"c": 4}]}),
        json!({"e": null}),
    ] {
        assert!(!contains(&value, &part), "{part}");
    }
}

#[test]
fn numbers_are_compared_with_all_their_digits() {
    let (a, b) = (parse("0.30000000000000001"), parse("0.3"));
    assert_ne!(a, b);
}

#[test]
fn every_difference_is_told() {
    let expect: Expect = toml::from_str(
        r#"
        status = 422
        problem = "invalid-parameter"
        detail = "'a'"
        json_contains = '{"parameter": "a"}'
        headers = { allow = "GET" }
        absent = ["x-secret"]
        "#,
    )
    .unwrap();
    let right = Response {
        status: 422,
        headers: vec![("allow".into(), "GET".into())],
        body: json!({"code": "invalid-parameter", "detail": "parameter 'a'", "parameter": "a"})
            .to_string()
            .into(),
    };
    assert_eq!(expect.compare(&right), Vec::<String>::new());
    let wrong = Response {
        status: 200,
        headers: vec![("x-secret".into(), "1".into())],
        body: Vec::new(),
    };
    assert_eq!(expect.compare(&wrong).len(), 6);
}
