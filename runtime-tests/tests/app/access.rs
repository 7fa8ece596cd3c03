//! Who may call.

use runtime_tests::{Launch, Request, Response, Runtime, Server, app, application};
use serde_json::Value;

/// Keys: a plain one, one whose digest is known alone (`sha256sum` of `digested-secret`), and those that are not for all.
const KEYS: &str = "ci:plain-secret,\
    web:sha256:038488e252b9700851ed1ed1169696af830e652440c604c0039924ad8c872348,\
    old:expired-secret;expires=2026-01-01,\
    sums:narrow-secret;routes=/sum/*|/nowhere";

fn with_keys() -> Server {
    Launch::new(&application())
        .variable("api_keys", KEYS)
        .start()
}

/// Each operation of the document: its method, a path of its template, and whether it is declared open.
fn operations(document: &Value) -> Vec<(String, String, bool)> {
    let members = |value: &Value| value.as_object().unwrap().clone();
    let mut operations = Vec::new();
    for (template, item) in members(&document["paths"]) {
        let segments = template.split('/').map(|segment| match segment {
            parameter if parameter.starts_with('{') => "1",
            literal => literal,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        for (method, operation) in members(&item) {
            let open = match operation.get("security") {
                // Nothing is required.
                Some(security) => *security == serde_json::json!([{}]),
                None => false,
            };
            operations.push((method.to_uppercase(), path.clone(), open));
        }
    }
    operations
}

/// The code of an error, in either shape.
fn code(answer: &Response) -> String {
    let error = answer.json();
    let code = error["error"]["code"].as_str().or(error["code"].as_str());
    code.unwrap_or_default().replace('_', "-")
}

#[test]
fn each_operation_is_open_or_protected_as_declared() {
    let app = with_keys();
    let document = app.get("/openapi.json").json();
    let schemes = document["security"].as_array().unwrap();
    assert!(
        !schemes.is_empty(),
        "what is not declared open is protected"
    );
    let operations = operations(&document);
    let open = operations.iter().filter(|(_, _, open)| *open).count();
    assert!(open > 5 && operations.len() - open > 15, "{operations:?}");
    for (method, path, open) in operations {
        let ask = |headers: &[(&str, &str)]| {
            let mut request = Request::new(&method, &path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            app.send(&request)
        };
        let context = format!("{method} {path}");
        let stranger = ask(&[]);
        if open {
            assert!(![401, 403].contains(&stranger.status), "{context}");
            continue;
        }
        assert_eq!(stranger.status, 401, "{context}");
        assert_eq!(code(&stranger), "missing-credentials", "{context}");
        let challenge = stranger.header("www-authenticate").unwrap();
        assert_eq!(challenge, r#"Bearer realm="routelets""#);
        for wrong in [
            ("x-api-key", "plain-secret2"),
            ("authorization", "Bearer plain-secret2"),
            ("x-api-key", "expired-secret"),
        ] {
            let answer = ask(&[wrong]);
            assert_eq!(answer.status, 401, "{context} {wrong:?}");
            assert_eq!(code(&answer), "invalid-credentials", "{context}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.contains(r#"error="invalid_token""#),
                "{challenge}"
            );
        }
        for right in [
            ("x-api-key", "plain-secret"),
            ("authorization", "Bearer plain-secret"),
            ("x-api-key", "digested-secret"),
        ] {
            let answer = ask(&[right]);
            assert!(![401, 403].contains(&answer.status), "{context} {right:?}");
        }
        if !path.starts_with("/sum/") {
            let answer = ask(&[("x-api-key", "narrow-secret")]);
            assert_eq!(answer.status, 403, "{context}");
            assert_eq!(code(&answer), "route-not-allowed", "{context}");
        }
    }
    let answer = app.send(&Request::get("/sum/1/2").header("x-api-key", "narrow-secret"));
    assert_eq!(answer.status, 200);
    for secret in ["plain-secret", "digested-secret", "narrow-secret"] {
        assert!(!app.output().contains(secret), "{}", app.output());
    }
}

#[test]
fn what_is_not_declared_is_protected_beside_what_is() {
    let app = with_keys();
    // The components that answer here compute.
    for path in [
        "/v1/nothing",
        "/v2/models/other",
        "/factorize",
        "/jobs/1/x",
        "/hello/a/b",
    ] {
        assert_eq!(app.get(path).status, 401, "{path}");
    }
    // These do not.
    assert_eq!(app.get("/nowhere").status, 404);
    assert_eq!(app.get("/docs/swagger-ui.css").status, 200);
    assert_eq!(app.get("/about/problems/missing-credentials").status, 200);
    assert_eq!(app.send(&Request::new("PUT", "/ping")).status, 405);
}

#[test]
fn a_refusal_is_an_answer_like_every_other() {
    let app = Launch::new(&application())
        .variable("api_keys", KEYS)
        .variable("cors_allowed_origins", "https://one.example")
        .start();
    let origin = ("origin", "https://one.example");
    let refused = app.send(
        &Request::get("/sum/1/2")
            .header(origin.0, origin.1)
            .header("x-request-id", "mine"),
    );
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("x-request-id"), Some("mine"));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    let allowed = refused.header("access-control-allow-origin");
    assert_eq!(allowed, Some(origin.1), "a page learns why");
    assert_eq!(
        app.get("/sum/1/2").header("access-control-allow-origin"),
        None
    );
    let head = app.send(&Request::new("HEAD", "/sum/1/2"));
    assert_eq!((head.status, head.body.len()), (401, 0));
    assert_eq!(
        head.header("content-length"),
        app.get("/sum/1/2").header("content-length")
    );
    // Browsers ask without credentials whether they may send them.
    let preflight = Request::new("OPTIONS", "/factorize")
        .header(origin.0, origin.1)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,x-api-key");
    let answer = app.send(&preflight);
    assert_eq!(answer.status, 200);
    let headers = answer.header("access-control-allow-headers").unwrap();
    assert!(
        headers.contains("authorization") && headers.contains("x-api-key"),
        "{headers}"
    );
    // An upload is refused before it is read.
    let upload = Request::new("POST", "/asr").body(vec![0; 100_000]);
    assert_eq!(app.send(&upload).status, 401);
}

#[test]
fn without_keys_nobody_is_asked() {
    let request = Request::get("/sum/1/2").header("x-api-key", "whatever");
    assert_eq!(app().send(&request).status, 200);
    assert!(!app().output().contains("api_keys"));
}

#[test]
fn keys_that_cannot_be_used_let_nobody_in() {
    let launch = Launch::new(&application()).variable("api_keys", "ci:hush hush");
    if Runtime::is_embedded() {
        let (status, output) = launch.fail();
        assert!(!status.success());
        assert!(output.contains("the value of key 'ci'"), "{output}");
        assert!(!output.contains("hush"), "{output}");
        return;
    }
    let app = launch.start();
    let answer = app.send(&Request::get("/sum/1/2").header("x-api-key", "hush hush"));
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("hush") && !app.output().contains("hush"));
    assert_eq!(app.get("/ping").status, 200);
}

#[test]
#[cfg_attr(spin, ignore = "of Spin, `make up` says it")]
fn it_is_told_when_everybody_on_the_network_may_call() {
    let everywhere = || Launch::new(&application()).listen("0.0.0.0:0".parse().unwrap());
    let app = everywhere().start();
    assert!(
        app.output().contains("api_keys is empty"),
        "{}",
        app.output()
    );
    let app = everywhere().variable("api_keys", KEYS).start();
    assert!(!app.output().contains("api_keys"), "{}", app.output());
}

#[test]
#[cfg_attr(spin, ignore = "`_FILE` in the environment is of the embedded host")]
fn keys_come_from_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "a:first-secret\nb:second-secret\n").unwrap();
    let app = Launch::new(&application())
        .env("SPIN_VARIABLE_API_KEYS_FILE", file.to_str().unwrap())
        .start();
    for key in ["first-secret", "second-secret"] {
        let request = Request::get("/sum/1/2").header("x-api-key", key);
        assert_eq!(app.send(&request).status, 200);
    }
    assert_eq!(app.get("/sum/1/2").status, 401);
}

#[test]
fn the_log_names_the_caller_whom_a_client_cannot_choose() {
    let app = with_keys();
    let send = |request: Request| app.send(&request.header("x-caller", "key:forged"));
    let answer = send(Request::get("/sum/1/2").header("x-api-key", "digested-secret"));
    assert_eq!(answer.status, 200);
    assert_eq!(send(Request::get("/sum/3/4")).status, 401);
    if !Runtime::is_embedded() {
        // For a proxy in front.
        assert_eq!(answer.header("x-caller"), Some("key:web"));
        return;
    }
    assert_eq!(answer.header("x-caller"), None);
    let bytes = answer.body.len();
    let line = app.line(|line| line.contains("GET /sum/1/2 "));
    assert!(
        line.contains(&format!("GET /sum/1/2 200 {bytes}B ")),
        "{line}"
    );
    assert!(line.ends_with("ms sum key:web"), "{line}");
    let line = app.line(|line| line.contains("GET /sum/3/4 401 "));
    assert!(line.ends_with("ms sum"), "{line}");
}
