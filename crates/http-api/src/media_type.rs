//! `Content-Type` and `Content-Disposition` as clients write them.
//!
//! The part before the first `;` decides. Parameters are parsed leniently: clients leave out quotes, put spaces around `;`
//! and `=`, and list codecs without quotes.

use mime::Mime;

/// Type and subtype, without the parameters; `None` if they are not a media type.
pub(crate) fn essence(value: &[u8]) -> Option<Mime> {
    let essence = value.split(|byte| *byte == b';').next()?.trim_ascii();
    std::str::from_utf8(essence).ok()?.parse().ok()
}

/// A parameter of a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameter<'h> {
    /// In lower case.
    pub(crate) name: String,
    /// Without its quotes.
    pub(crate) value: Vec<u8>,
    /// The value as sent, with everything that follows it.
    pub(crate) rest: &'h [u8],
}

/// The parameters after the first `;`. What has no `=` is left out.
pub(crate) fn parameters(value: &[u8]) -> Vec<Parameter<'_>> {
    let mut found = Vec::new();
    let mut rest = after(value, b';');
    while let Some(text) = rest {
        let end = text.iter().position(|byte| matches!(byte, b'=' | b';'));
        let Some((name, tail)) = end.and_then(|end| text.split_at_checked(end)) else {
            break;
        };
        let Some(tail) = tail.strip_prefix(b"=") else {
            rest = after(tail, b';');
            continue;
        };
        let tail = tail.trim_ascii_start();
        let (value, next) = quoted(tail).unwrap_or_else(|| {
            let token = tail.split(|byte| *byte == b';').next().unwrap_or_default();
            let token = token.strip_prefix(b"\"").unwrap_or(token);
            (token.trim_ascii().to_vec(), after(tail, b';'))
        });
        found.push(Parameter {
            name: String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase(),
            value,
            rest: tail,
        });
        rest = next;
    }
    found
}

/// What comes after the first `separator`.
fn after(text: &[u8], separator: u8) -> Option<&[u8]> {
    let at = text.iter().position(|byte| *byte == separator)?;
    text.get(at + 1..)
}

/// The content of a quoted string and the text after it; `None` without two quotes.
///
/// A backslash escapes only a quote or a backslash: Windows paths contain unescaped ones.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, Option<&[u8]>)> {
    let mut bytes = text.strip_prefix(b"\"")?;
    let mut content = Vec::new();
    loop {
        match bytes {
            [b'\\', protected @ (b'"' | b'\\'), rest @ ..] => {
                content.push(*protected);
                bytes = rest;
            }
            [b'"', rest @ ..] => return Some((content, after(rest, b';'))),
            [byte, rest @ ..] => {
                content.push(*byte);
                bytes = rest;
            }
            [] => return None,
        }
    }
}

/// The text of a parameter whose name ends in `*` (RFC 8187), such as `UTF-8''caf%C3%A9.wav`.
pub(crate) fn extended(value: &[u8]) -> Option<String> {
    let mut pieces = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let bytes: Vec<u8> = percent_encoding::percent_decode(text).collect();
    if charset.eq_ignore_ascii_case(b"utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case(b"iso-8859-1") {
        Some(bytes.into_iter().map(char::from).collect())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(header: &str) -> Vec<(String, String)> {
        parameters(header.as_bytes())
            .into_iter()
            .map(|parameter| {
                let value = String::from_utf8_lossy(&parameter.value).into_owned();
                (parameter.name, value)
            })
            .collect()
    }

    #[test]
    fn type_and_subtype_decide() {
        for header in [
            "video/webm",
            "video/webm;codecs=vp8,opus",
            "Video/WebM ; codecs=\"vp8, opus\"",
            " video/webm ;",
            "video/webm;=;;x",
            "video/webm; name=\u{e9}",
        ] {
            let found = essence(header.as_bytes()).expect(header);
            assert_eq!(found.essence_str(), "video/webm", "{header}");
        }
        for header in ["", "webm", "/webm", "video webm", ";video/webm"] {
            assert_eq!(essence(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn parameters_are_read_as_far_as_they_can_be() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (header, expected) in [
            ("a/b", vec![]),
            ("a/b; x=1", vec![pair("x", "1")]),
            (
                "a/b ;X = 1 ;; y; z=\"2;3\" junk; w=",
                vec![pair("x", "1"), pair("z", "2;3"), pair("w", "")],
            ),
            ("a/b;codecs=vp8,opus", vec![pair("codecs", "vp8,opus")]),
            (
                "form-data; name=\"a\\\"b\\\\\"",
                vec![pair("name", "a\"b\\")],
            ),
            (
                r#"form-data; filename="C:\tmp\a.wav"; name=f"#,
                vec![pair("filename", r"C:\tmp\a.wav"), pair("name", "f")],
            ),
            (
                "a/b; x=\"open; y=2",
                vec![pair("x", "open"), pair("y", "2")],
            ),
        ] {
            assert_eq!(pairs(header), expected, "{header}");
        }
    }

    #[test]
    fn extended_values_are_of_two_charsets() {
        assert_eq!(
            extended(b"UTF-8''caf%C3%A9%20%E2%82%AC.wav").as_deref(),
            Some("café €.wav")
        );
        assert_eq!(extended(b"iso-8859-1'en'caf%E9").as_deref(), Some("café"));
        for wrong in [&b"UTF-8''%FF"[..], b"UTF-16''a", b"plain", b"UTF-8'a"] {
            assert_eq!(extended(wrong), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(header in proptest::collection::vec(0_u8.., 0..60)) {
            let _ = (essence(&header), parameters(&header), extended(&header));
        }

        #[test]
        fn a_quoted_value_comes_out_as_it_went_in(value in "\\PC{0,20}") {
            let written = value.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("a/b; x=\"{written}\"; y=z");
            let expected = [("x".to_owned(), value), ("y".to_owned(), "z".to_owned())];
            proptest::prop_assert_eq!(pairs(&header), expected);
        }
    }
}
