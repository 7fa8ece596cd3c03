//! Bodies: in chunks, slow, over the limit, cut short.

use std::thread;
use std::time::Duration;

use runtime_tests::http::{LAST_CHUNK, chunk};
use runtime_tests::{Connection, Request, app};

/// The default of `max_body_bytes`.
const LIMIT: usize = 1 << 20;

const HEAD: &str = "POST /factorize HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n";

fn begin(framing: &str) -> Connection {
    let mut connection = app().connect();
    connection
        .write(format!("{HEAD}{framing}\r\n\r\n"))
        .unwrap();
    connection
}

#[test]
fn chunks_of_one_byte() {
    let body = r#"{"number": 408216}"#;
    let request = Request::post_json("/factorize", "").chunks(body.bytes().map(|byte| [byte]));
    let answer = app().send(&request);
    assert_eq!(answer.json()["factorization_str"], "2^3 3^1 73^1 233^1");
}

#[test]
fn a_slow_body_is_waited_for_and_delays_nobody() {
    let app = app();
    for framing in ["transfer-encoding: chunked", "content-length: 18"] {
        let mut slow = begin(framing);
        for byte in br#"{"number": 408216}"# {
            let bytes = [*byte];
            let piece = if framing.starts_with('t') {
                chunk(&bytes)
            } else {
                bytes.to_vec()
            };
            slow.write(piece).unwrap();
            thread::sleep(Duration::from_millis(20));
            assert_eq!(app.get("/ping").status, 200);
        }
        if framing.starts_with('t') {
            slow.write(LAST_CHUNK).unwrap();
        }
        assert_eq!(slow.read("POST").unwrap().json()["number"], 408_216);
    }
}

#[test]
fn chunks_may_have_extensions_and_trailers() {
    let mut connection = begin("transfer-encoding: chunked");
    connection
        .write("d;name=value\r\n{\"number\": 6}\r\n0\r\nx-trailer: 1\r\n\r\n")
        .unwrap();
    assert_eq!(connection.read("POST").unwrap().json()["number"], 6);
}

#[test]
fn a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
    let body = |size: usize| format!("{{\"number\": 6{}}}", " ".repeat(size - 13));
    assert_eq!(body(LIMIT).len(), LIMIT);
    for (size, status) in [(LIMIT, 200), (LIMIT + 1, 413)] {
        let request = Request::post_json("/factorize", body(size));
        assert_eq!(app().send(&request).status, status, "{size} bytes");
        let chunks = request.chunks(body(size).as_bytes().chunks(10_000));
        assert_eq!(app().send(&chunks).status, status, "{size} bytes in chunks");
    }
}

#[test]
fn a_length_over_the_limit_is_refused_unread() {
    let mut connection = begin("content-length: 1000000000000");
    assert_eq!(
        connection.read("POST").unwrap().problem(),
        "content-too-large"
    );
}

#[test]
fn an_endless_body_is_refused_when_it_passes_the_limit() {
    for path in ["/factorize", "/prediction", "/v2/models/iris/infer"] {
        let app = app();
        let mut connection = app.connect();
        connection
            .write(format!(
                "POST {path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
                 transfer-encoding: chunked\r\n\r\n"
            ))
            .unwrap();
        let piece = chunk(&[b' '; 64 << 10]);
        let mut sent = 0;
        // What the buffers of both sides hold is taken before the server's refusal arrives.
        while connection.write(&piece).is_ok() {
            sent += piece.len();
            assert!(sent < 256 << 20, "{path}: the server reads without end");
        }
        assert!(sent > LIMIT, "{path}: refused after {sent} bytes");
        assert_eq!(
            connection.read("POST").unwrap().problem(),
            "content-too-large",
            "{path}"
        );
        assert_eq!(app.get("/ping").status, 200);
    }
}

#[test]
fn a_body_that_ends_early_is_no_body() {
    for (framing, piece) in [
        ("content-length: 100", b"{\"number\"".to_vec()),
        ("transfer-encoding: chunked", chunk(b"{\"number\"")),
        ("transfer-encoding: chunked", b"ff\r\n{\"number\"".to_vec()),
    ] {
        let mut connection = begin(framing);
        connection.write(piece).unwrap();
        connection.finish_writing().unwrap();
        // Nobody may be left to tell.
        if let Ok(answer) = connection.read("POST") {
            assert_eq!(answer.problem(), "invalid-request-body", "{framing}");
        }
        assert_eq!(app().get("/ping").status, 200);
    }
}

#[test]
fn chunks_that_are_none_are_refused() {
    for chunks in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "\r\n\r\n",
    ] {
        let mut connection = begin("transfer-encoding: chunked");
        connection.write(chunks).unwrap();
        if let Ok(answer) = connection.read("POST") {
            assert_eq!(answer.status, 400, "{chunks:?}");
        }
        assert_eq!(app().get("/ping").status, 200);
    }
}

#[test]
fn a_get_with_a_body_is_answered() {
    let app = app();
    let mut connection = app.connect();
    for _ in 0..3 {
        let request = Request::get("/ping").body("nobody asked for this");
        assert_eq!(connection.send(&request).unwrap().status, 200);
    }
}
