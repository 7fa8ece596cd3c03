//! Connections: kept, pipelined, broken.

use runtime_tests::http::chunk;
use runtime_tests::{Launch, Request, app, application};

#[test]
fn a_connection_serves_many_requests() {
    let mut connection = app().connect();
    for i in 0..300 {
        let answer = connection
            .send(&Request::get(&format!("/sum/{i}/1")))
            .unwrap();
        assert_eq!(answer.json()["result"], i + 1);
    }
}

#[test]
fn a_kept_connection_survives_errors() {
    let mut connection = app().connect();
    for _ in 0..3 {
        assert_eq!(
            connection.send(&Request::get("/nowhere")).unwrap().status,
            404
        );
        assert_eq!(
            connection.send(&Request::get("/sum/a/1")).unwrap().status,
            422
        );
        assert_eq!(
            connection
                .send(&Request::new("PUT", "/ping"))
                .unwrap()
                .status,
            405
        );
        let bad = Request::post_json("/factorize", "{");
        assert_eq!(connection.send(&bad).unwrap().status, 400);
        assert_eq!(
            connection
                .send(&Request::new("HEAD", "/ping"))
                .unwrap()
                .status,
            200
        );
        assert_eq!(
            connection
                .send(&Request::new("OPTIONS", "/ping"))
                .unwrap()
                .status,
            204
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut connection = app().connect();
    for i in 0..20 {
        connection
            .send_only(&Request::get(&format!("/mult/{i}/2")))
            .unwrap();
        let number = Request::post_json("/factorize", format!("{{\"number\": {}}}", i + 2));
        connection.send_only(&number).unwrap();
    }
    for i in 0..20 {
        assert_eq!(connection.read("GET").unwrap().json()["result"], i * 2);
        assert_eq!(connection.read("POST").unwrap().json()["number"], i + 2);
    }
}

#[test]
fn close_is_honoured() {
    let mut connection = app().connect();
    let request = Request::get("/ping").header("connection", "close");
    assert_eq!(connection.send(&request).unwrap().status, 200);
    assert!(connection.is_closed().unwrap());
}

#[test]
fn clients_that_break_off_harm_nobody() {
    let app = app();
    for i in 0..50 {
        let mut connection = app.connect();
        let head = "POST /factorize HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n";
        match i % 5 {
            0 => {}
            1 => connection.write(&head[..30]).unwrap(),
            2 => connection
                .write(format!("{head}content-length: 100\r\n\r\n{{\"num"))
                .unwrap(),
            3 => {
                connection
                    .write(format!("{head}transfer-encoding: chunked\r\n\r\n"))
                    .unwrap();
                connection.write(chunk(b"{\"number\"")).unwrap();
            }
            // A whole request whose answer nobody waits for.
            _ => connection
                .send_only(&Request::get("/openapi.json"))
                .unwrap(),
        }
    }
    assert_eq!(app.get("/ping").status, 200);
    let six = Request::post_json("/factorize", r#"{"number": 6}"#);
    assert_eq!(app.send(&six).status, 200);
}

#[test]
fn a_connection_that_says_nothing_delays_nobody() {
    let app = app();
    let idle: Vec<_> = (0..100).map(|_| app.connect()).collect();
    assert_eq!(app.get("/ping").status, 200);
    drop(idle);
}

#[test]
#[cfg_attr(spin, ignore = "Spin waits for a client for as long as it takes")]
fn a_client_that_pauses_for_too_long_is_told_so() {
    let app = Launch::new(&application())
        .arg("--client-timeout=300ms")
        .start();
    let head = "POST /factorize HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n";
    let mut within_head = app.connect();
    within_head.write(head).unwrap();
    let mut within_body = app.connect();
    within_body
        .write(format!("{head}content-length: 100\r\n\r\n{{\"num"))
        .unwrap();
    for (connection, status, code) in [
        (&mut within_head, 408, "request-timeout"),
        (&mut within_body, 400, "invalid-request-body"),
    ] {
        let answer = connection.read("POST").unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.problem(), code);
        assert!(answer.header("x-request-id").is_some());
        assert!(connection.is_closed().unwrap());
    }
    let mut idle = app.connect();
    assert_eq!(idle.send(&Request::get("/ping")).unwrap().status, 200);
    assert!(idle.is_closed().unwrap(), "an idle connection is closed");
    assert_eq!(app.get("/ping").status, 200);
}
