//! Errors as `application/problem+json` (RFC 9457).
//!
//! Every error of the API is one of the [`ProblemType`]s listed here; this file is the only place that assigns HTTP statuses.
//! Programs may branch on the stable `code`; `detail` is for people and may change.
//!
//! For an error of the service, the client gets a fixed sentence without internals, and the log gets the cause.

use std::error::Error;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The path under which the service explains its problem types; `type` is this and the code.
pub const TYPE_BASE: &str = "/about/problems/";

/// A type of problem: what is the same for each occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Stable name in kebab case, part of the contract.
    pub code: &'static str,
    /// The HTTP status it is sent with.
    pub status: StatusCode,
    /// Short summary, the same for each occurrence.
    pub title: &'static str,
}

macro_rules! problem_types {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub const $name: ProblemType =
            ProblemType { code: $code, status: StatusCode::$status, title: $title };)*

        /// Every problem type of the API.
        pub const ALL: &[ProblemType] = &[$($name),*];
    };
}

problem_types! {
    NOT_FOUND = NOT_FOUND, "not-found", "There is nothing at this path";
    MISSING_CREDENTIALS = UNAUTHORIZED, "missing-credentials", "The request has no credentials";
    INVALID_CREDENTIALS = UNAUTHORIZED, "invalid-credentials", "The API key, token or password is not valid";
    ROUTE_NOT_ALLOWED = FORBIDDEN, "route-not-allowed", "The API key does not allow this route";
    RATE_LIMITED = TOO_MANY_REQUESTS, "too-many-requests", "The caller has sent too many requests";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not support this method";
    INVALID_PATH = BAD_REQUEST, "invalid-path", "The path is not percent-encoded UTF-8";
    INVALID_REQUEST_BODY = BAD_REQUEST, "invalid-request-body", "The request body could not be read";
    INVALID_JSON = BAD_REQUEST, "invalid-json", "The request body is not JSON";
    CONTENT_TOO_LARGE = PAYLOAD_TOO_LARGE, "content-too-large", "The request body is over the size limit";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The media type of the request body is not supported";
    MISSING_BOUNDARY = BAD_REQUEST, "missing-boundary", "The content type of a form has no boundary";
    TRUNCATED_MULTIPART = BAD_REQUEST, "truncated-multipart", "A form ends before its closing boundary";
    INVALID_MULTIPART = BAD_REQUEST, "invalid-multipart", "A form cannot be read";
    UNNAMED_PART = BAD_REQUEST, "unnamed-part", "A part of a form has no name";
    TOO_MANY_PARTS = PAYLOAD_TOO_LARGE, "too-many-parts", "A form has too many parts";
    FIELD_TOO_LARGE = PAYLOAD_TOO_LARGE, "field-too-large", "A text field of a form is over its size limit";
    INVALID_TEXT = BAD_REQUEST, "invalid-text", "A text field of a form is not UTF-8";
    DUPLICATE_FIELD = UNPROCESSABLE_ENTITY, "duplicate-field", "A field was sent more than once";
    INVALID_PARAMETER = UNPROCESSABLE_ENTITY, "invalid-parameter", "A parameter has a value that cannot be used";
    INVALID_BODY = UNPROCESSABLE_ENTITY, "invalid-body", "The JSON in the request body does not have the expected shape";
    MISSING_FIELD = UNPROCESSABLE_ENTITY, "missing-field", "A required field is missing";
    INVALID_INPUT = UNPROCESSABLE_ENTITY, "invalid-input", "The function does not accept its arguments";
    INVALID_CSV = UNPROCESSABLE_ENTITY, "invalid-csv", "The CSV in the request body cannot be used";
    INVALID_TENSOR = UNPROCESSABLE_ENTITY, "invalid-tensor", "An inference request has tensors that the model does not take";
    INVALID_TYPE = UNPROCESSABLE_ENTITY, "invalid-type", "A field has the wrong JSON type";
    CONFLICTING_FIELDS = UNPROCESSABLE_ENTITY, "conflicting-fields", "Two fields that exclude one another were sent";
    INVALID_NUMBER = UNPROCESSABLE_ENTITY, "invalid-number", "A text is not an integer in decimal digits";
    INVALID_EXPRESSION = UNPROCESSABLE_ENTITY, "invalid-expression", "The expression cannot be evaluated";
    NOT_AN_INTEGER = UNPROCESSABLE_ENTITY, "not-an-integer", "The number is not an integer";
    NUMBER_TOO_SMALL = UNPROCESSABLE_ENTITY, "number-too-small", "The number is too small";
    TOO_MANY_DIGITS = UNPROCESSABLE_ENTITY, "too-many-digits", "The number has too many digits";
    MISSING_FILE = UNPROCESSABLE_ENTITY, "missing-file", "The form has no file";
    CONFLICTING_FILES = UNPROCESSABLE_ENTITY, "conflicting-files", "One file and a list of files were sent at once";
    EMPTY_FILE = UNPROCESSABLE_ENTITY, "empty-file", "The file has no content";
    NOT_AUDIO = UNSUPPORTED_MEDIA_TYPE, "not-audio", "The file is not audio of a known format";
    UNSUPPORTED_CODEC = UNSUPPORTED_MEDIA_TYPE, "unsupported-codec", "The audio is in a codec that is not supported";
    CORRUPT_AUDIO = UNPROCESSABLE_ENTITY, "corrupt-audio", "Nothing in the audio can be decoded";
    AUDIO_TOO_LONG = PAYLOAD_TOO_LARGE, "audio-too-long", "The audio is over the length limit";
    UNSUPPORTED_LANGUAGE = UNPROCESSABLE_ENTITY, "unsupported-language", "The model does not know the language";
    NO_TRANSLATION = UNPROCESSABLE_ENTITY, "no-translation", "The model does not translate";
    MODEL_NOT_FOUND = NOT_FOUND, "model-not-found", "There is no model of this name";
    JOB_NOT_FOUND = NOT_FOUND, "job-not-found", "There is no such job, or its result has expired";
    JOB_NOT_ENDED = CONFLICT, "job-not-ended", "The job has no result yet";
    JOB_CANCELED = CONFLICT, "job-canceled", "The job was canceled, so it has no result";
    TOO_MANY_JOBS = TOO_MANY_REQUESTS, "too-many-jobs", "Too many jobs are waiting";
    IDEMPOTENCY_KEY_REUSED = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was already sent with another request";
    WEBHOOK_NOT_ALLOWED = FORBIDDEN, "webhook-not-allowed", "The service may not call this webhook";
    WORKER_LOST = INTERNAL_SERVER_ERROR, "worker-lost", "Three workers that ran the job were lost";
    JOB_OUTDATED = INTERNAL_SERVER_ERROR, "job-outdated", "The service was updated while the job waited";
    STORE_UNAVAILABLE = SERVICE_UNAVAILABLE, "store-unavailable", "The job store does not answer";
    NOT_READY = SERVICE_UNAVAILABLE, "not-ready", "The service is not ready";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal-error", "The service failed";
    TIME_LIMIT_EXCEEDED = SERVICE_UNAVAILABLE, "time-limit-exceeded", "The computation did not end within the time limit";
}

