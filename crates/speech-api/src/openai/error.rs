//! Errors as OpenAI writes them.

use std::collections::BTreeMap;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_api::Problem;
use http_api::problem::ProblemType;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenAiError {
    error: ErrorObject,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorObject {
    /// What went wrong, for people to read.
    message: String,
    /// `invalid_request_error` for an error of the client, else `server_error`.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    kind: &'static str,
    /// The field with the error, if it is in one.
    #[schema(required = true)]
    param: Option<String>,
    /// Stable name of the type of error.
    #[schema(example = "not_audio")]
    code: String,
}

impl From<&Problem> for OpenAiError {
    fn from(problem: &Problem) -> Self {
        let param = problem.member("parameter").and_then(Value::as_str);
        Self {
            error: ErrorObject {
                message: problem.detail().to_owned(),
                kind: if problem.status().is_client_error() {
                    "invalid_request_error"
                } else {
                    "server_error"
                },
                param: param.map(str::to_owned),
                code: problem.code().replace('-', "_"),
            },
        }
    }
}

/// OpenAI's status for a problem. Its clients expect 400 for every invalid request.
fn status(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            StatusCode::BAD_REQUEST
        }
        other => other,
    }
}

/// Turns a problem document into OpenAI's error object; leaves every other response as it is.
///
/// Applied to a response twice, it changes nothing the second time: the routes apply it, and again the component, because the
/// layers around the routes report problems, too.
#[must_use]
pub fn with_openai_errors(response: Response) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    // Strings only: serialising does not fail.
    let error = serde_json::to_vec(&OpenAiError::from(&problem)).unwrap_or_default();
    parts.status = status(parts.status);
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    let length = HeaderValue::from(error.len());
    parts.headers.insert(header::CONTENT_LENGTH, length);
    let is_head = body.size_hint().exact() == Some(0);
    let body = if is_head {
        Body::empty()
    } else {
        Body::from(error)
    };
    Response::from_parts(parts, body)
}

/// The OpenAPI responses for problems as OpenAI's errors, with an example of each.
#[must_use]
pub fn error_responses(
    kinds: &[ProblemType],
) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let mut by_status: BTreeMap<u16, Vec<&ProblemType>> = BTreeMap::new();
    for kind in kinds {
        let same_status = by_status.entry(status(kind.status).as_u16()).or_default();
        same_status.push(kind);
    }
    let response = |kinds: Vec<&ProblemType>| {
        let names: Vec<_> = kinds
            .iter()
            .map(|kind| format!("`{}`: {}", kind.code.replace('-', "_"), kind.title))
            .collect();
        let examples = kinds.iter().map(|kind| {
            let error = OpenAiError::from(&Problem::new(**kind, kind.title));
            let name = error.error.code.clone();
            let example = ExampleBuilder::new()
                .summary(kind.title)
                .value(serde_json::to_value(error).ok());
            (name, RefOr::T(example.build()))
        });
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("OpenAiError")))
            .examples_from_iter(examples)
            .build();
        ResponseBuilder::new()
            .description(names.join("; "))
            .content("application/json", content)
            .build()
    };
    by_status
        .into_iter()
        .map(|(status, kinds)| (status.to_string(), RefOr::T(response(kinds))))
        .collect()
}

/// Like [`http_api::problem_responses!`], for errors as OpenAI writes them.
#[macro_export]
macro_rules! openai_errors {
    ($name:ident = $($group:expr),+ $(,)?) => {
        struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                ::std::string::String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::Response>,
            > {
                let groups: &[&[::http_api::problem::ProblemType]] = &[$($group),+];
                $crate::openai::error_responses(&groups.concat())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use http_api::problem::{INTERNAL, INVALID_PARAMETER, MODEL_NOT_FOUND, NOT_AUDIO};
    use serde_json::json;

    fn rewritten(problem: Problem) -> (u16, String, Value) {
        // Once by the route and once around it.
        let response = with_openai_errors(with_openai_errors(problem.into_response()));
        let kind = response.headers()[header::CONTENT_TYPE].to_str();
        let kind = kind.expect("text").to_owned();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000);
        let body = pollster::block_on(body).expect("a body");
        (status, kind, serde_json::from_slice(&body).expect("JSON"))
    }

    #[test]
    fn problems_become_their_errors() {
        let (status, kind, body) = rewritten(Problem::parameter("temperature", "is too high"));
        assert_eq!((status, &*kind), (400, "application/json"));
        assert_eq!(
            body,
            json!({"error": {
                "message": "parameter 'temperature' is too high",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "invalid_parameter",
            }})
        );
        for (problem, status, kind) in [
            (INVALID_PARAMETER, 400, "invalid_request_error"),
            (NOT_AUDIO, 400, "invalid_request_error"),
            (MODEL_NOT_FOUND, 404, "invalid_request_error"),
            (INTERNAL, 500, "server_error"),
        ] {
            let (got, _, body) = rewritten(Problem::new(problem, "x"));
            assert_eq!((got, &body["error"]["type"]), (status, &json!(kind)));
            assert_eq!(body["error"]["param"], Value::Null);
        }
    }

    #[test]
    fn other_responses_stay_as_they_are() {
        let response = with_openai_errors((StatusCode::OK, "text").into_response());
        assert_eq!(response.status(), 200);
        assert_eq!(response.into_body().size_hint().exact(), Some(4));
    }
}
