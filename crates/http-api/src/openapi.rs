//! Pieces of the OpenAPI document that routes share.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::{MEDIA_TYPE, Problem, ProblemType};

/// The OpenAPI responses for these problem types, one for each status, with an example of each type.
#[must_use]
pub fn problem_responses(kinds: &[ProblemType]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<ProblemType>> = BTreeMap::new();
    for kind in kinds {
        let same_status = by_status.entry(kind.status.as_u16()).or_default();
        if !same_status.contains(kind) {
            same_status.push(*kind);
        }
    }
    by_status
        .into_iter()
        .map(|(status, kinds)| {
            let titles: Vec<_> = kinds
                .iter()
                .map(|kind| format!("`{}`: {}", kind.code, kind.title))
                .collect();
            let examples = kinds.iter().map(|kind| {
                let example = utoipa::openapi::example::ExampleBuilder::new()
                    .summary(kind.title)
                    .value(serde_json::to_value(Problem::new(*kind, kind.title)).ok())
                    .build();
                (kind.code.to_owned(), RefOr::T(example))
            });
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .examples_from_iter(examples)
                .build();
            let response = ResponseBuilder::new()
                .description(titles.join("; "))
                .content(MEDIA_TYPE, content)
                .build();
            (status.to_string(), RefOr::T(response))
        })
        .collect()
}

/// The schema of a problem document, for `components/schemas/Problem`.
#[must_use]
pub fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "An error (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "Identifies the problem type; GET explains it."},
            "title": {"type": "string", "description": "What the problem type means."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What went wrong in this request."},
            "code": {"type": "string", "description": "Stable name of the problem type."},
            "error": {"type": "string", "description": "Under `/v2`, the detail, under the name that the Open Inference Protocol gives it; of `/token`, the code that OAuth 2.0 gives it."},
        },
        "additionalProperties": true,
    })
}

/// Declares a type that lists the problems of an operation, in groups, for `#[utoipa::path(responses(…))]`.
///
/// ```
/// use http_api::problem::{BODY, INVALID_PARAMETER, JSON, TIME_LIMIT_EXCEEDED};
/// http_api::problem_responses!(Problems = BODY, JSON, &[INVALID_PARAMETER, TIME_LIMIT_EXCEEDED]);
///
/// #[utoipa::path(get, path = "/slow", responses((status = 200), Problems))]
/// async fn slow() {}
/// ```
#[macro_export]
macro_rules! problem_responses {
    ($name:ident = $($group:expr),+ $(,)?) => {
        struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                ::std::string::String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::response::Response>,
            > {
                let groups: &[&[$crate::problem::ProblemType]] = &[$($group),+];
                $crate::openapi::problem_responses(&groups.concat())
            }
        }
    };
}
