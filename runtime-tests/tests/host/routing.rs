//! The choice of the component, and the headers that it gets.

use runtime_tests::{Request, Server};

use crate::{headers, launch, outcome};

/// The headers of Spin's own that the component at `path` sees.
fn seen(app: &Server, path: &str) -> Vec<(String, String)> {
    let echo = outcome(&app.get(path)).unwrap();
    let headers = headers(&echo).into_iter();
    headers
        .filter(|(name, _)| name.starts_with("spin-"))
        .collect()
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn the_closest_route_answers() {
    let app = launch("routing").start();
    for (path, route) in [
        ("/", "/..."),
        ("/anything", "/..."),
        ("/users", "/..."),
        ("/users/me", "/users/me"),
        ("/users/me/", "/users/me"),
        ("/users/42", "/users/:user_id"),
        ("/users/42/friends", "/..."),
        ("/users/42/posts", "/users/:user_id/posts/..."),
        ("/users/42/posts/7", "/users/:user_id/posts/..."),
        ("/USERS/me", "/..."),
    ] {
        let headers = seen(&app, path);
        assert_eq!(
            value(&headers, "spin-raw-component-route"),
            Some(route),
            "{path}"
        );
    }
}

#[test]
fn the_component_is_told_how_it_was_reached() {
    let app = launch("routing").start();
    let headers = seen(&app, "/users/42/posts/2026/11?draft=yes");
    let client = value(&headers, "spin-client-addr").unwrap();
    assert!(client.starts_with("127.0.0.1:"), "{client}");
    let url = app.url("/users/42/posts/2026/11?draft=yes");
    for (name, expected) in [
        ("spin-path-info", "/2026/11"),
        ("spin-full-url", &*url),
        ("spin-matched-route", "/users/:user_id/posts/..."),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", "/users/:user_id/posts/..."),
        ("spin-component-route", "/users/:user_id/posts"),
        ("spin-path-match-user-id", "42"),
    ] {
        assert_eq!(value(&headers, name), Some(expected), "{name}");
    }
    // A value stays encoded as it was in the path.
    let headers = seen(&app, "/users/a%2Fb");
    assert_eq!(value(&headers, "spin-path-match-user-id"), Some("a%2Fb"));
}

#[test]
fn the_request_arrives_as_it_was_sent() {
    let app = launch("routing").start();
    let request = Request::new("PATCH", "/any/%C3%A9?q=1&q=2")
        .header("x-custom", "a value")
        .header("cookie", "a=1")
        .body("a body");
    let echo = outcome(&app.send(&request)).unwrap();
    assert_eq!(echo["method"], "PATCH");
    assert_eq!(echo["uri"], app.url("/any/%C3%A9?q=1&q=2"));
    assert_eq!(echo["body"], "a body");
    let headers = headers(&echo);
    assert_eq!(headers["x-custom"], "a value");
    assert_eq!(headers["cookie"], "a=1");
    assert!(!headers.contains_key("connection"));
}

/// The embedded host lets none through.
#[test]
#[cfg_attr(spin, ignore = "Spin puts its own headers behind those of the client")]
fn forged_headers_are_stripped() {
    let app = launch("routing").start();
    let request = Request::get("/users/42")
        .header("spin-client-addr", "203.0.113.1:1")
        .header("Spin-Path-Match-User-Id", "1")
        .header("spin-invented", "yes");
    let echo = outcome(&app.send(&request)).unwrap();
    let text = echo["headers"].to_string();
    assert!(
        !text.contains("203.0.113.1") && !text.contains("invented"),
        "{text}"
    );
    assert_eq!(headers(&echo)["spin-path-match-user-id"], "42");
    assert_eq!(text.matches("spin-path-match-user-id").count(), 1);
}

#[test]
fn a_private_route_is_not_reachable_from_outside() {
    let app = launch("routing").start();
    for host in ["hidden.spin.internal", "hidden.spin.internal:80"] {
        // The embedded host answers 400, Spin closes the connection.
        let answer = app.try_send(&Request::get("/hidden").header("host", host));
        assert!(
            answer.is_err() || answer.is_ok_and(|answer| answer.status == 400),
            "{host}"
        );
    }
    let echo = outcome(&app.get("/hidden")).unwrap();
    assert_eq!(
        headers(&echo)["spin-raw-component-route"],
        "/...",
        "not the private one"
    );
}

#[test]
fn a_static_response_needs_no_component() {
    let app = launch("routing").start();
    let answer = app.get("/teapot");
    assert_eq!((answer.status, answer.text()), (418, "short and stout"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("x-kind"), Some("pot"));
    let head = app.send(&Request::new("HEAD", "/teapot"));
    assert_eq!(
        (head.status, head.header("content-length")),
        (418, Some("15"))
    );
}
