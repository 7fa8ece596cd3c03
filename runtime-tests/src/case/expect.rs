//! What is expected of an answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::expand;
use crate::http::Response;

/// The expected answer. Fields that are left out are not checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status code.
    pub status: u16,
    /// The code of a problem document.
    pub problem: Option<String>,
    /// The code of an error as OpenAI writes them.
    pub error: Option<String>,
    detail: Option<String>,
    json: Option<String>,
    json_near: Option<String>,
    json_contains: Option<String>,
    body_contains: Option<String>,
    body: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
    /// Whether each answer has another length than the one before.
    #[serde(default)]
    pub(super) changes: bool,
}

pub(super) fn complain(complaints: &mut Vec<String>, holds: bool, what: impl FnOnce() -> String) {
    if !holds {
        complaints.push(what());
    }
}

impl Expect {
    pub(super) fn compare(&self, response: &Response) -> Vec<String> {
        let mut wrong = Vec::new();
        let body = String::from_utf8_lossy(&response.body);
        let json: Value = serde_json::from_str(&body).unwrap_or_default();
        complain(&mut wrong, response.status == self.status, || {
            format!("status {}, expected {}", response.status, self.status)
        });
        if let Some(code) = &self.problem {
            complain(&mut wrong, json["code"] == **code, || {
                format!("problem {}, expected {code}", json["code"])
            });
        }
        if let Some(code) = &self.error {
            let found = &json["error"]["code"];
            complain(&mut wrong, found == &**code, || {
                format!("error {found}, expected {code}")
            });
        }
        if let Some(text) = &self.detail {
            let detail = json["detail"]
                .as_str()
                .or(json["error"]["message"].as_str());
            let detail = detail.unwrap_or_default();
            complain(&mut wrong, detail.contains(text), || {
                format!("the detail does not contain: {text}")
            });
        }
        if let Some(expected) = &self.json {
            let expected = parse(expected);
            complain(&mut wrong, json == expected, || {
                format!("the JSON is not {expected}")
            });
        }
        if let Some(expected) = &self.json_near {
            let expected = parse(expected);
            complain(&mut wrong, is_near(&json, &expected), || {
                format!("the JSON is not near {expected}")
            });
        }
        if let Some(expected) = &self.json_contains {
            let expected = parse(expected);
            complain(&mut wrong, contains(&json, &expected), || {
                format!("the JSON does not contain {expected}")
            });
        }
        if let Some(text) = &self.body_contains {
            complain(&mut wrong, body.contains(&expand(text)), || {
                format!("the body does not contain: {text}")
            });
        }
        if let Some(text) = &self.body {
            let expected = expand(text);
            complain(&mut wrong, body == expected, || {
                format!("the body is not: {expected}")
            });
        }
        for (name, expected) in &self.headers {
            let value = response.header(name);
            complain(&mut wrong, value == Some(expected), || {
                format!("header {name} is {value:?}, expected {expected:?}")
            });
        }
        for name in &self.absent {
            complain(&mut wrong, response.header(name).is_none(), || {
                format!("header {name} should not be there")
            });
        }
        wrong
    }
}

