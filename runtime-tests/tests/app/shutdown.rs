//! SIGTERM.

use std::io::ErrorKind;

use runtime_tests::{Connection, Launch, Request, Runtime, Server, application};

use crate::HARD;

/// A connection whose request keeps the application busy, which goes on to answer others.
fn factorising(app: &Server) -> Connection {
    let mut busy = app.connect();
    busy.send_only(&Request::post_json(
        "/factorize",
        format!(r#"{{"number": "{HARD}"}}"#),
    ))
    .unwrap();
    assert_eq!(app.get("/ping").status, 200);
    busy
}

#[test]
fn a_stop_without_requests_is_clean() {
    let mut app = Launch::new(&application()).start();
    let mut idle = app.connect();
    assert_eq!(idle.send(&Request::get("/ping")).unwrap().status, 200);
    app.terminate();
    assert!(
        idle.is_closed().unwrap(),
        "a connection without a request is closed"
    );
    let status = app.wait();
    if Runtime::is_embedded() {
        assert_eq!(status.code(), Some(0), "{}", app.output());
    }
}

#[test]
fn a_request_in_flight() {
    let mut app = Launch::new(&application())
        .variable("factorize_time_limit", "3")
        .start();
    let mut busy = app.connect();
    busy.send_only(&Request::post_json(
        "/factorize",
        format!(r#"{{"number": "{HARD}"}}"#),
    ))
    .unwrap();
    // Answered only after the request above has been accepted.
    assert_eq!(app.get("/ping").status, 200);
    app.terminate();
    let answer = busy.read("POST");
    match app.runtime() {
        Runtime::Embedded => {
            let answer = answer.unwrap();
            assert_eq!(answer.problem(), "time-limit-exceeded");
            assert!(busy.is_closed().unwrap());
            assert_eq!(app.wait().code(), Some(0), "{}", app.output());
        }
        // Spin has no draining: it drops what it is doing.
        Runtime::Spin => {
            let error = answer.unwrap_err().kind();
            assert!(
                matches!(error, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
                "{error}"
            );
            let _ = app.wait();
        }
    }
}

#[test]
#[cfg_attr(spin, ignore = "Spin drops what it is doing when it is told to stop")]
fn new_connections_are_refused_while_it_finishes() {
    let mut app = Launch::new(&application())
        .variable("factorize_time_limit", "4")
        .start();
    let mut busy = factorising(&app);
    app.terminate();
    let _ = app.line(|line| line.contains("Stopping"));
    // The line is printed before the socket is closed: soon, but not at once.
    let refused = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        Connection::open(app.address()).is_err()
    });
    assert!(refused);
    assert_eq!(busy.read("POST").unwrap().status, 503);
    assert_eq!(app.wait().code(), Some(0));
}

#[test]
#[cfg_attr(spin, ignore = "Spin drops what it is doing when it is told to stop")]
fn no_probe_is_answered_on_an_open_connection_while_it_finishes() {
    let mut app = Launch::new(&application())
        .variable("factorize_time_limit", "4")
        .start();
    let probe = Request::get("/readyz");
    let mut busy = factorising(&app);
    let mut silent = app.connect();
    let mut kept = app.connect();
    assert_eq!(kept.send(&probe).unwrap().status, 200);
    app.terminate();
    for connection in [&mut kept, &mut silent] {
        assert!(connection.is_closed().unwrap());
    }
    // Behind the request in flight, whose answer is the last one.
    busy.send_only(&probe).unwrap();
    let last = busy.read("POST").unwrap();
    assert_eq!(last.problem(), "time-limit-exceeded");
    assert_eq!(last.header("connection"), Some("close"));
    assert!(busy.is_closed().unwrap());
    assert_eq!(app.wait().code(), Some(0));
}

#[test]
#[cfg_attr(spin, ignore = "Spin drops what it is doing when it is told to stop")]
fn a_second_signal_does_not_wait() {
    let mut app = Launch::new(&application())
        .variable("factorize_time_limit", "60")
        .start();
    let mut busy = factorising(&app);
    app.terminate();
    let _ = app.line(|line| line.contains("Stopping"));
    app.terminate();
    assert_eq!(app.wait().code(), Some(128 + 15));
    assert!(busy.read("POST").is_err());
}

#[test]
#[cfg_attr(spin, ignore = "Spin drops what it is doing when it is told to stop")]
fn what_takes_too_long_is_cut_off() {
    let mut app = Launch::new(&application())
        .variable("factorize_time_limit", "60")
        .arg("--shutdown-timeout=1s")
        .start();
    let mut busy = factorising(&app);
    app.terminate();
    assert!(busy.read("POST").is_err());
    assert_eq!(app.wait().code(), Some(0));
    let _ = app.line(|line| line.contains("cut off"));
}
