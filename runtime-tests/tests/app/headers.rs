//! Heads that are wrong, oversized or lie. After each, the server must answer the next client.

use std::io::ErrorKind;

use runtime_tests::{Request, Response, Runtime, app};

/// Sends bytes on a connection of their own; the answer, or nothing when the connection is closed.
fn exchange(bytes: impl AsRef<[u8]>) -> Option<Response> {
    let app = app();
    let mut connection = app.connect();
    // The server may have seen enough before the end.
    let _ = connection.write(bytes);
    let answer = match connection.read("GET") {
        Ok(answer) => Some(answer),
        Err(error) => {
            let closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
            assert!(closed.contains(&error.kind()), "{error}");
            None
        }
    };
    assert_eq!(app.get("/ping").status, 200, "the server must live on");
    answer
}

fn status(bytes: impl AsRef<[u8]>) -> u16 {
    let Some(answer) = exchange(bytes) else {
        return 0;
    };
    // Spin leaves the body of what it refuses itself empty.
    if Runtime::is_embedded() && answer.status >= 400 {
        check_refusal(&answer);
    }
    answer.status
}

/// What the embedded host refuses itself is a problem document, as what components refuse.
fn check_refusal(answer: &Response) {
    assert!(!answer.problem().is_empty());
    let document = answer.json();
    assert_eq!(document["status"], answer.status);
    for member in ["type", "title", "detail"] {
        let text = document[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{member}: {document}");
    }
    let id = answer.header("x-request-id").unwrap_or_default();
    assert!(!id.is_empty());
    assert!(answer.header("date").is_some());
}

#[test]
fn headers_of_the_runtime_cannot_be_forged() {
    let app = app();
    for path in [
        "/sum/1/2",
        "/hello/Ada",
        "/about/ports",
        "/docs",
        "/nowhere",
    ] {
        let honest = app.get(path);
        let mut forged = Request::get(path);
        for (name, value) in [
            ("spin-path-info", "/3/4"),
            ("spin-full-url", "http://evil.example/sum/3/4"),
            ("spin-matched-route", "/..."),
            ("spin-raw-component-route", "/..."),
            ("spin-component-route", "/evil"),
            ("spin-base-path", "/evil"),
            ("spin-client-addr", "203.0.113.1:1"),
            ("spin-path-match-a", "3"),
            ("spin-path-match-name", "evil"),
            ("x-forwarded-host", "evil.example"),
        ] {
            forged = forged.header(name, value);
        }
        let answer = app.send(&forged);
        assert_eq!(
            (answer.status, answer.text()),
            (honest.status, honest.text()),
            "{path}"
        );
    }
}

#[test]
fn a_head_over_the_limit_is_431() {
    let huge = "x".repeat(2 << 20);
    for head in [
        format!("GET /ping HTTP/1.1\r\nhost: h\r\nx-huge: {huge}\r\n\r\n"),
        format!(
            "GET /ping HTTP/1.1\r\nhost: h\r\n{}\r\n",
            "x-many: 1\r\n".repeat(1000)
        ),
    ] {
        assert_eq!(status(&head), 431, "{}", &head[..60]);
    }
    // A target alone can be as long; 414 (RFC 9110, section 15.5.15) says so more precisely.
    let target = status(format!("GET /{huge} HTTP/1.1\r\nhost: h\r\n\r\n"));
    assert!([414, 431].contains(&target), "{target}");
}

#[test]
fn heads_below_the_limit_are_answered() {
    let long = "x".repeat(60_000);
    let mut request = Request::get("/ping").header("x-long", &long);
    for i in 0..80 {
        request = request.header(&format!("x-header-{i}"), "value");
    }
    assert_eq!(app().send(&request).status, 200);
}

#[test]
fn what_is_no_http_is_400() {
    for bytes in [
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET /ping\r\n\r\n",
        "GET /ping HTTP/1.1 more\r\nhost: h\r\n\r\n",
        "GET /pi ng HTTP/1.1\r\nhost: h\r\n\r\n",
        "G@T /ping HTTP/1.1\r\nhost: h\r\n\r\n",
        "GET /ping FTP/1.1\r\nhost: h\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhost: h\r\nno colon\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhost: h\r\nbad name: x\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhost: h\r\nx-space : x\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhost: h\r\n: empty\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhost: h\r\nx-zero: a\0b\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhost: h\r\nx-folded: a\r\n b\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        assert_eq!(status(bytes), 400, "{bytes:?}");
    }
    // TLS, spoken to a port without it.
    let hello = status(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03");
    assert!([0, 400].contains(&hello), "{hello}");
}

/// A client may send all of its head before it reads.
#[test]
#[cfg_attr(spin, ignore = "Spin closes the connection")]
fn a_refusal_arrives_though_the_head_was_not_read() {
    let mut connection = app().connect();
    let huge = "x".repeat(600_000);
    let head = format!("GET /ping HTTP/1.1\r\nhost: h\r\nx-huge: {huge}\r\n\r\n");
    connection.write(head).unwrap();
    let answer = connection.read("GET").unwrap();
    assert_eq!(answer.problem(), "request-header-fields-too-large");
    check_refusal(&answer);
    assert!(connection.is_closed().unwrap());
}

#[test]
#[cfg_attr(spin, ignore = "Spin closes the connection")]
fn a_head_that_ends_early_is_refused() {
    for (head, status) in [
        ("GET /ping HTTP/1.1\r\nhost: h\r\n", 400),
        ("G", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ] {
        let mut connection = app().connect();
        connection.write(head).unwrap();
        connection.finish_writing().unwrap();
        let answer = connection.read("GET").unwrap();
        assert_eq!(answer.status, status, "{head:?}");
        check_refusal(&answer);
    }
    let mut silent = app().connect();
    silent.finish_writing().unwrap();
    assert!(silent.is_closed().unwrap());
}

/// The refusal of one request does not touch the answers to those before it.
#[test]
#[cfg_attr(spin, ignore = "Spin refuses without a problem document")]
fn what_was_answered_before_a_refusal_arrives() {
    let mut connection = app().connect();
    let good = "GET /openapi.json HTTP/1.1\r\nhost: h\r\n\r\n";
    let number = "POST /factorize HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
                  content-length: 12\r\n\r\n{\"number\":6}";
    connection
        .write([good, number, good, "BAD\r\n\r\n"].concat())
        .unwrap();
    for method in ["GET", "POST", "GET"] {
        assert_eq!(connection.read(method).unwrap().status, 200);
    }
    let answer = connection.read("GET").unwrap();
    assert_eq!(answer.problem(), "bad-request");
    assert!(connection.is_closed().unwrap());
}

#[test]
#[cfg_attr(spin, ignore = "Spin refuses without a problem document")]
fn a_refusal_has_the_id_of_its_request() {
    let request = Request::get("/.well-known/spin/unknown").header("x-request-id", "mine");
    let answer = app().send(&request);
    assert_eq!((answer.status, &*answer.problem()), (404, "not-found"));
    assert_eq!(answer.header("x-request-id"), Some("mine"));
}

/// RFC 9112, section 3.2. Spin closes the connection instead, or takes the first of two hosts.
#[test]
fn a_request_names_its_host_once() {
    for host in ["", "host: a b\r\n", "host: a\r\nhost: b\r\n"] {
        let status = status(format!("GET /ping HTTP/1.1\r\n{host}\r\n"));
        if Runtime::is_embedded() {
            assert_eq!(status, 400, "{host:?}");
        }
    }
}

/// Spin fails at values that are not UTF-8.
#[test]
fn bytes_outside_ascii_are_a_value_like_others() {
    let head =
        b"GET /ping HTTP/1.1\r\nhost: h\r\nx-latin: caf\xe9\r\nx-request-id: \xff\xfe\r\n\r\n";
    let answer = exchange(head).unwrap();
    if Runtime::is_embedded() {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-request-id").unwrap().len(), 36);
    } else {
        assert_eq!(answer.status, 500);
    }
}

/// RFC 9112, sections 6.1 and 6.3: where two servers could disagree on the length of a body, the
/// second one could take the rest for a request of its own.
#[test]
fn ambiguous_lengths_are_refused() {
    for headers in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5, 6",
        "content-length: +5",
        "content-length: -5",
        "content-length: 0x5",
        "content-length: 99999999999999999999999",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, gzip",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    ] {
        let head = format!("POST /factorize HTTP/1.1\r\nhost: h\r\n{headers}\r\n\r\nhello");
        assert_eq!(status(head), 400, "{headers}");
    }
}

#[test]
fn with_both_lengths_the_chunks_count() {
    let app = app();
    let mut connection = app.connect();
    // A server that believed the content length would take all of it for a body.
    connection
        .write(
            "POST /factorize HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
             content-length: 60\r\ntransfer-encoding: chunked\r\n\r\n\
             d\r\n{\"number\": 6}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n",
        )
        .unwrap();
    let first = connection.read("POST").unwrap();
    if first.status == 400 {
        return;
    }
    assert_eq!(first.json()["number"], 6);
    // The rest is a request in the open, answered as such, or not at all.
    if let Ok(second) = connection.read("GET") {
        assert_eq!(second.status, 404);
    }
}
