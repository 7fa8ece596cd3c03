//! What a request says about who sends it.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::Denied;

/// The header of API keys. The one that decides, if `Authorization` is there as well.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A secret that was sent. Not yet known to be anybody's.
pub enum Credentials<'a> {
    /// In `X-API-Key`.
    Key(&'a [u8]),
    /// In `Authorization`, behind `Bearer`.
    Bearer(&'a [u8]),
}

impl<'a> Credentials<'a> {
    /// Takes the secret out of the headers.
    ///
    /// # Errors
    /// There is none, or the header is repeated.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, Denied> {
        if let Some(value) = single(headers, &API_KEY, "X-API-Key")? {
            return Ok(Self::Key(value.as_bytes()));
        }
        single(headers, &AUTHORIZATION, "Authorization")?
            .and_then(|value| bearer(value.as_bytes()))
            .map(Self::Bearer)
            .ok_or(Denied::Missing)
    }
}

/// The value of a header that may be there once.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    called: &'static str,
) -> Result<Option<&'a HeaderValue>, Denied> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    match values.next() {
        Some(_) => Err(Denied::Repeated(called)),
        None => Ok(value),
    }
}

/// What follows the scheme `Bearer`, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("Bearer".len())?;
    let token = rest.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer") && !token.is_empty()).then_some(token)
}
