//! The HTTP side of a function, before one that does what it is told: `guests/calculator`.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use runtime_tests::Request;
use serde_json::json;

use crate::launch;

#[test]
fn arguments_come_by_query_and_by_body() {
    let app = launch("function").start();
    let answer = app.get("/calculator?do=add&numbers=1&numbers=2.5");
    let expected = json!({"do": "add", "numbers": [1, 2.5]});
    assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = app.send(&Request::post_json("/calculator", expected.to_string()));
    assert_eq!((answer.status, answer.json()), (200, expected));
    let head = app.send(&Request::new("HEAD", "/calculator?do=add"));
    assert_eq!((head.status, head.text()), (200, ""));
}

#[test]
fn what_the_contract_does_not_allow_never_reaches_the_function() {
    let app = launch("function").start();
    for (query, detail) in [
        ("", "parameter 'do' is missing"),
        (
            "?do=add&numbers=x",
            "parameter 'numbers' must be a number, not \"x\"",
        ),
        (
            "?do=add&numbers=-1",
            "parameter 'numbers' must be at least 0, not -1",
        ),
        ("?do=add&do=add", "parameter 'do' is there more than once"),
        (
            "?do=add&other=1",
            "parameter 'other' is not known: there are do, numbers",
        ),
    ] {
        let answer = app.get(&format!("/calculator{query}"));
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.problem(), "invalid-parameter");
        assert_eq!(answer.json()["detail"], detail);
    }
    for (body, status, code, pointer) in [
        (
            r#"{"do": "add", "numbers": [1, null]}"#,
            422,
            "invalid-body",
            json!("/numbers/1"),
        ),
        (r#"{"do": "jump"}"#, 422, "invalid-body", json!("/do")),
        ("[]", 422, "invalid-body", json!("")),
        ("{", 400, "invalid-json", json!(null)),
        (&" ".repeat(101), 413, "content-too-large", json!(null)),
    ] {
        let answer = app.send(&Request::post_json("/calculator", body));
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, code),
            "{body}"
        );
        assert_eq!(answer.json()["pointer"], pointer, "{body}");
    }
    let text = Request::new("POST", "/calculator").body("{}");
    assert_eq!(app.send(&text).problem(), "unsupported-media-type");
    assert!(
        !app.log_dir()
            .join("calculator-function_stderr.txt")
            .exists()
            || logged(&app).is_empty()
    );
}

#[test]
fn how_a_call_ended_is_told_to_the_client_or_to_the_log() {
    let app = launch("function").start();
    let refused = app.get("/calculator?do=refuse");
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (422, "invalid-input")
    );
    assert_eq!(refused.json()["detail"], "it will not");
    let failed = app.send(&Request::get("/calculator?do=fail").header("x-request-id", "abc-1"));
    assert_eq!(
        (failed.status, failed.problem().as_str()),
        (500, "internal-error")
    );
    assert!(!failed.text().contains("secret"));
    let log = logged(&app);
    let id = refused.header("x-request-id").unwrap();
    assert!(log.contains(&format!("[{id}] printed\n")), "{log}");
    assert!(
        log.ends_with(
            "[abc-1] printed\nrequest abc-1: POST /: internal-error: a secret\nof two lines\n"
        ),
        "{log}"
    );
}

#[test]
fn a_call_that_takes_too_long_is_ended() {
    let app = launch("function").start();
    for _ in 0..3 {
        let answer = app.get("/calculator?do=loop");
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (503, "time-limit-exceeded")
        );
        assert_eq!(
            answer.json()["detail"],
            "the function took longer than 0.5 s"
        );
    }
    // Otherwise it would take a core for ever.
    let _ = app.line(|line| line.contains("an instance ends: nobody waits for its answer"));
    assert_eq!(app.get("/calculator?do=add").status, 200);
}

#[test]
fn a_call_may_be_deferred() {
    let app = launch("function").start();
    let deferred = |target: &str| {
        Request::post_json(target, r#"{"do": "add"}"#).header("prefer", "respond-async")
    };
    let answer = app.send(&deferred("/calculator?webhook=https://other.example/"));
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "webhook-not-allowed")
    );
    let answer = app.send(&deferred("/calculator").header("idempotency-key", "é"));
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (422, "invalid-parameter")
    );
}

#[test]
fn a_call_asks_for_a_key_where_there_are_keys() {
    let key = "0123456789abcdef0123456789abcdef";
    let app = launch("function")
        .variable("api_keys", &format!("ada:{key}"))
        .start();
    let request = || Request::get("/calculator?do=add");
    assert_eq!(app.send(&request()).status, 401);
    let post = Request::post_json("/calculator", r#"{"do": "add"}"#);
    assert_eq!(app.send(&post).status, 401);
    let answer = app.send(&request().header("authorization", &format!("Bearer {key}")));
    assert_eq!(answer.status, 200);
}

#[test]
fn a_call_brings_the_time_and_a_seed() {
    let app = launch("function").start();
    let world = || {
        let answer = app.get("/calculator?do=world").json();
        [answer[0].as_u64().unwrap(), answer[1].as_u64().unwrap()]
    };
    let [seed, now] = world();
    assert_ne!(seed, world()[0]);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let since = u64::try_from(since.as_nanos()).unwrap();
    assert!(now <= since && since - now < 60_000_000_000);
}

#[test]
fn other_methods_and_origins_are_answered_as_everywhere() {
    let app = launch("function").start();
    let answer = app.send(&Request::new("PUT", "/calculator"));
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("GET,HEAD,POST"))
    );
    let request = Request::get("/calculator?do=add").header("origin", "https://a.example");
    let answer = app.send(&request);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://a.example")
    );
}

fn logged(app: &runtime_tests::Server) -> String {
    fs::read_to_string(app.log_dir().join("calculator-function_stderr.txt")).unwrap()
}
