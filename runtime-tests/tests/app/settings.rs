//! The variables of the application.

use runtime_tests::{Launch, Request, Response, Server, app, application};
use serde_json::json;

use crate::HARD;

fn with(variable: &str, value: &str) -> Server {
    Launch::new(&application())
        .variable(variable, value)
        .start()
}

#[test]
fn max_body_bytes() {
    let app = with("max_body_bytes", "13");
    let ask = |body: &str| app.send(&Request::post_json("/factorize", body)).status;
    assert_eq!(ask(r#"{"number": 6}"#), 200);
    assert_eq!(ask(r#"{"number": 60}"#), 413);
}

#[test]
fn factorize_time_limit() {
    let app = with("factorize_time_limit", "0.5");
    let answer = app.send(&Request::post_json(
        "/factorize",
        format!(r#"{{"number": "{HARD}"}}"#),
    ));
    assert_eq!(answer.problem(), "time-limit-exceeded");
    assert_eq!(answer.status, 503);
    let detail = answer.json()["detail"].to_string();
    assert!(detail.contains("0.5 s"), "{detail}");
    assert_eq!(answer.json()["remaining"], json!([HARD]));
    // What is not known cannot be kept by caches.
    let answer = app.send(&Request::get(&format!("/factorize/{HARD}")));
    assert_eq!(answer.problem(), "time-limit-exceeded");
    assert_eq!(answer.header("cache-control"), None);
    assert_eq!(answer.header("etag"), None);
    // Easy numbers are answered as before.
    let easy = app.send(&Request::post_json("/factorize", r#"{"number": 408216}"#));
    assert_eq!(easy.status, 200);
}

#[test]
fn settings_come_from_the_environment_too() {
    let app = Launch::new(&application())
        .env("SPIN_VARIABLE_MAX_BODY_BYTES", "13")
        .start();
    let answer = app.send(&Request::post_json("/factorize", r#"{"number": 60}"#));
    assert_eq!(answer.problem(), "content-too-large");
}

/// Every header by which a server opens itself to other origins.
fn cross_origin(answer: &Response) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

fn preflight(path: &str, origin: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
}

#[test]
fn no_origin_is_allowed_by_default() {
    let app = app();
    let asked = app.send(&Request::get("/ping").header("origin", "https://example.com"));
    assert_eq!((asked.status, cross_origin(&asked)), (200, vec![]));
    let asked = app.send(&preflight("/factorize", "https://example.com"));
    assert_eq!((asked.status, cross_origin(&asked)), (204, vec![]));
}

#[test]
fn listed_origins_are_allowed() {
    let app = with(
        "cors_allowed_origins",
        "https://one.example, https://two.example",
    );
    for path in ["/ping", "/sum/1/2", "/nowhere", "/sum/a/b"] {
        for origin in ["https://one.example", "https://two.example"] {
            let answer = app.send(&Request::get(path).header("origin", origin));
            assert_eq!(
                answer.header("access-control-allow-origin"),
                Some(origin),
                "{path}"
            );
            let exposed = answer.header("access-control-expose-headers").unwrap();
            for name in ["x-request-id", "audio-warnings"] {
                assert!(exposed.contains(name), "{exposed}");
            }
        }
        for origin in [
            "https://three.example",
            "https://one.example.evil.example",
            "null",
        ] {
            let answer = app.send(&Request::get(path).header("origin", origin));
            assert_eq!(
                answer.header("access-control-allow-origin"),
                None,
                "{path} {origin}"
            );
        }
        let answer = app.get(path);
        assert_eq!(
            cross_origin(&answer),
            Vec::<&str>::new(),
            "{path}: nobody asked"
        );
    }
}

#[test]
fn a_preflight_allows_the_request() {
    let app = with("cors_allowed_origins", "https://one.example");
    for path in ["/factorize", "/prediction", "/ping"] {
        let answer = app.send(&preflight(path, "https://one.example"));
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://one.example")
        );
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(methods == "*" || methods.contains("POST"), "{methods}");
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(
            headers == "*" || headers.contains("content-type"),
            "{headers}"
        );
        let answer = app.send(&preflight(path, "https://three.example"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn a_star_allows_every_origin() {
    let app = with("cors_allowed_origins", "*");
    let answer = app.send(&Request::get("/ping").header("origin", "https://any.example"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}
