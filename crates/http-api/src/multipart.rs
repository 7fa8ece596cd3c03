//! Forms with files: `multipart/form-data` (RFC 7578).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};

use crate::extract::{Body, content_type, unsupported_media_type};
use crate::problem::{
    DUPLICATE_FIELD, FIELD_TOO_LARGE, INVALID_MULTIPART, INVALID_TEXT, MISSING_BOUNDARY, Problem,
    TOO_MANY_PARTS, TRUNCATED_MULTIPART, UNNAMED_PART,
};

/// The most parts a form may have.
pub const MAX_PARTS: usize = 100;

/// The longest text in a field, in bytes. A file may take up all of the body limit.
pub const MAX_TEXT: usize = 64 << 10;

/// The longest boundary (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// The request body as a form: its parts in their order, those of unknown names too.
///
/// Rejected with
/// - `unsupported-media-type` unless the content type is `multipart/form-data`,
/// - `missing-boundary` when that has no usable boundary,
/// - `content-too-large` over the body limit, checked while it streams in,
/// - `truncated-multipart` when the closing boundary is missing,
/// - `invalid-multipart` when the head of a part cannot be read,
/// - `unnamed-part` when a part has no name,
/// - `too-many-parts` when there are more than [`MAX_PARTS`].
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<Part>);

/// A field or a file of a [`Form`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Name of the field.
    pub name: String,
    /// What the client calls the file; may be anything, so not to be used as a path.
    pub file_name: Option<String>,
    /// The content as it came.
    pub bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let boundary = boundary(request.headers())?;
        // The body is parsed when it is complete: a parser that is fed piece by piece searches what
        // it has from the start each time, which for a body without a boundary takes quadratic time.
        let Body(bytes) = Body::from_request(request, state).await?;
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
            let name = field.name().filter(|name| !name.is_empty());
            let name = name.map(str::to_owned).ok_or_else(|| {
                Problem::new(
                    UNNAMED_PART,
                    format!(
                        "part {} has no 'name' in its Content-Disposition",
                        parts.len() + 1
                    ),
                )
            })?;
            parts.push(Part {
                name,
                file_name: field.file_name().map(str::to_owned),
                bytes: field.bytes().await.map_err(malformed)?,
            });
        }
        Ok(Self(parts))
    }

    /// The names of all parts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|part| part.name.as_str())
    }

    /// The parts called `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Part> {
        self.0.iter().filter(move |part| part.name == name)
    }

    /// The part called `name`, if there is one.
    ///
    /// # Errors
    /// `duplicate-field` when there are several.
    pub fn one(&self, name: &str) -> Result<Option<&Part>, Problem> {
        let mut parts = self.all(name);
        let first = parts.next();
        match parts.next() {
            None => Ok(first),
            Some(_) => Err(Problem::new(
                DUPLICATE_FIELD,
                format!("the field '{name}' is there more than once"),
            )
            .with("parameter", name)),
        }
    }

    /// The text of the field called `name`, if there is one.
    ///
    /// # Errors
    /// `duplicate-field` when there are several, else those of [`Part::text`].
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        self.one(name)?.map(Part::text).transpose()
    }

    /// The texts of the fields called `name`, or `name[]` as forms write lists.
    ///
    /// # Errors
    /// Those of [`Part::text`].
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, Problem> {
        let is_listed = |part: &&Part| {
            let stem = part.name.strip_suffix("[]").unwrap_or(&part.name);
            stem == name
        };
        self.0.iter().filter(is_listed).map(Part::text).collect()
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

/// Whether the body is declared as a form with files.
#[must_use]
pub fn is_form(headers: &HeaderMap) -> bool {
    content_type(headers).map_or_else(
        // A boundary of characters that are not allowed unquoted: the type is meant all the same.
        || {
            let value = headers
                .get(header::CONTENT_TYPE)
                .map_or(&[][..], |v| v.as_bytes());
            let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
            essence
                .trim_ascii()
                .eq_ignore_ascii_case(b"multipart/form-data")
        },
        |mime| mime.essence_str() == "multipart/form-data",
    )
}

fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    if !is_form(headers) {
        return Err(unsupported_media_type(headers, "multipart/form-data"));
    }
    content_type(headers)
        .and_then(|mime| Some(mime.get_param(mime::BOUNDARY)?.as_str().to_owned()))
        .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
        .ok_or_else(|| {
            Problem::new(
                MISSING_BOUNDARY,
                format!(
                    "the content type has no 'boundary' of 1 to {MAX_BOUNDARY} characters; \
                     let the HTTP client write the header"
                ),
            )
        })
}

// As `map_err` hands it over.
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
mod tests {
    use super::*;
    use axum::http::{HeaderValue, StatusCode};
    use pollster::block_on;

    fn request(content_type: &str, body: impl Into<axum::body::Body>) -> Request {
        let mut request = Request::new(body.into());
        let value = HeaderValue::try_from(content_type).expect("a header");
        request.headers_mut().insert(header::CONTENT_TYPE, value);
        request
    }

    fn read(body: impl AsRef<[u8]>) -> Result<Form, Problem> {
        let body = body.as_ref().to_vec();
        let request = request("multipart/form-data; boundary=X", body);
        block_on(Form::from_request(request, &()))
    }

