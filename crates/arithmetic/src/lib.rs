//! Exact sums and products of decimal numbers of any size.
//!
//! Nothing is ever rounded: 0.1 + 0.2 is 0.3, and an integer of a thousand digits keeps them all.

use std::fmt;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde_json::Number;

mod parts;

use parts::Parts;

pub use parts::{IntegerError, integer};

/// The most digits of a number. Leading zeros, and trailing zeros after the point, do not count.
pub const MAX_DIGITS: usize = 9_999;

/// The largest magnitude of an exponent.
pub const MAX_EXPONENT: u32 = 999;

/// What [`Decimal`] reads, as a regular expression (ECMA 262), for API documents. Zeros may come before the exponent.
pub const PATTERN: &str = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$";

/// An exact decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(BigDecimal);

/// Why a text is not a [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is empty.
    #[error("is empty, expected a number")]
    Empty,
    /// The text is not a decimal number: words, `NaN`, infinities, hexadecimals.
    #[error("is not a decimal number such as 12, -0.5 or 1e3")]
    NotANumber,
    /// More digits than [`MAX_DIGITS`].
    #[error("has more than {MAX_DIGITS} digits")]
    TooLong,
    /// An exponent beyond [`MAX_EXPONENT`]: a few characters would stand for millions of digits.
    #[error("has an exponent outside -{MAX_EXPONENT} to {MAX_EXPONENT}")]
    ExponentTooLarge,
}

impl FromStr for Decimal {
    type Err = ParseError;

    /// Reads an optional sign, digits with at most one point, and an optional exponent: [`PATTERN`].
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        let parts = Parts::of(text).ok_or(ParseError::NotANumber)?;
        let Some((whole, fraction)) = parts.significant() else {
            // Zero is zero, whatever power of ten it is multiplied by.
            return Ok(Self(BigDecimal::from(0)));
        };
        let exponent = parts
            .exponent()
            .filter(|exponent| exponent.unsigned_abs() <= u64::from(MAX_EXPONENT))
            .ok_or(ParseError::ExponentTooLarge)?;
        if whole.len() + fraction.len() > MAX_DIGITS {
            return Err(ParseError::TooLong);
        }
        let sign = if parts.negative { "-" } else { "" };
        BigDecimal::from_str(&format!("{sign}{whole}.{fraction}e{exponent}"))
            .map(Self)
            .map_err(|_| ParseError::NotANumber)
    }
}

impl Decimal {
    /// The exact sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// The exact product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self(&self.0 * &other.0)
    }
}

impl fmt::Display for Decimal {
    /// All digits, without an exponent and without trailing zeros after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.normalized().to_plain_string())
    }
}

impl From<&Decimal> for Number {
    /// The number with all its digits.
    fn from(value: &Decimal) -> Self {
        Self::from_string_unchecked(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn reads_and_writes() {
        for (text, plain) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("+7", "7"),
            ("007", "7"),
            ("1e3", "1000"),
            ("1E-3", "0.001"),
            ("-1.50", "-1.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0e999", "0"),
            ("1e0003", "1000"),
            ("1e-0003", "0.001"),
            ("1e+000000000000000000000000003", "1000"),
            ("0e99999999999999999999", "0"),
            ("-0.00e-99999999999999999999", "0"),
            (
                "12345678901234567890.12345678901234567890",
                "12345678901234567890.1234567890123456789",
            ),
        ] {
            assert_eq!(decimal(text).to_string(), plain, "{text}");
        }
    }

    #[test]
    fn refuses() {
        use ParseError::{Empty, ExponentTooLarge, NotANumber, TooLong};
        for (text, error) in [
            ("", Empty),
            ("abc", NotANumber),
            ("NaN", NotANumber),
            ("inf", NotANumber),
            ("0x10", NotANumber),
            ("1_000", NotANumber),
            (" 1", NotANumber),
            ("1e", NotANumber),
            ("1e+", NotANumber),
            ("1e1e1", NotANumber),
            ("--1", NotANumber),
            (".", NotANumber),
            ("1.2.3", NotANumber),
            ("١", NotANumber),
            ("1e1000", ExponentTooLarge),
            ("1e-99999999999999999999", ExponentTooLarge),
            ("1e0001000", ExponentTooLarge),
            (&"9".repeat(10_000), TooLong),
            (&format!("0.{}1", "0".repeat(9_999)), TooLong),
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(error), "{text}");
        }
        assert!("9".repeat(9_999).parse::<Decimal>().is_ok());
        let zeros = "0".repeat(100_000);
        assert_eq!(decimal(&format!("{zeros}6.{zeros}")).to_string(), "6");
    }

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(decimal("0.1").plus(&decimal("0.2")).to_string(), "0.3");
        assert_eq!(
            decimal("1e999").plus(&decimal("1e-999")).to_string().len(),
            1000 + 1 + 999
        );
        assert_eq!(decimal("-1.5").times(&decimal("1e3")).to_string(), "-1500");
    }

    #[test]
    fn is_a_json_number_with_all_digits() {
        let number = Number::from(&decimal("1e30"));
        let json = serde_json::to_string(&number).expect("a number is JSON");
        assert_eq!(json, format!("1{}", "0".repeat(30)));
    }

    proptest! {
        #[test]
        fn agrees_with_integers(a in "-?[1-9][0-9]{0,200}", b in "-?[1-9][0-9]{0,200}") {
            let big = |text: &str| text.parse::<BigInt>().expect("digits");
            prop_assert_eq!(decimal(&a).plus(&decimal(&b)).to_string(), (big(&a) + big(&b)).to_string());
            prop_assert_eq!(decimal(&a).times(&decimal(&b)).to_string(), (big(&a) * big(&b)).to_string());
        }

        #[test]
        fn scaling_both_sides_scales_the_result(a in -999_999i64..999_999, b in -999_999i64..999_999, e in 0usize..30) {
            let scaled = |n: i64| decimal(&format!("{n}e-{e}"));
            prop_assert_eq!(scaled(a).plus(&scaled(b)), decimal(&format!("{}e-{e}", a + b)));
            prop_assert_eq!(scaled(a).times(&scaled(b)), decimal(&format!("{}e-{}", a * b, 2 * e)));
        }

        #[test]
        fn what_it_writes_it_reads(text in r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?") {
            let value = decimal(&text);
            prop_assert_eq!(decimal(&value.to_string()), value);
        }

        #[test]
        fn the_pattern_tells_what_is_read(text in PATTERN.trim_matches(['^', '$'])) {
            prop_assert!(text.parse::<Decimal>().is_ok(), "{}", text);
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = text.parse::<Decimal>();
        }
    }
}
