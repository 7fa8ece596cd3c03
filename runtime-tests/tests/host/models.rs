//! The HTTP side of a model, before one whose answers are known: `guests/estimator`.

use runtime_tests::{Request, Server};
use serde_json::{Value, json};

use crate::launch;

fn post(app: &Server, path: &str, body: &Value) -> (u16, Value) {
    let answer = app.send(&Request::post_json(path, body.to_string()));
    (answer.status, answer.json())
}

#[test]
fn rows_come_by_query_one_by_one_and_in_arrays() {
    let app = launch("model").start();
    let expected = json!({
        "sum": 6.5,
        "length": 2,
        "shares": {"low": 6.5, "1": null},
        "pairs": [[6.5, 0.5]],
        "text": "ab",
    });
    let answer = app.get("/estimator?x=1&x=2&x=3.5&text=ab");
    assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    let row = json!({"x": [1, 2, 3.5], "text": "ab"});
    assert_eq!(post(&app, "/estimator", &row), (200, expected.clone()));
    let other = json!({"x": [0, 0, 0.1], "text": ""});
    let (status, answers) = post(&app, "/estimator", &json!([row, other]));
    assert_eq!((status, &answers[0]), (200, &expected));
    // The digits of a float32.
    assert_eq!(answers[1]["sum"].to_string(), "0.1");
    assert_eq!(post(&app, "/estimator", &json!([])), (200, json!([])));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let app = launch("model").start();
    for (body, pointer) in [
        (json!({"x": [1, 2], "text": ""}), "/x"),
        (json!({"x": [1, 2, "3"], "text": ""}), "/x/2"),
        (json!({"x": [1, 2, 3]}), "/text"),
        (json!({"x": [1, 2, 3], "text": "", "y": 1}), "/y"),
        (
            json!([{"x": [1, 2, 3], "text": ""}, {"x": [1, 2, 3], "text": 1}]),
            "/1/text",
        ),
        (json!(1), ""),
    ] {
        let (status, problem) = post(&app, "/estimator", &body);
        assert_eq!((status, &problem["code"]), (422, &json!("invalid-body")));
        assert_eq!(problem["pointer"], pointer, "{body}");
    }
    let answer = app.get("/estimator?x=1&x=2&x=3");
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (422, "invalid-parameter")
    );
    let text = Request::new("POST", "/estimator").body("{}");
    assert_eq!(app.send(&text).problem(), "unsupported-media-type");
    for (body, code) in [
        ("{", "invalid-json"),
        (&*" ".repeat(1001), "content-too-large"),
    ] {
        assert_eq!(
            app.send(&Request::post_json("/estimator", body)).problem(),
            code
        );
    }
    let failed = app.get("/estimator?x=1&x=2&x=3&text=fail");
    assert_eq!(
        (failed.status, failed.problem().as_str()),
        (500, "internal-error")
    );
    assert!(!failed.text().contains("secret"));
}

#[test]
fn a_table_has_a_column_for_each_element() {
    let app = launch("model").start();
    let send = |text: &str| {
        let request =
            Request::new("POST", "/estimator").header("content-type", "text/csv; charset=utf-8");
        app.send(&request.body(text))
    };
    let answer = send("text,x[0],x[1],x[2]\nab,1,2,3.5\n\"c, d\",0,0,0\n");
    let answers = answer.json();
    assert_eq!(
        (answer.status, &answers[0]["sum"], &answers[1]["text"]),
        (200, &json!(6.5), &json!("c, d"))
    );
    for (text, detail) in [
        ("1,2,x,ab\n", "line 1: 'x/2' must be a number, not \"x\""),
        ("1,2,3,a\n\n1,2,3\n", "line 3 has 3 columns, not 4"),
        ("a,b,c,d\n1,2,3,a\n", "the header has no column 'x[0]'"),
    ] {
        let refused = send(text);
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (422, "invalid-csv")
        );
        assert_eq!(refused.json()["detail"], detail);
    }
}

#[test]
fn a_model_asks_for_a_key_where_there_are_keys() {
    let key = "0123456789abcdef0123456789abcdef";
    let app = launch("model")
        .variable("api_keys", &format!("ada:{key}"))
        .start();
    let row = || Request::get("/estimator?x=1&x=2&x=3&text=a");
    assert_eq!(app.send(&row()).status, 401);
    assert_eq!(app.get("/v2/models/estimator").status, 401);
    let infer = Request::post_json("/v2/models/estimator/versions/1/infer", "{}");
    assert_eq!(app.send(&infer).status, 401);
    // Probes have no key.
    assert_eq!(app.get("/v2/models/estimator/ready").status, 200);
    let answer = app.send(&row().header("authorization", &format!("Bearer {key}")));
    assert_eq!(answer.status, 200);
}