/// The problem type with this code.
#[must_use]
pub fn by_code(code: &str) -> Option<&'static ProblemType> {
    ALL.iter().find(|kind| kind.code == code)
}

/// One occurrence of a problem; as a response it is `application/problem+json`.
///
/// The response also carries it as an extension, for routes whose protocol has its own errors.
///
/// Boxed, to keep `Result`s small.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Document>);

#[derive(Clone, Debug, Serialize)]
struct Document {
    #[serde(rename = "type")]
    type_uri: String,
    title: &'static str,
    #[serde(serialize_with = "status_as_number")]
    status: StatusCode,
    detail: String,
    code: &'static str,
    #[serde(flatten)]
    members: Map<String, Value>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
    #[serde(skip)]
    cause: Option<String>,
}

// The signature is the one serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn status_as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// An occurrence of `kind`; `detail` tells the client what to change.
    #[must_use]
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self(Box::new(Document {
            type_uri: format!("{TYPE_BASE}{}", kind.code),
            title: kind.title,
            status: kind.status,
            detail: detail.into(),
            code: kind.code,
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// An [`INTERNAL`] problem, which no client can cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail =
            "the service failed; its log has the cause under the X-Request-Id of this answer";
        Self::new(INTERNAL, detail).because(cause)
    }

    /// Adds the cause, which only the log gets.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(error) = next {
            chain = format!("{chain}: {error}");
            next = error.source();
        }
        self.0.cause = Some(chain);
        self
    }

    /// The cause and its causes; see [`Problem::because`].
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Writes a problem of the service (5xx) to the log; `subject` names the request or job.
    pub fn log(&self, subject: impl std::fmt::Display) {
        if self.0.status.is_server_error() {
            let cause = self.cause().unwrap_or(&self.0.detail);
            eprintln!("{subject}: {}: {cause}", self.0.code);
        }
    }

    /// An [`INVALID_PARAMETER`] that names the parameter in its detail and as a member.
    #[must_use]
    pub fn parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::new(INVALID_PARAMETER, format!("parameter '{name}' {reason}")).with("parameter", name)
    }

    /// Adds an extension member (RFC 9457, section 3.2).
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The stable name of its type.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The explanation of this occurrence, for the client.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// An extension member; see [`Problem::with`].
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// The HTTP status it is sent with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

