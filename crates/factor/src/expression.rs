//! Numbers written as expressions, such as `2^128+1` or `30!/7!`.
//!
//! The operators, from the highest precedence to the lowest:
//!
//! | | |
//! |---|---|
//! | `n!`, `n#` | the factorial; the primorial, the product of the primes up to `n` |
//! | `a^b`, `a**b` | the power, from the right: `2^3^2` is 2^9 |
//! | `-a` | the negative: `-2^2` is -4 |
//! | `a*b`, `a/b`, `a%b` | the product; the exact quotient; the remainder, which has the sign of `b` |
//! | `a+b`, `a-b` | the sum, the difference |
//!
//! Parentheses group, `fib(n)` is a Fibonacci number (`fib(1)` and `fib(2)` are 1), and white space
//! between numbers, names and operators is ignored. Operators that Python has, too, mean the same
//! there.
//!
//! The length of the text, the size of each intermediate result and the work of all operations
//! together are bounded, each before it is spent.

mod arithmetic;
mod parser;

use crate::number::{Number, ParseNumberError};

pub use arithmetic::MAX_INTERMEDIATE_DIGITS;
pub use parser::MAX_DEPTH;

/// The most characters of an expression.
pub const MAX_LENGTH: usize = 1_000;

/// Why a text is not an expression of a [`Number`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// The text has more than [`MAX_LENGTH`] characters.
    #[error("longer than {MAX_LENGTH} characters")]
    TooLong,
    /// A character or an operation is wrong.
    #[error("column {column}: {fault}")]
    At {
        /// Its position in the text, in characters from 1. The end of the text counts as one.
        column: usize,
        /// The error.
        fault: Fault,
    },
    /// The result is an integer that is not a [`Number`].
    #[error(transparent)]
    Result(#[from] ParseNumberError),
}

/// An error at one position of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something else is expected here.
    #[error("expected {expected}, found {}", shown(*.found))]
    Expected {
        /// What is expected.
        expected: &'static str,
        /// The character that was found; `None` at the end of the text.
        found: Option<char>,
    },
    /// Parentheses, signs and powers are nested more than [`MAX_DEPTH`] deep.
    #[error("parentheses, signs and powers are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// `3!!` is ambiguous: 720, or 3 as a double factorial.
    #[error("'!!' is ambiguous, expected parentheses as in '(3!)!'")]
    RepeatedFactorial,
    /// The right side of `/` or `%` is 0.
    #[error("division by zero")]
    DivisionByZero,
    /// The quotient is not an integer.
    #[error("the division leaves a remainder")]
    Remainder,
    /// The right side of `^` is negative.
    #[error("the exponent is negative")]
    NegativeExponent,
    /// The operand of `!`, `#` or `fib` is negative.
    #[error("{0} of a negative number")]
    NegativeOperand(&'static str),
    /// The result of the operation has more than [`MAX_INTERMEDIATE_DIGITS`] decimal digits.
    #[error("the result has more than {MAX_INTERMEDIATE_DIGITS} digits")]
    TooLarge,
    /// The operations up to here take more work than an expression may.
    #[error("the expression takes too much work up to here")]
    TooMuchWork,
}

impl Fault {
    fn at(self, column: usize) -> ExpressionError {
        ExpressionError::At {
            column,
            fault: self,
        }
    }
}

fn shown(found: Option<char>) -> String {
    found.map_or_else(
        || "the end".to_owned(),
        |character| format!("'{}'", character.escape_debug()),
    )
}

/// The value of an expression, which may be just a decimal number.
///
/// Takes at most about a millisecond in WebAssembly, for any text.
///
/// # Errors
///
/// The first fault from the left, or that the value is not from 2 to
/// [`MAX_DIGITS`](crate::MAX_DIGITS) digits.
pub fn evaluate(text: &str) -> Result<Number, ExpressionError> {
    if text.chars().nth(MAX_LENGTH).is_some() {
        return Err(ExpressionError::TooLong);
    }
    let value = parser::parse(text)?;
    let value = value.to_biguint().ok_or(ParseNumberError::BelowTwo)?;
    Ok(value.try_into()?)
}

#[cfg(test)]
mod tests;
