//! Clients that we did not write: schemathesis, and a browser.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runtime_tests::{Launch, Server, app, application, root};
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
    let output = Command::new(program)
        .current_dir(folder.path())
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

/// What a browser made of a page, and the hosts that it sent requests to.
struct Visit {
    dom: String,
    hosts: Vec<String>,
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
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("--log-net-log={}", log.display()))
        // Runs the page's clock ahead until it has nothing left to do.
        .args(["--virtual-time-budget=30000", "--dump-dom"])
        .arg(app.url(path))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    Visit {
        dom: String::from_utf8(output.stdout).unwrap(),
        hosts: hosts(&log),
    }
}

fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
    let found = candidates.find(|candidate| candidate.is_file());
    found.expect("chromium is missing: `make setup-test` installs it")
}

/// The hosts of every request in a network log of Chromium's, whoever made it.
fn hosts(log: &Path) -> Vec<String> {
    let log: Value = serde_json::from_slice(&std::fs::read(log).unwrap()).unwrap();
    let events = log["events"].as_array().unwrap().iter();
    let urls = events.filter_map(|event| event["params"]["url"].as_str());
    let remote = urls.filter_map(|url| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?']).next()?;
        ["http", "https", "ws", "wss"]
            .contains(&scheme)
            .then(|| host.to_owned())
    });
    let mut hosts: Vec<String> = remote.collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

#[test]
fn a_browser_renders_the_documentation_from_here_alone() {
    let app = app();
    let visit = visit(&app, "/docs");
    let document = app.get("/openapi.json").json();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(
            visit.dom.contains(&format!("data-path=\"{path}\"")),
            "{path} is not shown:\n{}",
            visit.dom
        );
        assert!(item.is_object());
    }
    assert_eq!(
        visit.dom.matches("class=\"opblock ").count(),
        operations(&document)
    );
    assert_eq!(visit.hosts, [app.address().to_string()]);
}

fn operations(document: &Value) -> usize {
    let items = document["paths"].as_object().unwrap().values();
    items.map(|item| item.as_object().unwrap().len()).sum()
}

#[test]
fn a_browser_renders_the_start_page() {
    let app = app();
    let visit = visit(&app, "/");
    assert!(visit.dom.contains("<h1>"), "{}", visit.dom);
    assert_eq!(visit.hosts, [app.address().to_string()]);
}