    fn part(head: &str, content: &str) -> String {
        format!("--X\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn parts_come_with_their_names_in_their_order() {
        let body = [
            part("name=\"model\"", "whisper-1"),
            part("name=\"file\"; filename=\"a.wav\"", "RIFF\r\n--Y\r\n"),
            part("name=\"list[]\"", "a"),
            part("name=list", "b"),
            "--X--\r\n".to_owned(),
        ];
        let form = read(body.concat()).expect("a form");
        assert!(form.names().eq(["model", "file", "list[]", "list"]));
        assert_eq!(form.text("model").expect("text"), Some("whisper-1"));
        assert_eq!(form.text("absent").expect("text"), None);
        assert_eq!(form.texts("list").expect("text"), ["a", "b"]);
        let file = form.one("file").expect("one").expect("a file");
        assert_eq!(file.file_name.as_deref(), Some("a.wav"));
        assert_eq!(file.bytes, &b"RIFF\r\n--Y\r\n"[..]);
        assert!(read("--X--\r\n").expect("a form").0.is_empty());
    }

    #[test]
    fn each_mistake_is_its_own_problem() {
        let whole = part("name=a", "1") + "--X--";
        for (body, code) in [
            (String::new(), "truncated-multipart"),
            ("no boundary".to_owned(), "truncated-multipart"),
            (
                whole.replace("--X", "--Y") + "\r\n--Y--",
                "truncated-multipart",
            ),
            (part("name=a", "1"), "truncated-multipart"),
            (whole[..whole.len() - 5].to_owned(), "truncated-multipart"),
            ("--X\r\nContent-Disp".to_owned(), "truncated-multipart"),
            (
                "--X\r\nno header\r\n\r\n1\r\n--X--".to_owned(),
                "invalid-multipart",
            ),
            (
                whole.replace("Content-Disposition", "Content-Type"),
                "unnamed-part",
            ),
            (whole.replace("name=a", "name=\"\""), "unnamed-part"),
            (
                part("name=a", "1").repeat(MAX_PARTS + 1) + "--X--",
                "too-many-parts",
            ),
        ] {
            assert_eq!(
                read(&body).expect_err("refused").code(),
                code,
                "{body:.200}"
            );
        }
        let many = part("name=a", "1").repeat(MAX_PARTS) + "--X--";
        assert_eq!(read(many).expect("a form").0.len(), MAX_PARTS);
    }

    #[test]
    fn fields_are_single_short_and_utf_8() {
        let code = |body: &[u8]| {
            let form = read([body, b"--X--"].concat()).expect("a form");
            form.text("a").expect_err("refused").code()
        };
        let twice = part("name=a", "1").repeat(2);
        assert_eq!(code(twice.as_bytes()), "duplicate-field");
        let long = part("name=a", &"x".repeat(MAX_TEXT + 1));
        assert_eq!(code(long.as_bytes()), "field-too-large");
        let broken = b"--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n";
        assert_eq!(code(broken), "invalid-text");
    }

    #[test]
    fn the_content_type_has_to_be_one_with_a_boundary() {
        for (content_type, code) in [
            ("application/json", "unsupported-media-type"),
            ("multipart/mixed; boundary=X", "unsupported-media-type"),
            ("multipart/form-data", "missing-boundary"),
            ("multipart/form-data; boundary=", "missing-boundary"),
            ("Multipart/Form-Data; boundary=a b", "missing-boundary"),
            (
                &format!("multipart/form-data; boundary={}", "x".repeat(71)),
                "missing-boundary",
            ),
        ] {
            let refused = block_on(Form::from_request(request(content_type, "--X--"), &()));
            assert_eq!(refused.expect_err("refused").code(), code, "{content_type}");
        }
        let quoted = request("multipart/form-data; boundary=\"a b\"", "--a b--");
        assert!(block_on(Form::from_request(quoted, &())).is_ok());
    }

    #[test]
    fn a_form_over_the_limit_is_not_read() {
        let mut request = request("multipart/form-data; boundary=X", "--X--");
        let length = HeaderValue::from(3_000_000_u32);
        request.headers_mut().insert(header::CONTENT_LENGTH, length);
        let refused = block_on(Form::from_request(request, &())).expect_err("refused");
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    proptest::proptest! {
        #[test]
        fn what_goes_into_a_form_comes_out(
            contents in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..200), 0..5),
        ) {
            let head = "--7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=a\r\n\r\n";
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(head.as_bytes());
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--7MA4YWxkTrZu0gW--");
            let parsed = Form::parse(body.into(), "7MA4YWxkTrZu0gW".to_owned());
            let form = block_on(parsed).expect("a form");
            let read: Vec<&[u8]> = form.all("a").map(|part| &*part.bytes).collect();
            proptest::prop_assert_eq!(read, contents);
        }

        #[test]
        fn any_body_is_read_without_a_panic(body in "(--X|--|\r|\n|X|name=a|Content-Disposition: |:|\"|;|\\PC){0,40}") {
            let _ = read(body);
        }
    }
}
