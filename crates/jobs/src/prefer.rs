//! The header `Prefer` (RFC 7240).

use axum::http::HeaderMap;

/// Whether the client prefers a 202 now to an answer later (section 4.1).
pub(crate) fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(preferences)
        .any(|name| name.eq_ignore_ascii_case("respond-async"))
}

/// The names of the preferences in a header value: the part before `=` and `;` of each list item, whose value may be quoted.
fn preferences(value: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut start = 0;
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in value.char_indices().chain([(value.len(), ',')]) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted || i == value.len() => {
                let item = value.get(start..i).unwrap_or_default();
                names.push(item.split(['=', ';']).next().unwrap_or_default().trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn prefers(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        prefers_async(&headers)
    }

    #[test]
    fn the_preference_is_found_among_others() {
        assert!(prefers(&["respond-async"]));
        assert!(prefers(&["Respond-Async, wait=10"]));
        assert!(prefers(&["return=minimal; foo=\"a, b\" , respond-async;x"]));
        assert!(prefers(&["handling=lenient", "respond-async"]));
        assert!(prefers(&[r#"a="\",", respond-async"#]));
    }

    #[test]
    fn what_only_looks_like_it_is_not_taken() {
        assert!(!prefers(&[]));
        assert!(!prefers(&[""]));
        assert!(!prefers(&["respond-asynchronously"]));
        assert!(!prefers(&[r#"note="x, respond-async""#]));
        assert!(!prefers(&["wait=respond-async"]));
    }
}
