//! Forms with files: `multipart/form-data` (RFC 7578).

mod boundary;
mod fields;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};

use crate::extract::{Body, content_type};
use crate::media_type::{extended, parameters};
use crate::problem::{
    FIELD_TOO_LARGE, INVALID_MULTIPART, INVALID_TEXT, Problem, TOO_MANY_PARTS, TRUNCATED_MULTIPART,
    UNNAMED_PART,
};

use boundary::Boundaries;
pub use boundary::boundary;

/// The most parts a form may have.
pub const MAX_PARTS: usize = 100;

/// The longest text in a field, in bytes. A file may take up all of the body limit.
pub const MAX_TEXT: usize = 64 << 10;

/// The request body as a form. [`Form::read`] makes a struct of it.
///
/// Rejected with
/// - `unsupported-media-type` unless the content type is `multipart/form-data`,
/// - `missing-boundary` when that has no usable boundary,
/// - `content-too-large` over the body limit, checked while it streams in,
/// - `truncated-multipart` when the closing boundary is missing,
/// - `invalid-multipart` when the head of a part cannot be read, or its content is in base64 or the like,
/// - `unnamed-part` when a part has no name,
/// - `too-many-parts` when there are more than [`MAX_PARTS`].
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<Part>);

/// A field or a file of a [`Form`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Name of the field.
    pub name: String,
    /// The client's name of the file. It may be anything: never use it as a path.
    pub file_name: Option<String>,
    /// The content, unchanged.
    pub bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let boundaries = Boundaries::announced(request.headers())?;
        // The body is parsed when it is complete: an incremental parser searches its buffer from the start each time, which
        // takes quadratic time for a body without a boundary.
        let Body(bytes) = Body::from_request(request, state).await?;
        let boundary = boundaries.used_in(&bytes)?;
        Self::parse(bytes, boundary).await
    }
}

impl Form {
    async fn parse(bytes: Bytes, boundary: String) -> Result<Self, Problem> {
        let stream = axum::body::Body::from(bytes).into_data_stream();
        let mut multipart = multer::Multipart::new(stream, boundary);
        let mut parts = Vec::new();
        while let Some(field) = multipart.next_field().await.map_err(malformed)? {
            if parts.len() == MAX_PARTS {
                return Err(Problem::new(
                    TOO_MANY_PARTS,
                    format!("the form has more than {MAX_PARTS} parts"),
                ));
            }
            let Disposition { name, file_name } = Disposition::of(field.headers());
            let name = name.ok_or_else(|| {
                Problem::new(
                    UNNAMED_PART,
                    format!(
                        "part {} has no 'name' in its Content-Disposition",
                        parts.len() + 1
                    ),
                )
            })?;
            if let Some(coding) = transfer_encoding(field.headers()) {
                let coding = coding.escape_debug();
                return Err(Problem::new(
                    INVALID_MULTIPART,
                    format!(
                        "the field '{name}' is encoded as '{coding}'; send it as it is (RFC 7578)"
                    ),
                ));
            }
            parts.push(Part {
                name,
                file_name,
                bytes: field.bytes().await.map_err(malformed)?,
            });
        }
        Ok(Self(parts))
    }

    /// The parts in their order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }
}

impl Part {
    /// The content as text.
    ///
    /// # Errors
    /// `field-too-large` over [`MAX_TEXT`], `invalid-text` when it is not UTF-8.
    pub fn text(&self) -> Result<&str, Problem> {
        let name = &self.name;
        if self.bytes.len() > MAX_TEXT {
            let detail = format!("the field '{name}' has more than {MAX_TEXT} bytes");
            return Err(Problem::new(FIELD_TOO_LARGE, detail).with("parameter", &**name));
        }
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let at = error.valid_up_to();
            let detail = format!("the field '{name}' is not UTF-8 at byte {at}");
            Problem::new(INVALID_TEXT, detail).with("parameter", &**name)
        })
    }
}

/// The names of a part.
struct Disposition {
    name: Option<String>,
    file_name: Option<String>,
}

impl Disposition {
    /// From the `Content-Disposition` of a part. Names of parameters are case-insensitive, and `filename*` (RFC 8187) takes
    /// precedence over `filename`.
    fn of(headers: &HeaderMap) -> Self {
        let header = headers.get(header::CONTENT_DISPOSITION);
        let found = header.map_or_else(Vec::new, |value| parameters(value.as_bytes()));
        let first = |name: &str| found.iter().find(|parameter| parameter.name == name);
        let plain = |name: &str| {
            let value = &first(name)?.value;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let encoded = |name: &str| extended(&first(name)?.value);
        Self {
            name: plain("name").filter(|name| !name.is_empty()),
            file_name: encoded("filename*").or_else(|| plain("filename")),
        }
    }
}

/// The encoding for mail of a part's content (RFC 7578, section 4.7); `None` if it is not encoded.
fn transfer_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get("content-transfer-encoding")?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes().trim_ascii()).to_lowercase();
    let is_plain = matches!(&*encoding, "" | "binary" | "8bit" | "7bit");
    (!is_plain).then_some(encoding)
}

/// Whether the body is declared as a form with files.
#[must_use]
pub fn is_form(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|mime| mime.essence_str() == "multipart/form-data")
}

// The signature is the one `map_err` needs.
#[allow(clippy::needless_pass_by_value)]
fn malformed(error: multer::Error) -> Problem {
    use multer::Error::{IncompleteFieldData, IncompleteHeaders, IncompleteStream};
    match error {
        IncompleteFieldData { .. } | IncompleteHeaders | IncompleteStream => Problem::new(
            TRUNCATED_MULTIPART,
            "the form ends without the closing boundary that the content type announces",
        ),
        error => Problem::new(
            INVALID_MULTIPART,
            format!("the form cannot be read: {error}"),
        ),
    }
}

#[cfg(test)]
mod tests;