/// What holds for every answer of a component to a request for `target`; errors are problem documents, or have the
/// shape of OpenAI's.
pub(super) fn always(response: &Response, target: &str) -> Vec<String> {
    let like_openai = target.starts_with("/v1/");
    let mut wrong = Vec::new();
    let id = response.header("x-request-id").unwrap_or_default();
    complain(&mut wrong, !id.is_empty(), || "no x-request-id".to_owned());
    let sniff = response.header("x-content-type-options");
    complain(&mut wrong, sniff == Some("nosniff"), || {
        "no x-content-type-options: nosniff".to_owned()
    });
    // A chunked answer would cost the next request on its connection 40 ms on Spin.
    let length = response.header("content-length").is_some();
    let kind = response.header("content-type").unwrap_or_default();
    let streams = kind.starts_with("text/event-stream");
    complain(
        &mut wrong,
        length || streams || matches!(response.status, 204 | 304),
        || "no content-length".to_owned(),
    );
    let json: Option<Value> = serde_json::from_slice(&response.body).ok();
    complain(&mut wrong, !kind.contains("json") || json.is_some(), || {
        format!("{kind}, but no JSON")
    });
    if response.status >= 400 && like_openai {
        let error = &json.unwrap_or_default()["error"];
        complain(&mut wrong, kind == "application/json", || {
            format!("an error of type {kind}")
        });
        for member in ["message", "type", "code"] {
            let text = error[member].as_str().unwrap_or_default();
            complain(&mut wrong, !text.is_empty(), || {
                format!("the error has no {member}")
            });
        }
        complain(&mut wrong, error.get("param").is_some(), || {
            "the error has no param".to_owned()
        });
    } else if response.status >= 400 {
        let problem = json.unwrap_or_default();
        complain(&mut wrong, kind == "application/problem+json", || {
            format!("an error of type {kind}")
        });
        // The Open Inference Protocol has its own member.
        let its_own = target.starts_with("/v2").then_some("error");
        for member in ["type", "title", "detail", "code"]
            .into_iter()
            .chain(its_own)
        {
            let text = problem[member].as_str().unwrap_or_default();
            complain(&mut wrong, !text.is_empty(), || {
                format!("the problem has no {member}")
            });
        }
        complain(&mut wrong, problem["status"] == response.status, || {
            "the problem's status is not the answer's".to_owned()
        });
    }
    wrong
}

/// The parts of an answer that are the same for GET and HEAD.
pub(super) fn stable(response: &Response, changes: bool) -> (u16, Vec<&(String, String)>) {
    let varies =
        |name: &str| matches!(name, "date" | "x-request-id") || changes && name == "content-length";
    let headers = response.headers.iter();
    let mut headers: Vec<_> = headers.filter(|(name, _)| !varies(name)).collect();
    headers.sort();
    (response.status, headers)
}

fn parse(json: &str) -> Value {
    serde_json::from_str(&expand(json))
        .unwrap_or_else(|error| panic!("the case's JSON {json}: {error}"))
}

/// Whether two values differ in nothing but fractions, by less than a ten-thousandth.
fn is_near(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Number(value), Value::Number(expected)) => {
            if value.as_i64().is_some() && expected.as_i64().is_some() {
                return value == expected;
            }
            match (value.as_f64(), expected.as_f64()) {
                (Some(value), Some(expected)) => {
                    (value - expected).abs() <= 1e-4 * expected.abs().max(1.0)
                }
                _ => false,
            }
        }
        (Value::Array(values), Value::Array(expected)) => {
            let mut pairs = values.iter().zip(expected);
            values.len() == expected.len() && pairs.all(|(value, it)| is_near(value, it))
        }
        (Value::Object(members), Value::Object(expected)) => {
            let mut pairs = expected.iter();
            members.len() == expected.len()
                && pairs.all(|(name, it)| members.get(name).is_some_and(|value| is_near(value, it)))
        }
        _ => value == expected,
    }
}

/// Whether `value` has all that is in `part`: members of objects, items of arrays one for one.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| value.get(name).is_some_and(|value| contains(value, part))),
        (Value::Array(value), Value::Array(part)) => {
            value.len() == part.len()
                && value
                    .iter()
                    .zip(part)
                    .all(|(value, part)| contains(value, part))
        }
        _ => value == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_near_has_the_same_integers_and_texts() {
        let value = json!({"label": 1, "name": "a", "shares": [0.25, 1000.0]});
        let near = |expected| is_near(&value, &expected);
        assert!(near(
            json!({"label": 1, "name": "a", "shares": [0.25009, 1000.09]})
        ));
        for other in [
            json!({"label": 2, "name": "a", "shares": [0.25, 1000.0]}),
            json!({"label": 1, "name": "b", "shares": [0.25, 1000.0]}),
            json!({"label": 1, "name": "a", "shares": [0.2502, 1000.0]}),
            json!({"label": 1, "name": "a", "shares": [0.25]}),
            json!({"label": 1, "name": "a"}),
        ] {
            assert!(!near(other));
        }
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
}
