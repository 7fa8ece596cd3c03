//! Content negotiation (RFC 9110, section 12.5.1).

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

/// `value` as JSON, or the page that `html` makes if the client prefers HTML.
pub fn negotiated<T: Serialize, P>(
    request: &HeaderMap,
    value: &T,
    html: impl FnOnce() -> P,
) -> Response
where
    Html<P>: IntoResponse,
{
    let mut response = if prefers_html(request) {
        Html(html()).into_response()
    } else {
        Json(value).into_response()
    };
    let vary = HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// Whether the client prefers HTML to JSON: browsers do, programs do not.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(media_range)
        .collect::<Vec<_>>();
    quality(&accept, "text", "html") > quality(&accept, "application", "json")
}

struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
}

fn media_range(text: &str) -> Option<MediaRange<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let quality = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(Some(1000), |(_, value)| thousandths(value.trim()))?;
    Some(MediaRange {
        kind,
        subtype,
        quality,
    })
}

/// A `qvalue`: 0 to 1 with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let value: f32 = text.parse().ok()?;
    // The range is checked first, so the cast keeps the value.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (0.0..=1.0)
        .contains(&value)
        .then(|| (value * 1000.0).round() as u16)
}

/// The quality of the most specific range that matches `kind/subtype`; 0 if none does.
fn quality(accept: &[MediaRange<'_>], kind: &str, subtype: &str) -> u16 {
    accept
        .iter()
        .filter_map(|range| {
            let same_kind = range.kind.eq_ignore_ascii_case(kind);
            let specificity = match (range.kind, range.subtype) {
                ("*", "*") => 0,
                (_, "*") if same_kind => 1,
                (_, name) if same_kind && name.eq_ignore_ascii_case(subtype) => 2,
                _ => return None,
            };
            Some((specificity, range.quality))
        })
        .max()
        .map_or(0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        prefers_html(&headers)
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(accept in "\\PC{0,60}") {
            let mut headers = HeaderMap::new();
            headers.extend(HeaderValue::try_from(accept).map(|value| (header::ACCEPT, value)));
            let _ = prefers_html(&headers);
        }
    }

    #[test]
    fn browsers_get_html_and_programs_json() {
        assert!(asked(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(asked("TEXT/HTML"));
        for program in [
            "*/*",
            "application/json",
            "text/html;q=0.5, application/json",
            "",
            "text/html;q=0",
            "garbage;;q=x",
        ] {
            assert!(!asked(program), "{program}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
