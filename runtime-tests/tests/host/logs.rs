//! The output of components, and the access log.

use std::fs;

use runtime_tests::{Request, Runtime};
use serde_json::{Value, json};

use crate::{launch, tell};

#[test]
fn what_components_print_is_logged_by_component_and_stream() {
    let app = launch("pair").start();
    tell(&app, "/victim/", "print&text=one+line").unwrap();
    tell(&app, "/steady/", "print&text=another+line").unwrap();
    let _ = app.line(|line| line.contains("another line"));
    for (file, text) in [
        ("victim_stdout.txt", "one line\n"),
        ("victim_stderr.txt", "one line\n"),
        ("steady_stdout.txt", "another line\n"),
        ("steady_stderr.txt", "another line\n"),
    ] {
        assert_eq!(
            fs::read_to_string(app.log_dir().join(file)).unwrap(),
            text,
            "{file}"
        );
    }
}

#[test]
fn quiet_keeps_the_terminal_clean() {
    let app = launch("pair").arg("--follow").arg("steady").start();
    tell(&app, "/victim/", "print&text=not+shown").unwrap();
    tell(&app, "/steady/", "print&text=shown").unwrap();
    let _ = app.line(|line| line.contains("shown"));
    assert!(!app.output().contains("not shown"), "{}", app.output());
}

#[test]
#[cfg_attr(spin, ignore = "Spin has no access log")]
fn each_request_leaves_a_line() {
    let app = launch("pair").start();
    assert_eq!(app.get("/steady/a?do=sleep&ms=1&secret=hidden").status, 200);
    assert_eq!(app.send(&Request::new("DELETE", "/nowhere")).status, 404);
    assert_eq!(app.get("/victim/?do=trap").status, 500);
    for expected in [
        ["GET /steady/a 200 ", "ms steady"],
        ["DELETE /nowhere 404 ", "ms -"],
        ["GET /victim/ 500 ", "ms victim"],
        ["GET /.well-known/spin/health 200 ", "ms -"],
    ] {
        let line = app.line(|line| line.contains(expected[0]));
        assert!(line.ends_with(expected[1]), "{line}");
    }
    assert!(
        !app.output().contains("hidden"),
        "a query may carry secrets"
    );
}

/// The client gets one sentence and the id, under which the log has the causes.
#[test]
fn a_failure_is_found_by_the_id_of_its_request() {
    if !Runtime::is_embedded() {
        return;
    }
    let app = launch("pair").start();
    let request = Request::new("GET", "/victim/?do=trap").header("x-request-id", "trace-7");
    let answer = app.send(&request);
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("x-request-id"), Some("trace-7"));
    assert_eq!(
        answer.json()["detail"],
        "the component that answers this path failed; the server's log says why"
    );
    let failure = "error: component 'victim', request trace-7: an instance failed";
    let _ = app.line(|line| line.starts_with(failure));
    let _ = app.line(|line| line.contains(" trace-7 GET /victim/ 500 "));
    // What follows is a part of the same message.
    let _ = app.line(|line| line.starts_with("    ") && line.contains("unreachable"));

    // An id is made where none is sent, and the component is told.
    let answer = app.get("/steady/a?do=sleep&ms=1");
    let id = answer.header("x-request-id").unwrap();
    let _ = app.line(|line| line.contains(&format!(" {id} GET /steady/a 200 ")));
}

#[test]
#[cfg_attr(spin, ignore = "Spin has no access log")]
fn a_request_cannot_forge_a_line() {
    let app = launch("pair").start();
    assert_eq!(app.get("/%0AGET /forged 200").status, 400);
    assert_eq!(app.get("/steady/%0A%1b[2J?do=sleep&ms=1").status, 200);
    let line = app.line(|line| line.contains("GET /steady/"));
    assert!(line.contains("%0A%1b[2J"), "{line}");
}

#[test]
#[cfg_attr(spin, ignore = "Spin has no log in JSON")]
fn lines_are_json_on_demand() {
    let app = launch("pair").arg("--log-format=json").start();
    assert_eq!(app.get("/steady/a?do=print&text=printed").status, 200);
    assert_eq!(app.get("/victim/?do=trap").status, 500);
    let parse = |line: String| serde_json::from_str::<Value>(&line).unwrap();

    let access = parse(app.line(|line| line.contains(r#""path":"/steady/a""#)));
    let time = access["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    assert!(access["ms"].as_f64().unwrap() > 0.0);
    assert!(access["bytes"].as_u64().unwrap() > 0);
    assert_eq!(access.get("caller"), None, "nobody was asked");
    for (member, value) in [
        ("method", json!("GET")),
        ("status", json!(200)),
        ("component", json!("steady")),
    ] {
        assert_eq!(access[member], value);
    }
    let printed = parse(app.line(|line| line.contains(r#""message":"printed""#)));
    assert_eq!(
        (&printed["component"], &printed["stream"]),
        (&json!("steady"), &json!("stdout"))
    );
    assert_eq!(printed["request"], access["request"]);
    let trap = parse(app.line(|line| line.contains("an instance failed")));
    assert_eq!(
        (&trap["level"], &trap["component"]),
        (&json!("error"), &json!("victim"))
    );
    // Every line of the host's is JSON.
    for line in app.output().lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}
