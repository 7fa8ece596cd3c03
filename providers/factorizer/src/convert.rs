//! Between the crate's types and those of the interface.

use std::collections::BTreeMap;

use factor::{Cut, Number, ParseNumberError};
use num_bigint::BigUint;

use crate::bindings::exports::routelets::factorizer::factorizer as interface;
use interface::{Error, Numbers, Partial, PrimePower, Step};

pub(crate) fn number(text: &str) -> Result<Number, Error> {
    text.parse()
        .map_err(|error: ParseNumberError| Error::InvalidNumber(error.to_string()))
}

pub(crate) fn composite(text: &str) -> Result<BigUint, Error> {
    number(text).map(|number| number.as_biguint().clone())
}

pub(crate) fn prime_powers(factorization: factor::Factorization) -> Vec<PrimePower> {
    factorization
        .into_iter()
        .map(|power| PrimePower {
            prime: power.prime.to_string(),
            exponent: power.exponent,
        })
        .collect()
}

pub(crate) fn partial(partial: factor::Partial) -> Partial {
    Partial {
        found: prime_powers(partial.found),
        remaining: partial.remaining.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn known(partial: &Partial) -> Result<factor::Partial, Error> {
    let found = partial.found.iter();
    let found: BTreeMap<_, _> = found
        .map(|power| Ok((composite(&power.prime)?, power.exponent)))
        .collect::<Result<_, Error>>()?;
    let remaining = partial.remaining.iter();
    Ok(factor::Partial {
        found: found.into(),
        remaining: remaining
            .map(|text| composite(text))
            .collect::<Result<_, _>>()?,
    })
}

pub(crate) fn step(step: factor::Step) -> Step {
    match step {
        factor::Step::Complete(factorization) => Step::Complete(prime_powers(factorization)),
        factor::Step::Cut(Cut {
            known,
            composite,
            parts,
            enough,
        }) => Step::Cut(interface::Cut {
            known: partial(known),
            composite: composite.to_string(),
            parts: parts
                .into_iter()
                .map(|part| Numbers {
                    start: part.start,
                    end: part.end,
                })
                .collect(),
            enough,
        }),
    }
}
