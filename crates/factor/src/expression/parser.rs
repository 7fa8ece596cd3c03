//! Evaluates the text by precedence climbing.

use num_bigint::{BigInt, Sign};

use super::arithmetic::Arithmetic;
use super::{ExpressionError, Fault};

/// The most nested parentheses, signs and powers.
pub const MAX_DEPTH: usize = 64;

const OPERAND: &str = "a number, '-', '(' or 'fib('";
const OPERATOR: &str = "an operator or the end";
const OPERATOR_OR_PARENTHESIS: &str = "an operator or ')'";

/// The precedence of a binary operator, the lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Sum,
    Product,
    Power,
}

#[derive(Clone, Copy)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

impl Operator {
    fn precedence(self) -> Precedence {
        match self {
            Self::Add | Self::Subtract => Precedence::Sum,
            Self::Multiply | Self::Divide | Self::Remainder => Precedence::Product,
            Self::Power => Precedence::Power,
        }
    }

    /// The lowest precedence in its right operand: its own for the power, which is right-associative.
    fn right(self) -> Precedence {
        match self.precedence() {
            Precedence::Sum => Precedence::Product,
            Precedence::Product | Precedence::Power => Precedence::Power,
        }
    }
}

/// A value, or a power that is not computed yet, because only its remainder may be needed.
enum Operand {
    Value(BigInt),
    Power {
        base: BigInt,
        exponent: BigInt,
        column: usize,
    },
}

struct Parser {
    text: Vec<char>,
    position: usize,
    depth: usize,
    arithmetic: Arithmetic,
}

/// The value of the expression `text`, whose length is bounded.
pub(super) fn parse(text: &str) -> Result<BigInt, ExpressionError> {
    let mut parser = Parser {
        text: text.chars().collect(),
        position: 0,
        depth: 0,
        arithmetic: Arithmetic::new(),
    };
    let operand = parser.operand(Precedence::Sum)?;
    match parser.peek() {
        None => parser.value(operand),
        Some(_) => Err(parser.expected(OPERATOR)),
    }
}

impl Parser {
    /// An operand with all operators from `loosest` on.
    fn operand(&mut self, loosest: Precedence) -> Result<Operand, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::TooDeep.at(self.column()));
        }
        self.depth += 1;
        let mut left = self.signed()?;
        while let Some((operator, column)) = self.operator(loosest) {
            let right = self.operand(operator.right())?;
            left = self.apply(operator, column, left, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn signed(&mut self) -> Result<Operand, ExpressionError> {
        if self.peek() == Some('-') {
            self.position += 1;
            let operand = self.operand(Precedence::Power)?;
            return Ok(Operand::Value(-self.value(operand)?));
        }
        self.postfixed()
    }

    fn postfixed(&mut self) -> Result<Operand, ExpressionError> {
        let mut operand = self.primary()?;
        let mut previous = None;
        while let Some(sign @ ('!' | '#')) = self.peek() {
            let column = self.column();
            self.position += 1;
            if (previous, sign) == (Some('!'), '!') {
                return Err(Fault::RepeatedFactorial.at(column));
            }
            let value = self.value(operand)?;
            let result = match sign {
                '!' => self.arithmetic.factorial(&value),
                _ => self.arithmetic.primorial(&value),
            };
            operand = Operand::Value(result.map_err(|fault| fault.at(column))?);
            previous = Some(sign);
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Result<Operand, ExpressionError> {
        let first = self.peek();
        let column = self.column();
        match first {
            Some('(') => self.parenthesised(),
            Some('0'..='9') => {
                let digits = self.run(|character| character.is_ascii_digit());
                let value = digits.parse().map_err(|_unreachable| {
                    let expected = Fault::Expected {
                        expected: OPERAND,
                        found: first,
                    };
                    expected.at(column)
                })?;
                Ok(Operand::Value(value))
            }
            Some('f') if self.rest().starts_with(&['f', 'i', 'b']) => {
                self.position += 3;
                if self.peek() != Some('(') {
                    return Err(self.expected("'(' after 'fib'"));
                }
                let operand = self.parenthesised()?;
                let index = self.value(operand)?;
                let value = self.arithmetic.fibonacci(&index);
                Ok(Operand::Value(value.map_err(|fault| fault.at(column))?))
            }
            _ => Err(self.expected(OPERAND)),
        }
    }

    /// The value of the parentheses that begin here.
    fn parenthesised(&mut self) -> Result<Operand, ExpressionError> {
        self.position += 1;
        let operand = self.operand(Precedence::Sum)?;
        if self.peek() != Some(')') {
            return Err(self.expected(OPERATOR_OR_PARENTHESIS));
        }
        self.position += 1;
        Ok(operand)
    }

    /// The operator that comes next, and its column, if it binds at least as tightly as `loosest`.
    fn operator(&mut self, loosest: Precedence) -> Option<(Operator, usize)> {
        let (operator, length) = match self.peek()? {
            '*' if self.text.get(self.position + 1) == Some(&'*') => (Operator::Power, 2),
            '+' => (Operator::Add, 1),
            '-' => (Operator::Subtract, 1),
            '*' => (Operator::Multiply, 1),
            '/' => (Operator::Divide, 1),
            '%' => (Operator::Remainder, 1),
            '^' => (Operator::Power, 1),
            _ => return None,
        };
        if operator.precedence() < loosest {
            return None;
        }
        let column = self.column();
        self.position += length;
        Some((operator, column))
    }

    fn apply(
        &mut self,
        operator: Operator,
        column: usize,
        left: Operand,
        right: Operand,
    ) -> Result<Operand, ExpressionError> {
        let right = self.value(right)?;
        let arithmetic = &mut self.arithmetic;
        let result = match (operator, left) {
            (Operator::Remainder, Operand::Power { base, exponent, .. }) => {
                arithmetic.power_modulo(&base, &exponent, &right)
            }
            (operator, left) => {
                let left = self.value(left)?;
                let arithmetic = &mut self.arithmetic;
                match operator {
                    Operator::Power if right.sign() == Sign::Minus => Err(Fault::NegativeExponent),
                    Operator::Power => {
                        return Ok(Operand::Power {
                            base: left,
                            exponent: right,
                            column,
                        });
                    }
                    Operator::Add => arithmetic.add(&left, &right),
                    Operator::Subtract => arithmetic.add(&left, &-right),
                    Operator::Multiply => arithmetic.multiply(&left, &right),
                    Operator::Divide => arithmetic.divide(&left, &right),
                    Operator::Remainder => arithmetic.remainder(&left, &right),
                }
            }
        };
        Ok(Operand::Value(result.map_err(|fault| fault.at(column))?))
    }

    fn value(&mut self, operand: Operand) -> Result<BigInt, ExpressionError> {
        match operand {
            Operand::Value(value) => Ok(value),
            Operand::Power {
                base,
                exponent,
                column,
            } => self
                .arithmetic
                .power(&base, &exponent)
                .map_err(|fault| fault.at(column)),
        }
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        self.run(char::is_whitespace);
        self.text.get(self.position).copied()
    }

    /// The characters from here on that `belongs` holds of.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = self.rest().iter();
        let run: String = rest.copied().take_while(|&c| belongs(c)).collect();
        self.position += run.chars().count();
        run
    }

    fn rest(&self) -> &[char] {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn column(&self) -> usize {
        self.position + 1
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        let found = self.text.get(self.position).copied();
        Fault::Expected { expected, found }.at(self.column())
    }
}
