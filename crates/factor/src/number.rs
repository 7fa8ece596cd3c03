//! The numbers that can be factorised, and their text form.
use std::{fmt, str::FromStr};

use num_bigint::BigUint;

/// The most decimal digits a [`Number`] is written with.
pub const MAX_DIGITS: usize = 200;

/// An integer of at least 2 with at most [`MAX_DIGITS`] decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(BigUint);

/// Why a text is not a [`Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNumberError {
    /// The text is not an optional minus sign followed by decimal digits.
    #[error("not an integer in decimal digits")]
    NotAnInteger,
    /// The text is an integer, but one that has no prime factorisation.
    #[error("below 2")]
    BelowTwo,
    /// The text has more than [`MAX_DIGITS`] digits.
    #[error("longer than {MAX_DIGITS} digits")]
    TooManyDigits,
}

impl Number {
    /// The integer itself.
    #[must_use]
    pub fn as_biguint(&self) -> &BigUint {
        &self.0
    }
}

/// Reads only decimal digits: no plus sign, exponent, separator or space.
///
/// Leading zeros are allowed and count towards [`MAX_DIGITS`], so that the length of the text
/// alone bounds the work of reading it. A minus sign makes every number "below 2".
impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, ParseNumberError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseNumberError::NotAnInteger);
        }
        if digits.len() < text.len() {
            return Err(ParseNumberError::BelowTwo);
        }
        if digits.len() > MAX_DIGITS {
            return Err(ParseNumberError::TooManyDigits);
        }
        BigUint::from_str(digits)
            .map_err(|_unreachable| ParseNumberError::NotAnInteger)?
            .try_into()
    }
}

impl TryFrom<BigUint> for Number {
    type Error = ParseNumberError;

    fn try_from(value: BigUint) -> Result<Self, ParseNumberError> {
        if value < BigUint::from(2u32) {
            return Err(ParseNumberError::BelowTwo);
        }
        if value >= BigUint::from(10u32).pow(MAX_DIGITS as u32) {
            return Err(ParseNumberError::TooManyDigits);
        }
        Ok(Self(value))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, ParseNumberError> {
        text.parse::<Number>().map(|number| number.to_string())
    }

    #[test]
    fn reads_integers_from_two() {
        assert_eq!(parse("2"), Ok("2".into()));
        assert_eq!(parse("408216"), Ok("408216".into()));
        assert_eq!(parse("0007"), Ok("7".into()));
        assert_eq!(parse(&"9".repeat(MAX_DIGITS)), Ok("9".repeat(MAX_DIGITS)));
    }

    #[test]
    fn names_the_reason_of_a_refusal() {
        use ParseNumberError::{BelowTwo, NotAnInteger, TooManyDigits};
        for text in [
            "", "-", "--2", "+2", " 2", "2 ", "2\n", "1e3", "2.0", "0x10", "1_000", "abc", "NaN",
            "٣", "２",
        ] {
            assert_eq!(parse(text), Err(NotAnInteger), "{text:?}");
        }
        for text in ["0", "1", "00", "-0", "-2", "-408216"] {
            assert_eq!(parse(text), Err(BelowTwo), "{text:?}");
        }
        assert_eq!(parse(&"9".repeat(MAX_DIGITS + 1)), Err(TooManyDigits));
        assert_eq!(
            parse(&format!("{}2", "0".repeat(MAX_DIGITS))),
            Err(TooManyDigits)
        );
        assert_eq!(
            parse(&format!("{}x", "9".repeat(MAX_DIGITS + 1))),
            Err(NotAnInteger)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            if let Ok(number) = text.parse::<Number>() {
                prop_assert_eq!(text.trim_start_matches('0'), number.to_string());
            }
        }

        #[test]
        fn display_is_the_inverse(text in "[1-9][0-9]{1,199}") {
            prop_assert_eq!(parse(&text), Ok(text));
        }
    }
}
