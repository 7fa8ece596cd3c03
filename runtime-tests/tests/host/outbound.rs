//! Requests that components send: to hosts that their manifest allows, and to each other.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::thread;

use runtime_tests::{Request, Runtime, Server};
use serde_json::Value;

use crate::{headers, launch, tell};

/// A server of the test's own: answers every request alike, until the test process ends.
fn peer() -> u16 {
    answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\npeer").0
}

/// A server that answers every request with `answer`, and how often it was asked.
fn answering(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                head.push(byte[0]);
            }
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, asked)
}

fn start(port: u16) -> Server {
    launch("outbound")
        .variable("port", &port.to_string())
        .start()
}

fn fetch(app: &Server, path: &str, url: &str) -> Result<Value, String> {
    tell(app, path, &format!("fetch&url={url}"))
}

#[test]
fn an_allowed_host_is_reached() {
    let port = peer();
    let app = start(port);
    let answer = fetch(&app, "/open/", &format!("http://127.0.0.1:{port}/any")).unwrap();
    assert_eq!(
        (&answer["status"], &answer["body"]),
        (&200.into(), &"peer".into())
    );
}

#[test]
fn every_other_host_is_refused() {
    let (port, other) = (peer(), peer());
    let app = start(port);
    for url in [
        format!("http://127.0.0.1:{other}/"),
        format!("http://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}@127.0.0.1:{other}/"),
        format!("http://[::1]:{port}/"),
        format!("http://{}/", app.address()),
        "http://closed.spin.internal/".to_owned(),
        "http://open.spin.internal/".to_owned(),
        "http://example.com/".to_owned(),
    ] {
        let outcome = fetch(&app, "/open/", &url);
        assert!(outcome.is_err(), "{url}: {outcome:?}");
    }
    let outcome = fetch(&app, "/closed/", &format!("http://127.0.0.1:{port}/"));
    assert!(outcome.is_err(), "{outcome:?}");
}

#[test]
#[cfg_attr(
    spin,
    ignore = "Spin needs `block_networks` in its runtime configuration"
)]
fn a_name_does_not_lead_into_the_machine() {
    let (port, asked) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\npeer");
    let app = start(port);
    // The manifest allows this address. Written like this, it is found by a lookup, as a name is.
    let outcome = fetch(&app, "/open/", &format!("http://127.1:{port}/"));
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let _ = app.line(|line| line.contains("'127.1': the name has the address 127.0.0.1,"));
}

#[test]
fn a_redirect_is_not_followed() {
    for location in ["http://169.254.169.254/latest/meta-data/", "/again"] {
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        );
        let (port, asked) = answering(answer.leak());
        let app = start(port);
        let answer = fetch(&app, "/open/", &format!("http://127.0.0.1:{port}/")).unwrap();
        assert_eq!(answer["status"], 307);
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{location}");
    }
}

#[test]
fn a_host_that_refuses_is_an_error_of_the_request() {
    // Bound and not listening: nobody else takes it, and nobody accepts.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let app = start(port);
    assert!(fetch(&app, "/open/", &format!("http://127.0.0.1:{port}/")).is_err());
}

#[test]
fn a_component_calls_another_one_without_a_socket() {
    let app = start(1);
    let answer = fetch(&app, "/open/", "http://hidden.spin.internal/some/path?q=1").unwrap();
    assert_eq!(answer["status"], 200);
    let echo: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(echo["method"], "GET");
    let uri = echo["uri"].as_str().unwrap();
    assert!(uri.ends_with("/some/path?q=1"), "{uri}");
    let headers = headers(&echo);
    assert_eq!(headers["spin-path-info"], "/some/path");
    assert_eq!(headers["spin-client-addr"], "0.0.0.0:0");
}

const RUNTIME: &str = "http://runtime.invalid/metrics";
const CORES: &str = "http://cores.runtime.invalid/";

#[test]
fn a_component_reads_the_numbers_of_the_embedded_host() {
    let app = start(1);
    let answer = fetch(&app, "/open/", RUNTIME);
    if !Runtime::is_embedded() {
        // An error, and not the end of the instance.
        assert!(answer.is_err(), "{answer:?}");
        return;
    }
    let answer = answer.unwrap();
    assert_eq!(answer["status"], 200);
    let text = answer["body"].as_str().unwrap();
    for sample in [
        "routelets_build_info{runtime=\"embedded\",version=\"",
        "process_start_time_seconds ",
        // The request that asks is being answered.
        "routelets_http_requests_in_progress 1\n",
    ] {
        assert!(text.contains(&format!("\n{sample}")), "{sample}:\n{text}");
    }
    let answer = fetch(&app, "/open/", "http://runtime.invalid/").unwrap();
    assert_eq!(answer["status"], 404);
}

#[test]
fn a_component_asks_the_embedded_host_for_idle_cores() {
    let app = start(1);
    let answer = fetch(&app, "/open/", CORES);
    if !Runtime::is_embedded() {
        assert!(answer.is_err(), "{answer:?}");
        return;
    }
    let answer = answer.unwrap();
    let idle: usize = answer["body"].as_str().unwrap().parse().unwrap();
    let cores = thread::available_parallelism().unwrap().get();
    assert!(idle <= cores, "{idle} of {cores}");
}

#[test]
fn nobody_else_reads_them() {
    let app = start(1);
    for address in [RUNTIME, CORES] {
        let outcome = fetch(&app, "/closed/", address);
        assert!(outcome.is_err(), "{outcome:?}");
    }
    // For a client the name is one like any other.
    let request = Request::get("/metrics").header("host", "runtime.invalid");
    assert_eq!(app.send(&request).status, 404);
    let request = Request::get(RUNTIME).header("host", "runtime.invalid");
    assert_eq!(app.send(&request).status, 404);
}

#[test]
fn numbers_with_an_address_of_their_own_are_nowhere_else() {
    if !Runtime::is_embedded() {
        return;
    }
    let app = launch("outbound")
        .variable("port", "1")
        .arg("--metrics-listen=127.0.0.1:0")
        .start();
    let outcome = fetch(&app, "/open/", RUNTIME);
    assert!(outcome.is_err(), "{outcome:?}");
}

#[test]
fn a_component_that_may_not_call_another_one_does_not() {
    let app = start(1);
    let outcome = fetch(&app, "/closed/", "http://hidden.spin.internal/");
    assert!(outcome.is_err(), "{outcome:?}");
}
