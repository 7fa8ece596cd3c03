use super::*;
use crate::{Json, Query};
use axum::Extension;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use pollster::block_on;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Count {
    count: u32,
}

async fn count(Query(query): Query<Count>) -> String {
    query.count.to_string()
}

async fn post_count(Json(body): Json<Count>) -> String {
    body.count.to_string()
}

fn service(cors_allowed_origins: &str) -> Service {
    let routes = Router::new().route("/count", get(count).merge(post(post_count)));
    let settings = Settings {
        cors_allowed_origins: cors_allowed_origins.to_owned(),
        max_body_bytes: 64,
    };
    Service::new(routes, &settings)
}

struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), problem::MEDIA_TYPE);
        let problem: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status);
        problem
    }
}

fn ask(
    service: &Service,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = block_on(service.respond(request));
    let (parts, body) = response.into_parts();
    let bytes = block_on(body.collect()).expect("a body").to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(bytes.into()).expect("text"),
    }
}

fn send(body: &str, content_type: &str) -> Answer {
    ask(
        &service(""),
        "POST",
        "/count",
        &[("content-type", content_type)],
        body,
    )
}

#[test]
fn bodies_are_json_of_the_right_shape_and_size() {
    assert_eq!(
        send(r#"{"count": 3}"#, "application/json; charset=utf-8").body,
        "3"
    );
    assert_eq!(
        send(r#"{"count": 3}"#, "application/problem+json").body,
        "3"
    );
    for content_type in [
        "application/json ; charset=utf-8",
        "Application/JSON;charset=\"utf-8\"",
        "application/json;",
        "application/json; a,b",
        "application/vnd.x+json ;profile=\u{e9}",
    ] {
        assert_eq!(send(r#"{"count": 3}"#, content_type).body, "3");
    }
    assert_eq!(send("\u{feff}{\"count\": 3}", "application/json").body, "3");
    let utf_16 = send("{\0\"\0}\0", "application/json").problem();
    assert_eq!(utf_16["code"], "invalid-json");
    assert_eq!(utf_16["detail"], "the body is in UTF-16, expected UTF-8");
    for (body, content_type, status, code) in [
        (
            r#"{"count": 3}"#,
            "text/plain",
            415,
            "unsupported-media-type",
        ),
        (r#"{"count": 3}"#, "nonsense", 415, "unsupported-media-type"),
        (r#"{"count": 3"#, "application/json", 400, "invalid-json"),
        (r#"{"count": 3} x"#, "application/json", 400, "invalid-json"),
        ("", "application/json", 400, "invalid-json"),
        (r#"{"count": -3}"#, "application/json", 422, "invalid-body"),
        ("{}", "application/json", 422, "invalid-body"),
        ("[3]", "application/json", 422, "invalid-body"),
        (
            &" ".repeat(65),
            "application/json",
            413,
            "content-too-large",
        ),
    ] {
        let answer = send(body, content_type);
        assert_eq!(
            (answer.status, &answer.problem()["code"]),
            (status, &code.into()),
            "{body}"
        );
    }
    let problem = send(r#"{"count": "x"}"#, "application/json").problem();
    assert_eq!(problem["pointer"], "/count");
    assert_eq!(
        problem["detail"],
        "invalid type: string \"x\", expected a whole number that is not negative at line 1 column 13"
    );
    let problem = send("", "application/json").problem();
    assert_eq!(problem["detail"], "the body is empty, expected JSON");
}

#[test]
fn a_compressed_body_is_refused_by_its_coding() {
    let send = |coding: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", coding),
        ];
        ask(&service(""), "POST", "/count", &headers, r#"{"count": 3}"#)
    };
    assert_eq!(send("identity").body, "3");
    let refused = send("gzip");
    assert_eq!(refused.header("accept-encoding"), "identity");
    let problem = refused.problem();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&415.into(), &"unsupported-media-type".into())
    );
    assert_eq!(
        problem["detail"],
        "the body is compressed with 'gzip'; send it without Content-Encoding"
    );
}

#[test]
fn queries_are_refused_by_the_name_of_the_parameter() {
    assert_eq!(
        ask(&service(""), "GET", "/count?count=3", &[], "").body,
        "3"
    );
    for query in [
        "",
        "?count=",
        "?count=x",
        "?other=1",
        "?count=1&count=2",
        "?count=%FF",
    ] {
        let answer = ask(&service(""), "GET", &format!("/count{query}"), &[], "");
        assert_eq!(answer.status, 422, "{query}");
        assert!(
            answer.problem()["detail"]
                .as_str()
                .expect("text")
                .contains("count"),
            "{query}"
        );
    }
}

#[test]
fn methods_and_paths_that_do_not_answer_are_problems() {
    let unknown = ask(&service(""), "GET", "/other", &[], "");
    assert_eq!(
        (unknown.status, &unknown.problem()["code"]),
        (404, &"not-found".into())
    );
    let refused = ask(&service(""), "PUT", "/count", &[], "");
    assert_eq!(
        (refused.status, &refused.problem()["code"]),
        (405, &"method-not-allowed".into())
    );
    assert_eq!(refused.header("allow"), "GET,HEAD,POST");
    let options = ask(&service(""), "OPTIONS", "/count", &[], "");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, "GET,HEAD,POST")
    );
    assert_eq!(ask(&service(""), "OPTIONS", "/other", &[], "").status, 404);
    let head = ask(&service(""), "HEAD", "/count?count=3", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn what_has_no_content_has_no_length() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let service = Service::new(Router::new().route("/", get(status)), &Settings::default());
        let answer = ask(&service, "GET", "/", &[], "");
        assert_eq!(
            (answer.status, answer.headers.get("content-length")),
            (status.as_u16(), None)
        );
    }
}

#[test]
fn request_ids_are_echoed_when_they_are_harmless() {
    let echoed = |id: &str| {
        let answer = ask(&service(""), "GET", "/other", &[("x-request-id", id)], "");
        answer.header("x-request-id") == id
    };
    assert!(echoed("abc-123"));
    assert!(echoed(&"x".repeat(128)));
    assert!(!echoed(&"x".repeat(129)));
    assert!(!echoed("with space"));
    assert!(!echoed(""));
    let made = || {
        ask(&service(""), "GET", "/other", &[], "")
            .header("x-request-id")
            .to_owned()
    };
    assert_ne!(made(), made());
}

#[test]
fn handlers_know_the_request_id() {
    async fn id(Extension(id): Extension<RequestId>) -> String {
        id.to_string()
    }
    let service = Service::new(Router::new().route("/id", get(id)), &Settings::default());
    let answer = |headers: &[(&str, &str)]| ask(&service, "GET", "/id", headers, "");
    assert_eq!(answer(&[("x-request-id", "abc-123")]).body, "abc-123");
    let made = answer(&[]);
    assert_eq!(made.body, made.header("x-request-id"));
}

#[test]
fn only_allowed_origins_may_read() {
    let allowed = |origins: &str, origin: &str| {
        let answer = ask(
            &service(origins),
            "GET",
            "/count?count=3",
            &[("origin", origin)],
            "",
        );
        answer.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed("", "https://a.example"), "");
    assert_eq!(allowed("*", "https://a.example"), "*");
    let list = "https://a.example, https://b.example";
    assert_eq!(allowed(list, "https://b.example"), "https://b.example");
    assert_eq!(allowed(list, "https://c.example"), "");
    let preflight = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = ask(&service(list), "OPTIONS", "/count", &preflight, "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-methods"), "*");
}
