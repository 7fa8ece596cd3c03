use num_bigint::BigUint;
use proptest::prelude::*;

use super::Fault::*;
use super::*;
use crate::MAX_DIGITS;

fn value(text: &str) -> String {
    match evaluate(text) {
        Ok(number) => number.to_string(),
        Err(error) => panic!("{text}: {error}"),
    }
}

fn refusal(text: &str) -> ExpressionError {
    evaluate(text).expect_err(text)
}

#[test]
fn operators_bind_and_group_as_in_mathematics() {
    for (text, expected) in [
        ("408216", "408216"),
        ("007", "7"),
        ("2^128+1", "340282366920938463463374607431768211457"),
        ("2**7-1", "127"),
        ("2 + 3 * 4", "14"),
        ("(2+3)*4", "20"),
        ("10-3-2", "5"),
        ("48/4/3", "4"),
        ("2^3^2", "512"),
        ("(2^3)^2", "64"),
        ("2*3^2", "18"),
        ("7-2^2", "3"),
        ("-2^2+10", "6"),
        ("(-2)^2", "4"),
        ("5--3", "8"),
        ("--5", "5"),
        ("2*-3+10", "4"),
        ("2^-0+1", "2"),
        ("3!", "6"),
        ("-3!+10", "4"),
        ("2^3!", "64"),
        ("(3!)!", "720"),
        ("3!^2", "36"),
        ("10#", "210"),
        ("7#!/209!", "210"),
        ("3!#", "30"),
        ("0!+1#", "2"),
        ("fib(10)", "55"),
        ("fib(fib(7))", "233"),
        ("fib ( 100 )", "354224848179261915075"),
        ("fib(0)+fib(1)+fib(2)", "2"),
        ("0^0+1", "2"),
        ("(-1)^(10^100+1)+3", "2"),
        ("1^10^100+1", "2"),
        ("17%5", "2"),
        ("-7%3+2", "4"),
        ("7%-3+5", "3"),
        ("-7%-3+5", "4"),
        ("2*9%5", "3"),
        (" \t\n6\u{a0} ", "6"),
        ("((((((6))))))", "6"),
        ("30#*fib(30)/(2^3)", "672880444386150"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn results_may_come_of_larger_numbers() {
    let binomial = (1..=300u32).fold(BigUint::from(1u32), |product, k| product * (300 + k) / k);
    assert_eq!(value("600!/300!/300!"), binomial.to_string());
    assert_eq!(value("fib(19600)%fib(100)+2"), "2");
    assert_eq!(value("9^4000-9^4000+7"), "7");
    assert_eq!(value("1494!/1493!"), "1494");
    assert_eq!(value("9500#/9400#%10^9+2"), {
        let primes = (9401..=9500u64).filter(|n| (2..100).all(|d| n % d != 0));
        let product = primes.fold(1, |product, prime| product * prime % 1_000_000_000);
        (product + 2).to_string()
    });
}

#[test]
fn the_remainder_of_a_power_needs_no_power() {
    // Fermat's little theorem, and 2^(2^20) by repeated squaring.
    assert_eq!(value("3^(10^9+6) % (10^9+7) + 1"), "2");
    let fermat = (0..20).fold(2u64, |power, _| power * power % 1_000_003);
    assert_eq!(value("2^2^20 % 1000003"), fermat.to_string());
    assert_eq!(value("(2^2^20) % 1000003"), fermat.to_string());
    assert_eq!(value("(-3)^(10^30+1) % 10^6"), "999997");
    assert_eq!(value("2^10^30 % -10 + 10"), "6");
}

#[test]
fn faults_are_named_where_they_are() {
    let expected = |expected, found| Expected { expected, found };
    let operand = |found| expected("a number, '-', '(' or 'fib('", found);
    let operator = |found| expected("an operator or the end", Some(found));
    let parenthesis = |found| expected("an operator or ')'", found);
    for (text, column, fault) in [
        ("", 1, operand(None)),
        ("  ", 3, operand(None)),
        ("abc", 1, operand(Some('a'))),
        ("+2", 1, operand(Some('+'))),
        ("2+", 3, operand(None)),
        ("2+*3", 3, operand(Some('*'))),
        ("2***3", 4, operand(Some('*'))),
        ("()", 2, operand(Some(')'))),
        ("2.5", 2, operator('.')),
        ("1e3", 2, operator('e')),
        ("2 3", 3, operator('3')),
        ("2(3)", 2, operator('(')),
        ("6)", 2, operator(')')),
        ("٣", 1, operand(Some('٣'))),
        ("é+×", 1, operand(Some('é'))),
        ("2×3", 2, operator('×')),
        ("(2+3", 5, parenthesis(None)),
        ("(2 3)", 4, parenthesis(Some('3'))),
        ("fib 5", 5, expected("'(' after 'fib'", Some('5'))),
        ("fib", 4, expected("'(' after 'fib'", None)),
        ("fibo(5)", 4, expected("'(' after 'fib'", Some('o'))),
        ("5!!", 3, RepeatedFactorial),
        ("5! !", 4, RepeatedFactorial),
        ("6/0", 2, DivisionByZero),
        ("6 % (3-3)", 3, DivisionByZero),
        ("2^5%0", 4, DivisionByZero),
        ("7/2", 2, Remainder),
        ("2^(3-4)", 2, NegativeExponent),
        ("2^-1%3", 2, NegativeExponent),
        ("(-3)!", 5, NegativeOperand("the factorial")),
        ("(-3)#", 5, NegativeOperand("the primorial")),
        ("fib(-3)", 1, NegativeOperand("the Fibonacci number")),
    ] {
        assert_eq!(refusal(text), fault.at(column), "{text}");
    }
    assert_eq!(
        refusal("(2+\u{7})").to_string(),
        "column 4: expected a number, '-', '(' or 'fib(', found '\\u{7}'"
    );
    assert_eq!(
        refusal("7/2").to_string(),
        "column 2: the division leaves a remainder"
    );
}

#[test]
fn results_are_numbers() {
    for text in ["1", "0", "3-3", "-5", "2-10^300", "fib(2)"] {
        assert_eq!(refusal(text), ParseNumberError::BelowTwo.into(), "{text}");
    }
    let nines = "9".repeat(MAX_DIGITS);
    assert_eq!(value("10^200-1"), nines);
    for text in ["10^200", "2^2000", "2000^1000"] {
        let error = ParseNumberError::TooManyDigits;
        assert_eq!(refusal(text), error.into(), "{text}");
    }
}

#[test]
fn what_would_be_too_large_is_refused_before_it_is_computed() {
    for (text, column) in [
        ("9^9^9^9", 4),
        ("9^10^100", 2),
        ("2^13607", 2),
        ("10^4096*10", 8),
        ("999999999!", 10),
        ("(10^100)!", 9),
        ("1495!", 5),
        ("999999999#", 10),
        ("9521#", 5),
        ("fib(10^100)", 1),
        ("fib(19602)", 1),
        ("fib(4294967296)", 1),
        ("(2^13606+2^13606)*1", 9),
    ] {
        assert_eq!(refusal(text), TooLarge.at(column), "{text}");
    }
    // The largest that are not.
    for text in ["2^13606", "1494!", "9520#", "fib(19601)", "-10^4096"] {
        assert!(
            matches!(refusal(text), ExpressionError::Result(_)),
            "{text}"
        );
    }
}

#[test]
fn long_deep_and_laborious_texts_are_refused() {
    assert_eq!(
        refusal(&"9".repeat(MAX_LENGTH + 1)),
        ExpressionError::TooLong
    );
    assert_eq!(refusal(&"(".repeat(100_000)), ExpressionError::TooLong);
    assert_eq!(refusal(&"é".repeat(1_000_000)), ExpressionError::TooLong);
    let expected = ParseNumberError::TooManyDigits;
    assert_eq!(refusal(&"9".repeat(MAX_LENGTH)), expected.into());
    let nested = |depth| format!("{}6{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(value(&nested(MAX_DEPTH - 1)), "6");
    for text in [
        nested(MAX_DEPTH),
        "-".repeat(500) + "6",
        "1^".repeat(400) + "6",
    ] {
        let error = refusal(&text);
        assert!(
            matches!(error, ExpressionError::At { fault: TooDeep, .. }),
            "{error}"
        );
    }
    for text in [
        vec!["9^4000/3^7999"; 70].join("+"),
        vec!["fib(19000)%8"; 70].join("+"),
        vec!["1400!%8"; 100].join("+"),
        vec!["9000#%8"; 100].join("+"),
        "3^10^3000%(10^100+1)".to_owned(),
        "3^10^4000%(10^40+1)".to_owned(),
    ] {
        let error = refusal(&text);
        assert!(
            matches!(
                error,
                ExpressionError::At {
                    fault: TooMuchWork,
                    ..
                }
            ),
            "{error}"
        );
    }
}

/// An expression as a tree, beside its text: its value is found without the parser.
#[derive(Clone, Debug)]
enum Tree {
    Literal(u8),
    Negative(Box<Tree>),
    Binary(char, Box<Tree>, Box<Tree>),
    Postfix(char, Box<Tree>),
    Fibonacci(Box<Tree>),
}

impl Tree {
    /// Small values; nothing where one is not defined or too large.
    fn value(&self) -> Option<i128> {
        let up_to = |limit: i128, tree: &Self| tree.value().filter(|n| (0..=limit).contains(n));
        match self {
            Self::Literal(n) => Some(i128::from(*n)),
            Self::Negative(tree) => tree.value()?.checked_neg(),
            Self::Postfix('!', tree) => Some((1..=up_to(33, tree)?).product()),
            Self::Postfix(_, tree) => {
                let is_prime = |n: &i128| *n > 1 && (2..*n).all(|d| n % d != 0);
                Some((1..=up_to(90, tree)?).filter(is_prime).product())
            }
            Self::Fibonacci(tree) => {
                let step = |(a, b): (i128, i128), _| (b, a + b);
                Some((0..up_to(150, tree)?).fold((0, 1), step).0)
            }
            Self::Binary(operator, a, b) => {
                let (a, b) = (a.value()?, b.value()?);
                match operator {
                    '+' => a.checked_add(b),
                    '-' => a.checked_sub(b),
                    '*' => a.checked_mul(b),
                    '/' => (a.checked_rem(b)? == 0).then(|| a / b),
                    '%' => Some((a.checked_rem(b)? + b).checked_rem(b)?),
                    _ => a.checked_pow(u32::try_from(b).ok()?),
                }
            }
        }
    }

    fn rank(&self) -> u32 {
        match self {
            Self::Binary('+' | '-', ..) => 0,
            Self::Binary('*' | '/' | '%', ..) => 1,
            Self::Negative(_) => 2,
            Self::Binary(..) => 3,
            Self::Postfix('!', _) => 4,
            Self::Postfix(..) => 5,
            Self::Literal(_) | Self::Fibonacci(_) => 6,
        }
    }

    /// With no more parentheses than needed.
    fn text(&self) -> String {
        let at_least = |rank, tree: &Self| {
            if tree.rank() < rank {
                format!("({})", tree.text())
            } else {
                tree.text()
            }
        };
        match self {
            Self::Literal(n) => n.to_string(),
            Self::Negative(tree) => format!("-{}", at_least(2, tree)),
            Self::Postfix('!', tree) => at_least(5, tree) + "!",
            Self::Postfix(sign, tree) => format!("{}{sign}", at_least(4, tree)),
            Self::Fibonacci(tree) => format!("fib({})", tree.text()),
            Self::Binary('^', a, b) => format!("{}^{}", at_least(4, a), at_least(2, b)),
            Self::Binary(operator, a, b) => {
                let rank = self.rank();
                format!("{} {operator} {}", at_least(rank, a), at_least(rank + 1, b))
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    (0..12u8).prop_map(Tree::Literal).prop_recursive(4, 12, 2, |inner| {
        let inner = inner.prop_map(Box::new);
        prop_oneof![
            6 => (prop::sample::select(vec!['+', '-', '*', '/', '%', '^']), inner.clone(), inner.clone())
                .prop_map(|(operator, a, b)| Tree::Binary(operator, a, b)),
            1 => inner.clone().prop_map(Tree::Negative),
            1 => (prop::sample::select(vec!['!', '#']), inner.clone())
                .prop_map(|(sign, tree)| Tree::Postfix(sign, tree)),
            1 => inner.prop_map(Tree::Fibonacci),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_value_is_that_of_the_tree(tree in tree()) {
        if let Some(expected) = tree.value() {
            let text = tree.text();
            // Shifted, so that small and negative values are seen too.
            let shifted = format!("10^60 + ({text})");
            let sum = BigUint::from(10u32).pow(60);
            let magnitude = BigUint::from(expected.unsigned_abs());
            let sum = if expected < 0 { sum - magnitude } else { sum + magnitude };
            prop_assert_eq!(value(&shifted), sum.to_string(), "{}", text);
            if expected >= 2 {
                prop_assert_eq!(value(&text), expected.to_string(), "{}", text);
            }
        }
    }

    #[test]
    fn any_text_is_evaluated_or_refused(text in "\\PC{0,40}") {
        let _ = evaluate(&text);
    }

    #[test]
    fn any_text_of_the_right_characters_is_evaluated_or_refused(
        text in "([0-9]{1,4}|[-+*/%^!#() ]|\\*\\*|fib\\(){0,60}"
    ) {
        match evaluate(&text) {
            Ok(number) => prop_assert!(number.to_string().len() <= MAX_DIGITS),
            Err(ExpressionError::At { column, .. }) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&column));
            }
            Err(_) => {}
        }
    }
}
