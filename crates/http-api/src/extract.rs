//! Extractors whose rejections are [`Problem`]s.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use axum::RequestExt;
use axum::body::{Bytes, HttpBody};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::encoding::utf8;
use crate::media_type::essence;
use crate::problem::{self, Problem};
use crate::wording::plain;

/// The request body, which is a JSON object.
///
/// Rejected with
/// - `unsupported-media-type` unless the content type is `application/json` or ends in `+json`,
/// - `content-too-large` over the body limit, checked while it streams in,
/// - `invalid-json` when it does not parse,
/// - `invalid-body` when it parses but does not have the shape of `T`; the member `pointer` (RFC 6901)
///   says where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(unsupported_media_type(
                request.headers(),
                "application/json",
            ));
        }
        let Body(bytes) = Body::from_request(request, state).await?;
        parse_json(&bytes).map(|Object(value)| Json(value))
    }
}

/// A struct that is read only from an object: serde's derived code accepts an array of the fields, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// For `#[serde(deserialize_with)]`: an array of objects, each as strict as an [`Object`].
///
/// # Errors
/// Those of the deserializer.
pub fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(from)?;
    Ok(objects.into_iter().map(|Object(value)| value).collect())
}

/// The same for an array that may be null, which is empty.
///
/// # Errors
/// Those of the deserializer.
pub fn objects_or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Option::<Vec<Object<T>>>::deserialize(from)?.into_iter();
    Ok(objects.flatten().map(|Object(value)| value).collect())
}

/// Reads `bytes` as the JSON of a `T`; the errors are those of [`Json`]. A byte order mark is left out.
///
/// # Errors
/// `invalid-json` or `invalid-body`.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let not_json = |error: &serde_json::Error| {
        Problem::new(
            problem::INVALID_JSON,
            format!("the body is not valid JSON: {}", plain(&error.to_string())),
        )
    };
    let bytes = utf8(bytes)
        .map_err(|found| Problem::new(problem::INVALID_JSON, format!("the body is {found}")))?;
    if bytes.trim_ascii().is_empty() {
        return Err(Problem::new(
            problem::INVALID_JSON,
            "the body is empty, expected JSON",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = json_pointer(error.path());
        let error = error.into_inner();
        match error.classify() {
            serde_json::error::Category::Data => {
                Problem::new(problem::INVALID_BODY, plain(&error.to_string()))
                    .with("pointer", pointer)
            }
            // Valid JSON (RFC 8259, section 6), which serde_json classifies as a syntax error.
            _ if error.to_string().starts_with("number out of range") => {
                Problem::new(problem::INVALID_BODY, error.to_string()).with("pointer", pointer)
            }
            _ => not_json(&error),
        }
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn json_pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// The error of a body that is not read to its end, for the reason in the problem.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.detail())]
pub struct BodyRefused(pub Problem);

/// The request body as it came, under the body limit.
///
/// Rejected with `unsupported-media-type` when it is compressed, `content-too-large`, the problem of [`BodyRefused`], or
/// `invalid-request-body` when the client stops sending.
#[derive(Clone, Debug, Default)]
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let too_large = || {
            Problem::new(
                problem::CONTENT_TOO_LARGE,
                "the request body is larger than this route accepts",
            )
        };
        if let Some(coding) = content_coding(request.headers()) {
            return Err(coded(coding));
        }
        let declared = content_length(request.headers());
        let body = request.into_limited_body();
        // Refused before the client sends a body that would be discarded.
        if let (Some(length), Some(limit)) = (declared, body.size_hint().upper())
            && length > limit
        {
            return Err(too_large());
        }
        match body.collect().await {
            Ok(body) => Ok(Self(body.to_bytes())),
            Err(error) if cause::<LengthLimitError>(&error).is_some() => Err(too_large()),
            Err(error) => Err(match cause::<BodyRefused>(&error) {
                Some(BodyRefused(problem)) => problem.clone(),
                None => Problem::new(
                    problem::INVALID_REQUEST_BODY,
                    "the request body did not arrive whole: it is malformed, ends too early or came too slowly",
                ),
            }),
        }
    }
}

/// What the body is compressed with, if it is (RFC 9110, section 8.4).
fn content_coding(headers: &HeaderMap) -> Option<&HeaderValue> {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.into_iter().find(|coding| {
        let coding = coding.as_bytes().trim_ascii();
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    })
}

fn coded(coding: &HeaderValue) -> Problem {
    let coding = String::from_utf8_lossy(coding.as_bytes());
    let detail = format!(
        "the body is compressed with '{}'; send it without Content-Encoding",
        coding.escape_debug()
    );
    Problem::new(problem::UNSUPPORTED_MEDIA_TYPE, detail).header(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    )
}

/// The length of the body, if it is declared.
#[must_use]
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The error itself, or the first of its causes, that is an `E`.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    error
        .downcast_ref()
        .or_else(|| error.source().and_then(cause))
}

