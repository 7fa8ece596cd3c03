//! The boundary between the parts of a form (RFC 2046, section 5.1.1).

use axum::http::{HeaderMap, header};
use memchr::memmem;

use super::is_form;
use crate::extract::unsupported_media_type;
use crate::media_type::parameters;
use crate::problem::{MISSING_BOUNDARY, Problem, TRUNCATED_MULTIPART};

/// The longest boundary.
const MAX_BOUNDARY: usize = 70;

/// The possible boundaries, by the content type: clients leave out quotes that its characters need.
#[derive(Debug)]
pub(crate) struct Boundaries(Vec<String>);

impl Boundaries {
    /// The boundaries that the headers announce.
    ///
    /// # Errors
    /// `unsupported-media-type` when the body is not a form, `missing-boundary` when the boundary is absent or too long.
    pub(crate) fn announced(headers: &HeaderMap) -> Result<Self, Problem> {
        if !is_form(headers) {
            return Err(unsupported_media_type(headers, "multipart/form-data"));
        }
        let found = candidates(headers);
        let Some(first) = found.first() else {
            return Err(Problem::new(
                MISSING_BOUNDARY,
                "the content type has no 'boundary'; let the HTTP client write the header",
            ));
        };
        if first.len() > MAX_BOUNDARY {
            let detail = format!(
                "the boundary has {} characters; at most {MAX_BOUNDARY} are allowed (RFC 2046)",
                first.len()
            );
            return Err(Problem::new(MISSING_BOUNDARY, detail));
        }
        Ok(Self(found))
    }

    /// The boundary that the body contains.
    ///
    /// # Errors
    /// When the body contains none: `missing-boundary` if the announced one is malformed, else `truncated-multipart`.
    pub(crate) fn used_in(self, body: &[u8]) -> Result<String, Problem> {
        let announced = self.0.first().cloned().unwrap_or_default();
        let mut used = self.0.into_iter();
        used.find(|boundary| is_in(body, boundary)).ok_or_else(|| {
            let shown = announced.escape_debug();
            let begins = first_delimiter(body)
                .map(|text| format!("; the body begins with '{}'", text.escape_debug()))
                .unwrap_or_default();
            match fault(&announced) {
                Some(fault) => Problem::new(
                    MISSING_BOUNDARY,
                    format!(
                        "the boundary '{shown}' is not in the body, and {fault} (RFC 2046){begins}"
                    ),
                ),
                None => Problem::new(
                    TRUNCATED_MULTIPART,
                    format!(
                        "the boundary '{shown}' of the content type is not in the body{begins}"
                    ),
                ),
            }
        })
    }
}

/// The boundary that the content type announces.
#[must_use]
pub fn boundary(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let mut found = candidates(headers).into_iter();
    found.find(|boundary| is_in(body, boundary))
}

/// The parsed parameter, and the rest of the header: an unquoted boundary may contain a `;`.
fn candidates(headers: &HeaderMap) -> Vec<String> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Vec::new();
    };
    let Some(found) = parameters(value.as_bytes())
        .into_iter()
        .find(|parameter| parameter.name == "boundary")
    else {
        return Vec::new();
    };
    let mut candidates = Vec::new();
    for bytes in [&*found.value, found.rest.trim_ascii()] {
        if let Ok(text) = std::str::from_utf8(bytes)
            && !text.is_empty()
            && !text.starts_with(';')
            && text != "\"\""
            && !candidates.iter().any(|known| known == text)
        {
            candidates.push(text.to_owned());
        }
    }
    candidates
}

/// Whether the body contains the boundary, which is almost always at its beginning.
fn is_in(body: &[u8], boundary: &str) -> bool {
    let delimiter = format!("--{boundary}");
    let ends = |rest: &[u8]| {
        matches!(
            rest.first(),
            None | Some(b'\r' | b'\n' | b' ' | b'\t' | b'-')
        )
    };
    let first = body.strip_prefix(delimiter.as_bytes());
    first.is_some_and(ends)
        || memmem::find_iter(body, delimiter.as_bytes()).any(|at| {
            let before = at.checked_sub(1).and_then(|before| body.get(before));
            let rest = body.get(at + delimiter.len()..).unwrap_or_default();
            before == Some(&b'\n') && ends(rest)
        })
}

/// The first line of a body that begins with a boundary, shortened.
fn first_delimiter(body: &[u8]) -> Option<String> {
    let line = body.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let is_delimiter = line.starts_with(b"--") && line.len() <= MAX_BOUNDARY + 2;
    is_delimiter.then(|| String::from_utf8_lossy(line).into_owned())
}

/// The rule of RFC 2046 that a boundary violates.
fn fault(boundary: &str) -> Option<String> {
    let odd = boundary
        .chars()
        .find(|letter| !(letter.is_ascii_alphanumeric() || "'+_-.".contains(*letter)))?;
    Some(if "(),/:=? ".contains(odd) {
        format!("'{odd}' needs quotes in it")
    } else {
        format!("'{}' is not allowed in it", odd.escape_debug())
    })
}
