//! Clients: schemathesis, the libraries of OpenAI, Triton, MLServer and Prometheus, browsers, and our own for folders of recordings.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod browser;
mod transcribe;

use std::process::{Command, Output};

use runtime_tests::{Launch, Request, Runtime, app, application, root, test_application};
use tempfile::TempDir;

fn text(output: &Output) -> String {
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    format!(
        "{}\n{}",
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr)
    )
}

/// Every check, on every operation of the API document: examples, boundaries, random data, and
/// sequences of requests.
#[test]
fn a_fuzzer_finds_no_fault() {
    let program = root().join(".venv/bin/schemathesis");
    assert!(
        program.is_file(),
        "{} is missing: `make setup-test` installs it",
        program.display()
    );
    // Random numbers may be hard ones: what matters is the answer, not the wait for it.
    let app = Launch::new(&application())
        .variable("factorize_time_limit", "1")
        .variable("api_keys", "schemathesis:fuzzers-secret")
        .start();
    let folder = TempDir::new().unwrap();
    let config = root().join("runtime-tests/clients/schemathesis.toml");
    let output = Command::new(program)
        .current_dir(folder.path())
        .env("PYTHONPATH", root().join("runtime-tests/clients"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .arg("--config-file")
        .arg(config)
        .args([
            "run",
            &app.url("/openapi.json"),
            "--header",
            "X-API-Key: fuzzers-secret",
            "--checks",
            "all",
            "--seed",
            "1",
        ])
        .args([
            "--max-examples",
            "50",
            "--generation-database",
            "none",
            "--no-color",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// OpenAI's client library, unchanged.
#[test]
fn the_client_of_openai_is_served() {
    let app = Launch::new(&application())
        .variable("api_keys", "people:sk-of-people")
        .start();
    let output = python()
        .env("OPENAI_API_KEY", "sk-of-people")
        .arg(root().join("runtime-tests/clients/openai_client.py"))
        .arg(app.url(""))
        .arg(root().join("examples"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// Client libraries of the Open Inference Protocol, unchanged.
#[test]
fn the_clients_of_triton_and_mlserver_are_served() {
    let output = python()
        .arg(root().join("runtime-tests/clients/inference_clients.py"))
        .arg(app().url(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// The parsers of Prometheus' own library.
#[test]
fn prometheus_reads_the_metrics() {
    let app = Launch::new(&application()).start();
    let job = Request::post_json("/factorize", r#"{"number": 6}"#);
    let job = app.send(&job.header("prefer", "respond-async")).json();
    let job = format!("/jobs/{}", job["id"].as_str().unwrap());
    while app.get(&job).json()["status"] != "succeeded" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let parse = |url: &str, route: &str, samples: &[&str]| {
        let output = python()
            .arg(root().join("runtime-tests/clients/prometheus_parser.py"))
            .args([url, route])
            .args(samples)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
    };
    let url = app.url("/metrics");
    let of_store = [
        "routelets_jobs_submitted_total=1",
        "routelets_jobs_claimed_total=1",
    ];
    parse(&url, "POST /factorize", &of_store);
    if Runtime::is_embedded() {
        let of_host = [
            "routelets_http_requests_total=1",
            "routelets_http_request_duration_seconds_count=1",
        ];
        parse(&url, "/factorize/...", &of_host);

        let app = Launch::new(&test_application("pair"))
            .arg("--metrics-listen=127.0.0.1:0")
            .start();
        assert_eq!(app.get("/steady/?do=echo").status, 200);
        let line = app.line(|line| line.starts_with("Metrics at "));
        let url = line.strip_prefix("Metrics at ").unwrap();
        parse(url, "/steady/...", &of_host);
    }
}

fn python() -> Command {
    let program = root().join(".venv/bin/python");
    assert!(
        program.is_file(),
        "{} is missing: `make setup-test` installs it",
        program.display()
    );
    Command::new(program)
}