#[test]
fn rows_may_be_deferred_and_are_checked_first() {
    let app = launch("model").start();
    let deferred = |target: &str, body: &str| {
        let request = Request::post_json(target, body).header("prefer", "respond-async");
        let answer = app.send(&request);
        (answer.status, answer.problem())
    };
    let row = r#"{"x": [1, 2, 3], "text": ""}"#;
    for (target, body, status, code) in [
        (
            "/estimator?webhook=https://other.example/",
            row,
            403,
            "webhook-not-allowed",
        ),
        (
            "/estimator",
            r#"{"x": [1, 2], "text": ""}"#,
            422,
            "invalid-body",
        ),
        ("/estimator", "{", 400, "invalid-json"),
    ] {
        assert_eq!(deferred(target, body), (status, code.to_owned()), "{body}");
    }
}

#[test]
fn jobs_come_from_other_components_only() {
    let key = "0123456789abcdef0123456789abcdef";
    let app = launch("model")
        .variable("api_keys", &format!("ada:{key}"))
        .start();
    let row = r#"{"x":[1,2,3],"text":"a"}"#;
    assert_eq!(app.send(&Request::post_json("/", row)).status, 404);
    let send = |path: &str| {
        let json = row
            .replace('"', "%22")
            .replace('{', "%7B")
            .replace('}', "%7D");
        let url = format!("http://estimator.spin.internal{path}");
        app.get(&format!("/other?do=post&url={url}&json={json}"))
            .json()
    };
    let answer = send("/");
    assert_eq!(answer["status"], 200, "{answer}");
    let found: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(found["sum"], 6.0);
    // The paths that have triggers ask for a key there, too.
    assert_eq!(send("/estimator")["status"], 401);
}

#[test]
fn tensors_come_by_the_inference_protocol() {
    let app = launch("model").start();
    let metadata = app.get("/v2/models/estimator").json();
    assert_eq!(
        metadata["inputs"][0],
        json!({"name": "x", "datatype": "FP32", "shape": [-1, 3]})
    );
    let ready = app.get("/v2/models/estimator/versions/1/ready").json();
    assert_eq!(ready, json!({"name": "estimator", "ready": true}));
    let request = |x: Value| {
        json!({
            "id": "7",
            "inputs": [
                {"name": "text", "shape": [2, 1], "datatype": "BYTES", "data": ["a", "b"]},
                {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": x},
            ],
            "outputs": [{"name": "length"}, {"name": "sum"}],
        })
    };
    let path = "/v2/models/estimator/infer";
    for data in [json!([1, 2, 3, 4, 5, 6]), json!([[1, 2, 3], [4, 5, 6]])] {
        let expected = json!({
            "model_name": "estimator",
            "model_version": "1",
            "id": "7",
            "outputs": [
                {"name": "length", "shape": [2, 1], "datatype": "INT64", "data": [1, 1]},
                {"name": "sum", "shape": [2], "datatype": "FP32", "data": [6.0, 15.0]},
            ],
        });
        assert_eq!(post(&app, path, &request(data)), (200, expected));
    }
    let mut without = request(json!([]));
    without["inputs"] = json!([]);
    let mut other = request(json!([1, 2, 3, 4, 5, 6]));
    other["outputs"][0]["name"] = json!("other");
    for (body, detail) in [
        (
            request(json!([1, 2, 3])),
            "input 'x': the data must have 6 elements",
        ),
        (
            request(json!([1, 2, 3, 4, 5, "6"])),
            "input 'x': the data must be of the datatype \"FP32\"",
        ),
        (
            request(json!([[1, 2], [3, 4], [5, 6]])),
            "input 'x': the data must have 6 elements",
        ),
        (without, "there must be one input 'x'"),
        (other, "the model has no output 'other'"),
    ] {
        let (status, problem) = post(&app, path, &body);
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("invalid-tensor")),
            "{problem}"
        );
        assert_eq!(
            (&problem["detail"], &problem["error"]),
            (&json!(detail), &json!(detail))
        );
    }
}
