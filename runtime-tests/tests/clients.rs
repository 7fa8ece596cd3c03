//! Clients: schemathesis, the libraries of OpenAI, Triton, MLServer and Prometheus, a browser, and our own for folders of recordings.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runtime_tests::{Launch, Request, Runtime, Server, app, application, root, test_application};
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

/// `make transcribe`, on a folder with `recordings` and one other file.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new(recordings: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let below = folder.path().join("in/below");
        std::fs::create_dir_all(&below).unwrap();
        for name in recordings {
            std::fs::copy(root().join("examples").join(name), below.join(name)).unwrap();
        }
        std::fs::write(below.join("notes.txt"), "no recording").unwrap();
        Self { folder }
    }

    fn transcribe(&self, url: &str) -> Output {
        let folder = self.folder.path();
        Command::new(root().join("scripts/transcribe"))
            .arg(folder.join("in"))
            .arg(folder.join("out.csv"))
            .args(["--url", url, "--retries", "1"])
            .output()
            .unwrap()
    }

    /// The lines of the CSV file, sorted.
    fn rows(&self) -> Vec<String> {
        let csv = std::fs::read_to_string(self.folder.path().join("out.csv")).unwrap();
        let mut rows: Vec<String> = csv.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    }
}

#[test]
fn a_folder_is_transcribed_and_what_is_done_is_not_done_again() {
    let app = app();
    let folder = Folder::new(&["silence.wav", "light.opus"]);
    let below = folder.folder.path().join("in/below");
    let output = folder.transcribe(&app.url(""));
    assert!(output.status.success(), "{}", text(&output));
    let rows = folder.rows();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[0].starts_with("below/light.opus,2."), "{rows:?}");
    assert_eq!(
        rows[1..],
        ["below/silence.wav,1.0,", "file,duration,generated_text"]
    );

    // A row that was cut off is written again, what is whole stays, what is new is added.
    let csv = folder.folder.path().join("out.csv");
    std::fs::write(
        &csv,
        "file,duration,generated_text\nbelow/silence.wav,9.9,KEPT\nbelow/li",
    )
    .unwrap();
    std::fs::copy(below.join("silence.wav"), below.join("more.wav")).unwrap();
    let output = folder.transcribe(&app.url(""));
    assert!(output.status.success(), "{}", text(&output));
    let again = folder.rows();
    assert_eq!(again.len(), 4, "{again:?}");
    assert_eq!(again[0], rows[0]);
    assert_eq!(
        again[1..3],
        ["below/more.wav,1.0,", "below/silence.wav,9.9,KEPT"]
    );
}

#[test]
fn a_file_that_is_refused_is_reported_and_the_others_are_done() {
    let folder = Folder::new(&["silence.wav"]);
    std::fs::write(
        folder.folder.path().join("in/words.wav"),
        "These are words.",
    )
    .unwrap();
    let output = folder.transcribe(&app().url(""));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("words.wav: the file is not audio"),
        "{}",
        text(&output)
    );
    assert_eq!(
        folder.rows(),
        ["below/silence.wav,1.0,", "file,duration,generated_text"]
    );
}

#[test]
fn a_server_that_is_not_there_is_given_up_after_some_tries() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = Folder::new(&["silence.wav"]);
    let output = folder.transcribe(&format!("http://{free}"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("gave up"), "{}", text(&output));
    assert_eq!(folder.rows(), ["file,duration,generated_text"]);
}

/// Answers 503 once, then 200.
#[test]
fn a_full_server_is_asked_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 40\r\nconnection: close\r\n\r\n{\"transcription\":\"YES\",\"duration\":\"1.0\"}",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 100_000];
            let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            while std::io::Read::read(&mut stream, &mut request).is_ok_and(|read| read > 0) {}
        }
    });
    let folder = Folder::new(&["silence.wav"]);
    let output = folder.transcribe(&url);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(
        folder.rows(),
        ["below/silence.wav,1.0,YES", "file,duration,generated_text"]
    );
    server.join().unwrap();
}

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
