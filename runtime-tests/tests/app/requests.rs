//! Requests that HTTP/1.1 allows and that clients seldom send.

use std::thread;
use std::time::Duration;

use runtime_tests::{Request, Runtime, app};
use serde_json::json;

#[test]
fn health_is_answered_by_the_runtime() {
    let health = app().get("/.well-known/spin/health");
    assert_eq!((health.status, health.text()), (200, "OK"));
    assert_eq!(app().get("/.well-known/spin/unknown").status, 404);
}

#[test]
fn http_1_0_is_answered() {
    let app = app();
    let mut connection = app.connect();
    connection
        .write(format!(
            "GET /ping HTTP/1.0\r\nhost: {}\r\n\r\n",
            app.address()
        ))
        .unwrap();
    let answer = connection.read("GET").unwrap();
    assert_eq!(answer.json(), json!({"message": "pong"}));
    assert!(connection.is_closed().unwrap());
}

/// RFC 9112, section 3.3.
#[test]
#[cfg_attr(spin, ignore = "Spin closes the connection")]
fn http_1_0_needs_no_host() {
    let app = app();
    for (request, status) in [
        ("GET /ping HTTP/1.0", 200),
        ("HEAD /ping HTTP/1.0", 200),
        ("OPTIONS / HTTP/1.0", 204),
    ] {
        let mut connection = app.connect();
        connection.write(format!("{request}\r\n\r\n")).unwrap();
        let (method, _) = request.split_once(' ').unwrap();
        assert_eq!(connection.read(method).unwrap().status, status, "{request}");
        assert!(connection.is_closed().unwrap());
    }
    let mut connection = app.connect();
    connection
        .write("GET /about/ports HTTP/1.0\r\n\r\n")
        .unwrap();
    let ports = connection.read("GET").unwrap().json();
    assert_eq!(ports["address"], app.url(""));
}

#[test]
fn an_absolute_target_is_answered() {
    let app = app();
    let answer = app.get(&app.url("/sum/1/2"));
    assert_eq!(answer.json()["result"], 3);
    // RFC 9112, section 3.2.2. Spin refuses another host.
    if Runtime::is_embedded() {
        let ports = Request::get("http://other.example:81/about/ports").header("host", "h");
        let ports = app.send(&ports).json();
        assert_eq!(ports["address"], "http://other.example:81");
    }
}

/// RFC 9110, section 9.3.7.
#[test]
#[cfg_attr(spin, ignore = "Spin does not take * as a target")]
fn options_may_ask_for_the_server() {
    let answer = app().send(&Request::new("OPTIONS", "*").header("x-request-id", "mine"));
    assert_eq!((answer.status, answer.text()), (204, ""));
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    let answer = app().get("*");
    assert_eq!((answer.status, &*answer.problem()), (400, "bad-request"));
}

#[test]
fn a_client_that_waits_is_told_to_continue() {
    let app = app();
    let mut connection = app.connect();
    let body = r#"{"number": 6}"#;
    connection
        .write(format!(
            "POST /factorize HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            app.address(),
            body.len()
        ))
        .unwrap();
    assert_eq!(connection.read_head().unwrap().status, 100);
    connection.write(body).unwrap();
    let answer = connection.read("POST").unwrap();
    assert_eq!(answer.json()["factorization_str"], "2^1 3^1");
}

#[test]
fn a_slow_head_is_waited_for_and_delays_nobody() {
    let app = app();
    let mut slow = app.connect();
    for byte in format!(
        "GET /hello/slow HTTP/1.1\r\nhost: {}\r\n\r\n",
        app.address()
    )
    .bytes()
    {
        slow.write([byte]).unwrap();
        thread::sleep(Duration::from_millis(5));
        if byte == b'\n' {
            assert_eq!(app.get("/ping").status, 200);
        }
    }
    let answer = slow.read("GET").unwrap();
    assert_eq!(answer.json(), json!({"message": "Hello, slow!"}));
}

#[test]
fn ports_names_the_port_in_use() {
    let app = app();
    let ports = app.get("/about/ports").json();
    assert_eq!(ports["address"], app.url(""));
    assert_eq!(
        ports["ports"],
        json!([{"port": app.address().port(), "protocol": "http"}])
    );
}

#[test]
fn ports_lists_what_the_api_document_does() {
    let app = app();
    let document = app.get("/openapi.json").json();
    let ports = app.get("/about/ports").json();
    let listed: Vec<String> = ports["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            format!(
                "{} {}",
                it["method"].as_str().unwrap(),
                it["path"].as_str().unwrap()
            )
        })
        .collect();
    let mut documented = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(documented.len() > 10, "{documented:?}");
    documented.sort();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, documented);
}

#[test]
fn a_request_id_is_made_for_each_request() {
    let app = app();
    let ids: Vec<String> = (0..20)
        .map(|_| app.get("/ping").header("x-request-id").unwrap().to_owned())
        .collect();
    for (i, id) in ids.iter().enumerate() {
        assert_eq!(id.len(), 36, "no UUID: {id}");
        assert!(!ids[..i].contains(id), "twice: {id}");
    }
}

#[test]
fn a_hostile_request_id_is_replaced() {
    let app = app();
    for hostile in [
        "two words",
        "<script>\u{e9}</script>",
        "tab\there",
        &"x".repeat(129),
    ] {
        let answer = app.send(&Request::get("/ping").header("x-request-id", hostile));
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("x-request-id").unwrap().len(),
            36,
            "{hostile}"
        );
    }
    let longest = "x".repeat(128);
    let answer = app.send(&Request::get("/ping").header("x-request-id", &longest));
    assert_eq!(answer.header("x-request-id"), Some(&*longest));
}