/// The query string. Rejected with `invalid-parameter`, which names the parameter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        parse_pairs(query.as_bytes()).map(Self)
    }
}

/// A body of type `application/x-www-form-urlencoded`.
///
/// Rejected as a [`Body`] is, and with `invalid-parameter`, which names the parameter.
#[derive(Clone, Copy, Debug, Default)]
pub struct UrlEncoded<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for UrlEncoded<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let expected = mime::APPLICATION_WWW_FORM_URLENCODED;
        if content_type(request.headers()) != Some(expected.clone()) {
            return Err(unsupported_media_type(request.headers(), expected.as_ref()));
        }
        let Body(bytes) = Body::from_request(request, state).await?;
        parse_pairs(&bytes).map(Self)
    }
}

fn parse_pairs<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let name = error.path().to_string();
        let reason = error.into_inner().to_string();
        if let Some(missing) = named_by("missing field", &reason) {
            Problem::parameter(missing, "is missing")
        } else if let Some(repeated) = named_by("duplicate field", &reason) {
            Problem::parameter(repeated, "is given more than once")
        } else if name == "." {
            Problem::new(problem::INVALID_PARAMETER, plain(&reason))
        } else {
            Problem::parameter(&name, format_args!("cannot be used: {}", plain(&reason)))
        }
    })
}

/// The field's name from one of serde's messages about a field.
fn named_by<'a>(beginning: &str, message: &'a str) -> Option<&'a str> {
    let name = message.strip_prefix(beginning)?.strip_prefix(" `")?;
    name.strip_suffix('`')
}

/// The path's parameters, percent-decoded. Rejected with `invalid-path`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let detail = match error.kind() {
                    ErrorKind::InvalidUtf8InPathParam { key } => {
                        format!("'{key}' in the path is not UTF-8 when it is percent-decoded")
                    }
                    _ => error.body_text(),
                };
                Err(Problem::new(problem::INVALID_PATH, detail))
            }
            // The router itself lost the parameters: no client can cause that.
            Err(error) => Err(Problem::internal(error)),
        }
    }
}

/// Whether the body is declared as JSON: `application/json` or `application/*+json`.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|mime| {
        mime.type_() == mime::APPLICATION
            && (mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON))
    })
}

/// The declared type and subtype of the body, without parameters; `None` when absent or malformed.
#[must_use]
pub fn content_type(headers: &HeaderMap) -> Option<mime::Mime> {
    essence(headers.get(header::CONTENT_TYPE)?.as_bytes())
}

/// The problem for a body of a type other than `expected`.
#[must_use]
pub fn unsupported_media_type(headers: &HeaderMap, expected: &str) -> Problem {
    let detail = match headers.get(header::CONTENT_TYPE) {
        Some(value) => format!(
            "the content type is '{}', expected {expected}",
            String::from_utf8_lossy(value.as_bytes()).escape_debug()
        ),
        None => format!("the request has no content type, expected {expected}"),
    };
    Problem::new(problem::UNSUPPORTED_MEDIA_TYPE, detail)
}
