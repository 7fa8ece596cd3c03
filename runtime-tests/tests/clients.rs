//! Clients that we did not write: schemathesis, and a browser.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runtime_tests::{Launch, Server, app, application, root, test_application};
use serde_json::Value;
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
fn schemathesis_finds_no_fault() {
    let program = root().join(".venv/bin/schemathesis");
    assert!(
        program.is_file(),
        "{} is missing: `make setup-test` installs it",
        program.display()
    );
    // Random numbers may be hard ones: what matters is the answer, not the wait for it.
    let app = Launch::new(&application())
        .variable("factorize_time_limit", "1")
        .start();
    let folder = TempDir::new().unwrap();
    let config = root().join("runtime-tests/clients/schemathesis.toml");
    let output = Command::new(program)
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(config)
        .args([
            "run",
            &app.url("/openapi.json"),
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

/// What a browser made of a page.
struct Visit {
    dom: String,
    /// The hosts that the page sent requests to.
    hosts: Vec<String>,
    /// What its scripts failed at.
    errors: Vec<String>,
}

fn visit(app: &Server, path: &str) -> Visit {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("net.json");
    let output = Command::new(chromium())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        // What the browser itself wants of its maker's hosts stays on this machine, too.
        .arg("--disable-features=AutofillServerCommunication")
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("--log-net-log={}", log.display()))
        // Runs the page's clock ahead until it has nothing left to do.
        .args([
            "--virtual-time-budget=30000",
            "--dump-dom",
            "--enable-logging=stderr",
        ])
        .arg(app.url(path))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let errors = stderr
        .lines()
        .filter(|line| line.contains("CONSOLE") && line.contains("Uncaught"));
    Visit {
        errors: errors.map(str::to_owned).collect(),
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        hosts: hosts(&log),
    }
}

fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
    let found = candidates.find(|candidate| candidate.is_file());
    found.expect("chromium is missing: `make setup-test` installs it")
}

/// The hosts of the page's requests in a network log of Chromium's. Whatever a page or a frame in it
/// loads, from wherever, has the page's own site first in its isolation key; the browser's own
/// requests have another, or none.
fn hosts(log: &Path) -> Vec<String> {
    let log: Value = serde_json::from_slice(&std::fs::read(log).unwrap()).unwrap();
    let events = log["events"].as_array().unwrap().iter();
    let of_page = events.filter_map(|event| {
        let parameters = &event["params"];
        let key = parameters["network_isolation_key"].as_str()?;
        let url = parameters["url"].as_str()?;
        let (_, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?']).next()?;
        key.starts_with("http://127.0.0.1").then(|| host.to_owned())
    });
    let mut hosts: Vec<String> = of_page.collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

#[test]
fn a_browser_renders_the_documentation_from_here_alone() {
    let app = app();
    let visit = visit(&app, "/docs");
    assert_eq!(visit.errors, Vec::<String>::new());
    let document = app.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    for path in paths.keys() {
        let shown = visit.dom.contains(&format!("data-path=\"{path}\""));
        assert!(shown, "{path} is not shown:\n{}", visit.dom);
    }
    let operations: usize = paths
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(
        visit.dom.matches("class=\"opblock opblock-").count(),
        operations
    );
    assert_eq!(visit.hosts, [app.address().to_string()]);
}

#[test]
fn a_browser_renders_the_start_page() {
    let app = app();
    let visit = visit(&app, "/");
    assert!(visit.dom.contains("<h1>"), "{}", visit.dom);
    assert_eq!(visit.errors, Vec::<String>::new());
    assert_eq!(visit.hosts, [app.address().to_string()]);
}

/// The two tests above would notice.
#[test]
fn a_page_that_loads_from_elsewhere_is_found_out() {
    let app = Launch::new(&test_application("stray")).start();
    let visit = visit(&app, "/");
    assert_eq!(
        visit.hosts,
        [app.address().to_string(), "stray.invalid".to_owned()]
    );
    assert_eq!(visit.errors.len(), 1, "{:?}", visit.errors);
}
