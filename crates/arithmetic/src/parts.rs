//! The parts of a written number.

/// Sign, digits and exponent of a decimal number.
pub(crate) struct Parts<'t> {
    pub(crate) negative: bool,
    whole: &'t str,
    fraction: &'t str,
    /// Its digits, and whether it is negative.
    exponent: Option<(&'t str, bool)>,
}

impl<'t> Parts<'t> {
    /// Parses an optional sign, digits with at most one point, and an optional exponent; `None` for any other text.
    pub(crate) fn of(text: &'t str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(signed(exponent))),
            None => (text, None),
        };
        let (unsigned, negative) = signed(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let has_digits = !whole.is_empty() || !fraction.is_empty();
        let has_exponent = exponent.is_none_or(|(digits, _)| !digits.is_empty());
        let exponent_digits = exponent.map_or("", |(digits, _)| digits);
        let all = [whole, fraction, exponent_digits];
        let all_digits = all
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        (has_digits && has_exponent && all_digits).then_some(Self {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    /// The digits before and after the point, without leading and trailing zeros; `None` if all are zeros.
    pub(crate) fn significant(&self) -> Option<(&'t str, &'t str)> {
        let whole = self.whole.trim_start_matches('0');
        let fraction = self.fraction.trim_end_matches('0');
        (!whole.is_empty() || !fraction.is_empty()).then_some((whole, fraction))
    }

    /// The exponent, 0 if there is none; `None` if it does not fit an `i64`.
    pub(crate) fn exponent(&self) -> Option<i64> {
        let Some((digits, negative)) = self.exponent else {
            return Some(0);
        };
        let digits = digits.trim_start_matches('0');
        let size: i64 = if digits.is_empty() {
            0
        } else {
            digits.parse().ok()?
        };
        Some(if negative { -size } else { size })
    }
}

fn signed(text: &str) -> (&str, bool) {
    match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    }
}

/// Why a text is not an integer of a few digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntegerError {
    /// The text is not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// The number has a fraction.
    #[error("not an integer")]
    Fraction,
    /// The integer has more than the allowed digits.
    #[error("an integer of too many digits")]
    TooManyDigits,
}

/// The digits of the integer that a decimal number is, such as `1000` for `1e3` and `6` for `6.000`, with a minus
/// sign if it is negative.
///
/// # Errors
/// When the text is not an integer, or has more than `max_digits`. At most that many digits are written out, however large the
/// exponent is.
pub fn integer(text: &str, max_digits: usize) -> Result<String, IntegerError> {
    let parts = Parts::of(text).ok_or(IntegerError::NotANumber)?;
    let Some((whole, fraction)) = parts.significant() else {
        return Ok("0".to_owned());
    };
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let length = digits.len();
    let digits = digits.trim_end_matches('0');
    // What the last digit that is not zero counts, as a power of ten.
    let zeros = (length - digits.len()) as i128 - fraction.len() as i128;
    let zeros = match (parts.exponent(), parts.exponent) {
        (Some(exponent), _) => zeros + i128::from(exponent),
        (None, Some((_, true))) => return Err(IntegerError::Fraction),
        (None, _) => return Err(IntegerError::TooManyDigits),
    };
    if zeros < 0 {
        return Err(IntegerError::Fraction);
    }
    match usize::try_from(zeros) {
        Ok(zeros) if zeros <= max_digits && digits.len() + zeros <= max_digits => {
            let sign = if parts.negative { "-" } else { "" };
            Ok(format!("{sign}{digits}{}", "0".repeat(zeros)))
        }
        _ => Err(IntegerError::TooManyDigits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_integers_however_they_are_written() {
        use IntegerError::{Fraction, NotANumber, TooManyDigits};
        let zeros = "0".repeat(100_000);
        for (text, expected) in [
            ("6", Ok("6")),
            ("+6.", Ok("6")),
            ("-7", Ok("-7")),
            ("007", Ok("7")),
            ("1e3", Ok("1000")),
            ("1e0003", Ok("1000")),
            ("1.5E+1", Ok("15")),
            ("6000e-3", Ok("6")),
            ("0.006e3", Ok("6")),
            ("-0", Ok("0")),
            ("0e99999999999999999999", Ok("0")),
            (&format!("6.{zeros}"), Ok("6")),
            (&format!("{zeros}6"), Ok("6")),
            (&format!("6{zeros}e-100000"), Ok("6")),
            ("2.5", Err(Fraction)),
            ("1e-3", Err(Fraction)),
            ("1e-99999999999999999999", Err(Fraction)),
            (&format!("6.{zeros}1"), Err(Fraction)),
            ("1e9", Ok("1000000000")),
            ("1e10", Err(TooManyDigits)),
            ("12345678901", Err(TooManyDigits)),
            ("1e99999999999999999999", Err(TooManyDigits)),
            ("1e9223372036854775807", Err(TooManyDigits)),
            (
                &format!("{zeros}.{zeros}1e9223372036854775807"),
                Err(TooManyDigits),
            ),
            ("1e-9223372036854775807", Err(Fraction)),
            ("", Err(NotANumber)),
            ("-", Err(NotANumber)),
            (".", Err(NotANumber)),
            ("1e", Err(NotANumber)),
            ("1e+", Err(NotANumber)),
            ("1e1.5", Err(NotANumber)),
            ("0x10", Err(NotANumber)),
            ("NaN", Err(NotANumber)),
        ] {
            let found = integer(text, 10);
            assert_eq!(found.as_deref(), expected.as_deref(), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn the_value_is_that_of_the_decimal(whole in 0_u32..100_000, fraction in "[0-9]{0,4}", exponent in -6_i32..6) {
            let text = format!("{whole}.{fraction}e{exponent}");
            let decimal: crate::Decimal = text.parse().expect("a number");
            let plain = decimal.to_string();
            match integer(&text, 20) {
                Ok(found) => prop_assert_eq!(found, plain),
                Err(error) => {
                    prop_assert_eq!(error, IntegerError::Fraction);
                    prop_assert!(plain.contains('.'), "{}", plain);
                }
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[-+0-9.eE]{0,30}|\\PC{0,20}") {
            let _ = integer(&text, 10);
        }
    }
}
