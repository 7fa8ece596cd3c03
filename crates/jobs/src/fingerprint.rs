//! Fingerprints that show whether two requests are the same.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use bytes::Bytes;
use http_api::extract::content_type;
use http_api::multipart::{boundary, is_form};
use sha2::{Digest, Sha256};

/// A hash of the target, the media type and the body.
///
/// Without the boundary of a form: clients make a new one each time they send the same form.
pub(crate) fn fingerprint(target: &str, headers: &HeaderMap, body: &Bytes) -> String {
    let media_type = content_type(headers);
    let essence = media_type.as_ref().map_or("", |mime| mime.essence_str());
    let boundary = is_form(headers).then(|| boundary(headers, body)).flatten();
    let mut hash = Sha256::new();
    for text in [target, essence] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    match boundary {
        Some(boundary) => without(body, boundary.as_bytes(), |piece| hash.update(piece)),
        None => hash.update(body),
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Passes on the pieces between the occurrences of `separator`.
fn without(mut text: &[u8], separator: &[u8], mut take: impl FnMut(&[u8])) {
    while let Some(at) = text.windows(separator.len()).position(|w| w == separator) {
        let (before, rest) = text.split_at(at);
        take(before);
        text = rest.get(separator.len()..).unwrap_or_default();
    }
    take(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, header};

    fn print(target: &str, content_type: &'static str, body: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        fingerprint(target, &headers, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn the_same_form_is_the_same_request() {
        let form = |content_type, body| print("/asr", content_type, body);
        let first = form("multipart/form-data; boundary=AAA", "--AAA\r\nx\r\n--AAA--");
        let again = form(
            "multipart/form-data; boundary=\"BB\"",
            "--BB\r\nx\r\n--BB--",
        );
        let unquoted = form("Multipart/Form-Data ;boundary=C D", "--C D\r\nx\r\n--C D--");
        assert_eq!(first, unquoted);
        let other = form("multipart/form-data; boundary=AAA", "--AAA\r\ny\r\n--AAA--");
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn target_type_and_body_count() {
        let one = print("/factorize", "application/json", "{}");
        assert_eq!(
            one,
            print("/factorize", "application/json; charset=utf-8", "{}")
        );
        assert_ne!(one, print("/factorize?x", "application/json", "{}"));
        assert_ne!(one, print("/factorize", "text/json", "{}"));
        assert_ne!(one, print("/factorize", "application/json", "{ }"));
    }
}