/// Adds members to a response that is a problem document; leaves every other response unchanged.
///
/// For routes whose protocol has its own members. It also applies to problems that the layers around the routes report.
#[must_use]
pub fn extended(response: Response, members: impl FnOnce(Problem) -> Problem) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    let is_head = response.body().size_hint().exact() == Some(0);
    let (mut parts, _) = response.into_parts();
    let (problem_parts, body) = members(problem).into_response().into_parts();
    let length = problem_parts.headers.get(header::CONTENT_LENGTH).cloned();
    let length = length.or_else(|| body.size_hint().exact().map(HeaderValue::from));
    if let Some(length) = length {
        parts.headers.insert(header::CONTENT_LENGTH, length);
    }
    parts.extensions = problem_parts.extensions;
    let body = if is_head { Body::empty() } else { body };
    Response::from_parts(parts, body)
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let headers = std::mem::take(&mut self.0.headers);
        let mut response = (self.0.status, axum::Json(&self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(self);
        response
    }
}

/// Problems of a request to a protected operation that is not from a known caller, or not one for this caller.
pub const ACCESS: &[ProblemType] = &[
    MISSING_CREDENTIALS,
    INVALID_CREDENTIALS,
    ROUTE_NOT_ALLOWED,
    RATE_LIMITED,
];

/// Problems of any request body.
pub const BODY: &[ProblemType] = &[
    INVALID_REQUEST_BODY,
    CONTENT_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
];

/// Problems of a JSON body, in addition to [`BODY`].
pub const JSON: &[ProblemType] = &[INVALID_JSON, INVALID_BODY];

/// Problems of a form, in addition to [`BODY`].
pub const FORM: &[ProblemType] = &[
    MISSING_BOUNDARY,
    TRUNCATED_MULTIPART,
    INVALID_MULTIPART,
    UNNAMED_PART,
    TOO_MANY_PARTS,
    DUPLICATE_FIELD,
    MISSING_FILE,
];

/// Problems of a recording.
pub const AUDIO: &[ProblemType] = &[
    EMPTY_FILE,
    NOT_AUDIO,
    UNSUPPORTED_CODEC,
    CORRUPT_AUDIO,
    AUDIO_TOO_LONG,
];

/// Problems of a number to factorise.
pub const NUMBER: &[ProblemType] = &[
    MISSING_FIELD,
    CONFLICTING_FIELDS,
    INVALID_TYPE,
    INVALID_NUMBER,
    INVALID_EXPRESSION,
    NOT_AN_INTEGER,
    NUMBER_TOO_SMALL,
    TOO_MANY_DIGITS,
];

/// Problems of a request that may be deferred.
pub const DEFERRAL: &[ProblemType] = &[
    INVALID_PARAMETER,
    IDEMPOTENCY_KEY_REUSED,
    WEBHOOK_NOT_ALLOWED,
    TOO_MANY_JOBS,
    STORE_UNAVAILABLE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_for_the_log_alone() {
        #[derive(Debug, thiserror::Error)]
        #[error("the disk is full")]
        struct Full;
        #[derive(Debug, thiserror::Error)]
        #[error("cannot write")]
        struct Write(#[source] Full);

        let problem = Problem::internal(Write(Full));
        assert_eq!(problem.cause(), Some("cannot write: the disk is full"));
        let document = serde_json::to_string(&problem).expect("JSON");
        assert!(
            !document.contains("disk") && !document.contains("write"),
            "{document}"
        );
        assert_eq!(Problem::internal("text").cause(), Some("text"));
    }

    #[test]
    fn members_are_added_to_problems_alone() {
        let read = |response: Response| {
            let body = axum::body::to_bytes(response.into_body(), 10_000);
            pollster::block_on(body).expect("a body")
        };
        let add = |problem: Problem| {
            let detail = problem.detail().to_owned();
            problem.with("error", detail)
        };
        let response = Problem::new(NOT_FOUND, "nothing")
            .header(header::ALLOW, HeaderValue::from_static("GET"));
        let response = extended(response.into_response(), add);
        assert_eq!(
            (response.status(), &response.headers()[header::ALLOW]),
            (StatusCode::NOT_FOUND, &HeaderValue::from_static("GET"))
        );
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        let length = response.headers()[header::CONTENT_LENGTH].clone();
        let body = read(response);
        assert_eq!(length, body.len().to_string());
        let document: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            (&document["error"], &document["code"]),
            (&"nothing".into(), &"not-found".into())
        );

        // The answer to HEAD has the length of the document, but not the document.
        let mut head = Problem::new(NOT_FOUND, "nothing").into_response();
        *head.body_mut() = Body::empty();
        let head = extended(head, add);
        assert_eq!(head.headers()[header::CONTENT_LENGTH], length);
        assert!(read(head).is_empty());

        let other = extended("text".into_response(), add);
        assert_eq!(read(other), "text");
    }
}
