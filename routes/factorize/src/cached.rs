//! Answers that caches may keep: the factorisation of a number never changes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use factor::Number;
use http_api::Problem;

use crate::request::Options;

const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The entity tag of the answer for a number, known before the answer is computed (RFC 9110, section 8.8.3).
///
/// Another version of this program may answer with other bytes.
pub(crate) struct EntityTag(String);

impl EntityTag {
    pub(crate) fn new(number: &Number, options: Options) -> Self {
        let details = if options.details { "-details" } else { "" };
        Self(format!(
            "\"{}-{number}{details}\"",
            env!("CARGO_PKG_VERSION")
        ))
    }

    /// Whether a client with these header fields already has the answer (RFC 9110, section 13.1.2).
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|tags| tags.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0)
    }

    /// `response`, with headers that let caches keep it.
    pub(crate) fn on(self, response: impl IntoResponse) -> Result<Response, Problem> {
        let tag = HeaderValue::try_from(self.0).map_err(Problem::internal)?;
        let headers = [(header::CACHE_CONTROL, CACHE_CONTROL), (header::ETAG, tag)];
        Ok((headers, response).into_response())
    }

    /// The answer to a client that already has it.
    pub(crate) fn not_modified(self) -> Result<Response, Problem> {
        self.on(StatusCode::NOT_MODIFIED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_weak_comparison_in_any_list() {
        let number: Number = "408216".parse().expect("a number");
        let plain = || EntityTag::new(&number, Options::default());
        let detailed = EntityTag::new(&number, Options { details: true });
        assert_ne!(plain().0, detailed.0);
        let known = |lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                let value = HeaderValue::from_str(list).expect("a value");
                headers.append(header::IF_NONE_MATCH, value);
            }
            plain().is_known(&headers)
        };
        let tag = plain().0;
        assert!(known(&[&tag]));
        assert!(known(&[&format!("W/{tag}")]));
        assert!(known(&[&format!("\"a\", {tag} ,\"b\"")]));
        assert!(known(&["\"a\"", &tag]));
        assert!(known(&["*"]));
        assert!(!known(&[]));
        assert!(!known(&[&detailed.0]));
        assert!(!known(&[tag.trim_matches('"')]));
        assert!(!known(&["", "\"\"", "W/*"]) && !known(&["\"*\""]));
    }
}
