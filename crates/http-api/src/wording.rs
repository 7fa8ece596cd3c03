//! What parsers of values say, in words for the clients of an HTTP API.

/// How messages begin: those of serde, and of the standard library for a text that is not a value of a type.
const BEGINNINGS: [(&str, &str); 10] = [
    ("unknown variant ", "unknown value "),
    ("EOF while parsing ", "the text ends within "),
    ("duplicate field ", "more than one "),
    (
        "invalid digit found in string",
        "expected a whole number, in digits",
    ),
    (
        "cannot parse integer from empty string",
        "expected a whole number, found nothing",
    ),
    (
        "number too large to fit in target type",
        "the number is too large",
    ),
    (
        "number too small to fit in target type",
        "the number is too small",
    ),
    ("invalid float literal", "expected a number"),
    (
        "cannot parse float from empty string",
        "expected a number, found nothing",
    ),
    (
        "provided string was not `true` or `false`",
        "expected 'true' or 'false'",
    ),
];

/// Rust's types of numbers, as they follow `expected`.
const NUMBERS: [(&[&str], &str); 3] = [
    (&["f32", "f64"], "a number"),
    (&["i8", "i16", "i32", "i64", "isize"], "a whole number"),
    (
        &["u8", "u16", "u32", "u64", "usize"],
        "a whole number that is not negative",
    ),
];

/// A message of serde, `serde_json` or the standard library, without the names that Rust has for things.
pub(crate) fn plain(message: &str) -> String {
    let text = BEGINNINGS
        .iter()
        .find_map(|(from, to)| Some(format!("{to}{}", message.strip_prefix(from)?)));
    let text = text.unwrap_or_else(|| message.to_owned());
    // What is expected comes last, but for the place.
    let Some((before, after)) = text.rsplit_once(", expected ") else {
        return text;
    };
    let (kind, place) = after.split_at(after.find(' ').unwrap_or(after.len()));
    let Some((_, words)) = NUMBERS.iter().find(|(types, _)| types.contains(&kind)) else {
        return text;
    };
    let is_whole = before.starts_with("invalid value: integer `") && !before.contains("`-");
    let words = if is_whole { "a smaller one" } else { words };
    format!("{before}, expected {words}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Shape {
        #[serde(default)]
        size: f32,
        #[serde(default)]
        count: u32,
        #[serde(default)]
        kind: Kind,
        #[serde(default)]
        text: String,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Round,
    }

    #[test]
    fn says_what_was_expected_without_rust() {
        for (json, expected) in [
            (
                r#"{"size": "6"}"#,
                "invalid type: string \"6\", expected a number at line 1 column 12",
            ),
            (
                r#"{"count": -1}"#,
                "invalid value: integer `-1`, expected a whole number that is not negative at line 1 column 12",
            ),
            (
                r#"{"count": 5000000000}"#,
                "invalid value: integer `5000000000`, expected a smaller one at line 1 column 20",
            ),
            (
                r#"{"kind": "x"}"#,
                "unknown value `x`, expected `round` at line 1 column 12",
            ),
            (
                r#"{"size": 1, "size": 2}"#,
                "more than one `size` at line 1 column 18",
            ),
            (
                r#"{"size""#,
                "the text ends within an object at line 1 column 7",
            ),
            (
                r#"{"text": null}"#,
                "invalid type: null, expected a string at line 1 column 13",
            ),
        ] {
            let error = serde_json::from_str::<Shape>(json).expect_err(json);
            assert_eq!(plain(&error.to_string()), expected);
        }
        let right: Shape = serde_json::from_str(r#"{"kind": "round"}"#).expect("a shape");
        assert_eq!(right, Shape::default());
    }

    #[test]
    fn says_why_a_text_is_not_a_value() {
        let limit = |text: &str| plain(&text.parse::<u8>().expect_err(text).to_string());
        assert_eq!(limit("-1"), "expected a whole number, in digits");
        assert_eq!(limit(""), "expected a whole number, found nothing");
        assert_eq!(limit("256"), "the number is too large");
        let number = |text: &str| plain(&text.parse::<f64>().expect_err(text).to_string());
        assert_eq!(number("x"), "expected a number");
        assert_eq!(number(""), "expected a number, found nothing");
        let switch = "1".parse::<bool>().expect_err("no bool");
        assert_eq!(plain(&switch.to_string()), "expected 'true' or 'false'");
    }

    #[test]
    fn leaves_what_a_client_has_written() {
        for message in [
            "input `unknown variant x`: the shape must be [n, 4]",
            "'invalid digit found in string' is not a URL",
            "there is no model 'a, expected f64s'",
        ] {
            assert_eq!(plain(message), message);
        }
    }
}
