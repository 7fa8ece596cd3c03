//! The id of a request, in the header `X-Request-Id`. It names the request in log lines and in its answer.
//!
//! The host and the components choose it by the same rule, so that both log the same id.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header with the id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header of an answer with which a component tells the host who called, such as `key:ci`. The embedded host logs and removes
/// it.
pub const X_CALLER: HeaderName = HeaderName::from_static("x-caller");

/// The longest id that is taken from a client, in bytes.
const MAX_LENGTH: usize = 128;

/// The id of a request: the one in its headers if it is printable, without spaces and at most 128 bytes long, else a new one.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_usable = |value: &&HeaderValue| {
        (1..=MAX_LENGTH).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let sent = headers.get(X_REQUEST_ID).filter(is_usable);
    sent.cloned().unwrap_or_else(new_id)
}

/// A new id: a UUID of version 4.
#[must_use]
pub fn new_id() -> HeaderValue {
    let id = uuid::Uuid::new_v4().hyphenated().to_string();
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_echoed_when_they_are_harmless() {
        let id = |sent: &str| {
            let value = HeaderValue::from_str(sent).expect("a header");
            request_id(&HeaderMap::from_iter([(X_REQUEST_ID, value)]))
        };
        for sent in ["abc-1", &"x".repeat(MAX_LENGTH)] {
            assert_eq!(id(sent), sent);
        }
        for sent in ["", "a b", "é", &"x".repeat(MAX_LENGTH + 1)] {
            assert_eq!(id(sent).len(), 36, "{sent}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
