//! The encoding of a text in a body.

/// An encoding other than UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtherEncoding {
    /// Two bytes a character, or four.
    #[error("in UTF-16, expected UTF-8")]
    Utf16,
    /// Four bytes a character.
    #[error("in UTF-32, expected UTF-8")]
    Utf32,
}

/// The text without the byte order mark that some programs write before UTF-8 (RFC 8259, section 8.1).
///
/// # Errors
/// When the text begins like UTF-16 or UTF-32: with their byte order mark, or with an ASCII character in them.
pub fn utf8(text: &[u8]) -> Result<&[u8], OtherEncoding> {
    match text {
        [0xEF, 0xBB, 0xBF, rest @ ..] => Ok(rest),
        [0xFF, 0xFE, 0, 0, ..]
        | [0, 0, 0xFE, 0xFF, ..]
        | [(1..), 0, 0, 0, ..]
        | [0, 0, 0, (1..), ..] => Err(OtherEncoding::Utf32),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [(1..), 0, ..] | [0, (1..), ..] => {
            Err(OtherEncoding::Utf16)
        }
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_left_out_and_other_encodings_are_named() {
        assert_eq!(utf8(b"\xEF\xBB\xBF{}"), Ok(&b"{}"[..]));
        for text in [&b""[..], b"{}", b"\xEF\xBB", "é".as_bytes(), b"a"] {
            assert_eq!(utf8(text), Ok(text));
        }
        let pairs = |text: &str, mark: bool| -> Vec<u16> {
            mark.then_some(0xFEFF)
                .into_iter()
                .chain(text.encode_utf16())
                .collect()
        };
        for mark in [true, false] {
            for text in ["{}", "5.1,3.5", "[\u{20ac}]"] {
                let units = pairs(text, mark);
                let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
                assert_eq!(utf8(&big), Err(OtherEncoding::Utf16), "{text}");
                assert_eq!(utf8(&little), Err(OtherEncoding::Utf16), "{text}");
                let wide = |bytes: fn(u32) -> [u8; 4]| -> Vec<u8> {
                    units
                        .iter()
                        .flat_map(|unit| bytes(u32::from(*unit)))
                        .collect()
                };
                assert_eq!(utf8(&wide(u32::to_le_bytes)), Err(OtherEncoding::Utf32));
                assert_eq!(utf8(&wide(u32::to_be_bytes)), Err(OtherEncoding::Utf32));
            }
        }
    }
}
