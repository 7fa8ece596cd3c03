//! The pages, in Chromium and Firefox.

use std::path::{Path, PathBuf};
use std::process::Command;

use runtime_tests::{Launch, Server, app, application, root, test_application};
use serde_json::Value;
use tempfile::TempDir;

use crate::{python, text};

/// A page in a browser.
struct Visit {
    dom: String,
    /// The hosts that the page sent requests to.
    hosts: Vec<String>,
    /// Errors of its scripts.
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
        // The browser's requests to its maker's hosts also stay on this machine.
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
        .filter(|line| line.contains("CONSOLE"))
        .filter(|line| line.contains("Uncaught") || line.contains("Content Security Policy"));
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
    assert!(visit.dom.contains("btn authorize"), "{}", visit.dom);
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

/// Everything on the page, by clicking and typing, in an application of its own.
#[test]
fn people_use_the_page() {
    let app = Launch::new(&application()).start();
    use_the_page("page.py", &["use", &app.url("")]);
}

/// With the keyboard alone, without scripts, in all widths and colours.
#[test]
fn everybody_can_use_the_page() {
    let app = Launch::new(&application()).start();
    use_the_page("page.py", &["looks", &app.url("")]);
}

#[test]
fn people_call_routes_from_the_documentation() {
    let app = Launch::new(&application()).start();
    use_the_page("page.py", &["documentation", &app.url("")]);
}

#[test]
fn people_sign_in_on_the_page() {
    let app = asking();
    use_the_page("page.py", &["sign-in", &app.url(""), ADA, KEY, PASSWORD]);
}

#[test]
fn people_use_the_page_in_firefox() {
    let (open, asking) = (app(), asking());
    use_the_page(
        "page_in_firefox.py",
        &[&open.url(""), &asking.url(""), ADA, KEY, PASSWORD],
    );
}

const ADA: &str = "ada";
const KEY: &str = "sk-of-ada";
const PASSWORD: &str = "correct horse";

/// An application that asks who calls.
fn asking() -> Server {
    let hash = "$argon2id$v=19$m=64,t=1,p=1$kXgoXg6R+pRNdHCL/zBCOw$RuGSRq8q05J+Rx7LksRh3SQqbvjRR4Od1/yneRv2Nfg";
    Launch::new(&application())
        .variable("api_keys", &format!("{ADA}:{KEY}"))
        .variable("jwt_secrets", "a-secret-of-the-tests-0123456789abcdef")
        .variable("users", &format!("{ADA}:{hash}"))
        .start()
}

fn use_the_page(script: &str, arguments: &[&str]) {
    let output = python()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root().join("runtime-tests/browser").join(script))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// The tests of hosts above would notice.
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
