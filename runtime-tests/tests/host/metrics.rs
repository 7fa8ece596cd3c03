//! The metrics of the embedded host.

use runtime_tests::{Connection, Request, Runtime, Server};

use crate::{launch, tell};

/// The numbers at the address that the host announces.
fn scrape(app: &Server) -> String {
    let line = app.line(|line| line.starts_with("Metrics at "));
    let address = line.strip_prefix("Metrics at http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap().parse().unwrap();
    let answer = Connection::open(address).unwrap();
    let answer = { answer }.send(&Request::get("/metrics")).unwrap();
    assert_eq!(answer.status, 200);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(kind));
    answer.text().to_owned()
}

fn value(text: &str, sample: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(sample));
    rest.map(|value| value.trim().parse().unwrap())
}

#[test]
fn requests_instances_and_failures_are_counted() {
    if !Runtime::is_embedded() {
        return;
    }
    let app = launch("pair").arg("--metrics-listen=127.0.0.1:0").start();
    for path in ["/steady/a", "/steady/b?do=sleep&ms=1"] {
        tell(&app, "/steady/", "print&text=x").unwrap();
        let _ = app.get(path);
    }
    assert_eq!(app.get("/victim/?do=trap").status, 500);
    assert_eq!(app.get("/nowhere/secret").status, 404);
    let text = scrape(&app);
    let is = |sample: &str, expected: f64| {
        assert_eq!(value(&text, sample), Some(expected), "{sample}:\n{text}");
    };
    let steady = r#"routelets_http_request_duration_seconds_count{route="/steady/...",status=""#;
    let steady = text.lines().filter_map(|line| line.strip_prefix(steady));
    let counts = steady.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    assert_eq!(counts.sum::<f64>(), 4.0, "{text}");
    is(
        r#"routelets_http_requests_total{route="/victim/...",status="500"}"#,
        1.0,
    );
    is(
        r#"routelets_http_requests_total{route="unmatched",status="404"}"#,
        1.0,
    );
    is(
        r#"routelets_instance_failures_total{component="victim"}"#,
        1.0,
    );
    is(
        r#"routelets_instance_failures_total{component="steady"}"#,
        0.0,
    );
    is(r#"routelets_instances{component="victim"}"#, 0.0);
    is(
        r#"routelets_instance_memory_bytes{component="victim"}"#,
        0.0,
    );
    let more = |sample: &str, least: f64| {
        let found = value(&text, sample);
        assert!(
            found.is_some_and(|found| found >= least),
            "{sample}: {found:?}"
        );
    };
    more(
        r#"routelets_http_response_bytes_total{route="/steady/..."}"#,
        10.0,
    );
    more("process_resident_memory_bytes", 1e6);
    more("process_start_time_seconds", 1.7e9);
    assert!(
        !text.contains("secret") && !text.contains("/steady/a"),
        "{text}"
    );
}

#[test]
fn memory_is_counted_while_instances_live() {
    if !Runtime::is_embedded() {
        return;
    }
    let app = launch("pair")
        .arg("--metrics-listen=127.0.0.1:0")
        .arg("--idle-instance-timeout=60s")
        .start();
    tell(&app, "/steady/", "print&text=x").unwrap();
    let text = scrape(&app);
    let instances = value(&text, r#"routelets_instances{component="steady"}"#);
    assert_eq!(instances, Some(1.0));
    // A page of WebAssembly has 64 KiB.
    let memory = value(
        &text,
        r#"routelets_instance_memory_bytes{component="steady"}"#,
    );
    assert!(
        memory.unwrap() >= 65_536.0 && memory.unwrap() % 65_536.0 == 0.0,
        "{memory:?}"
    );
}

#[test]
fn the_metrics_cannot_be_reached_through_the_application() {
    if !Runtime::is_embedded() {
        return;
    }
    let app = launch("pair").arg("--metrics-listen=127.0.0.1:0").start();
    assert_eq!(app.get("/metrics").status, 404);
    let taken = format!("--metrics-listen={}", app.address());
    let (status, output) = launch("pair").arg(taken).fail();
    assert!(!status.success());
    assert!(
        output.contains("another address with --metrics-listen"),
        "{output}"
    );
}
