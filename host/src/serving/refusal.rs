//! Responses of the host itself: problem documents (RFC 9457), as components send them.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use request_id::X_REQUEST_ID;
use serde::Serialize;

/// A request that the host answers with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    detail: &'static str,
}

/// The type `about:blank` means that the status describes the problem (RFC 9457, section 4.2.1).
#[derive(Serialize)]
struct Document {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: String,
}

impl Refusal {
    /// With this status, because of `detail`.
    pub(crate) const fn new(status: StatusCode, detail: &'static str) -> Self {
        Self { status, detail }
    }

    /// The refusal for a status with which hyper itself would answer.
    pub(crate) fn of_head(status: StatusCode) -> Self {
        Self::new(
            status,
            match status {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                    "the request's head is larger than this server reads, or has more than 100 header fields"
                }
                StatusCode::URI_TOO_LONG => "the request's target is longer than 65534 bytes",
                StatusCode::REQUEST_TIMEOUT => "the request's head did not arrive in time",
                StatusCode::HTTP_VERSION_NOT_SUPPORTED => "this server speaks HTTP/1.1, not HTTP/2",
                _ => "the request is not HTTP/1.1 (RFC 9112), or ends within its head",
            },
        )
    }

    /// Why.
    pub(crate) fn detail(self) -> &'static str {
        self.detail
    }

    /// The status of the response.
    pub(crate) fn status(self) -> StatusCode {
        self.status
    }

    /// The response, with the id of its request.
    pub(crate) fn response(self, id: HeaderValue) -> Response<Bytes> {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let document = Document {
            r#type: "about:blank",
            title,
            status: self.status.as_u16(),
            detail: self.detail,
            // The code that components send with this status.
            code: match self.status {
                StatusCode::INTERNAL_SERVER_ERROR => "internal-error".to_owned(),
                _ => title.to_ascii_lowercase().replace(' ', "-"),
            },
        };
        // Texts and a number: serialising does not fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        let nosniff = HeaderValue::from_static("nosniff");
        response
            .headers_mut()
            .insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        response.headers_mut().insert(X_REQUEST_ID, id);
        response
    }

    /// The response as it goes over the wire, where no request could be read. The connection ends with it.
    pub(crate) fn wire(self, id: HeaderValue) -> Vec<u8> {
        let (head, body) = self.response(id).into_parts();
        let reason = head.status.canonical_reason().unwrap_or_default();
        let mut wire = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_str()).into_bytes();
        for (name, value) in &head.headers {
            wire.extend_from_slice(name.as_ref());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        let date = httpdate::fmt_http_date(SystemTime::now());
        let length = body.len();
        let rest = format!("content-length: {length}\r\nconnection: close\r\ndate: {date}\r\n\r\n");
        wire.extend_from_slice(rest.as_bytes());
        wire.extend_from_slice(&body);
        wire
    }
}

#[cfg(test)]
mod tests {
    use request_id::new_id;

    use super::*;

    #[test]
    fn the_wire_has_what_the_response_has() {
        let refusal = Refusal::of_head(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let wire = String::from_utf8(refusal.wire(new_id())).expect("text");
        let (head, body) = wire.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())),
            "{head}"
        );
        for name in [
            "x-request-id: ",
            "connection: close",
            "date: ",
            "x-content-type-options: nosniff",
        ] {
            assert!(head.contains(&format!("\r\n{name}")), "{head}");
        }
        let document: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(document["type"], "about:blank");
        assert_eq!(document["code"], "request-header-fields-too-large");
        assert_eq!(document["status"], 431);
    }
}
