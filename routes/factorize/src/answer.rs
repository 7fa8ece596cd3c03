//! The answer: a number, its prime factorisation and, on request, functions of its divisors.

use std::collections::BTreeMap;

use factor::{Details, Factorization, PrimalityTest};
use http_api::Problem;
use num_bigint::BigUint;
use serde::Serialize;
use serde_json::{Number, Value, json};
use utoipa::ToSchema;

use crate::bindings::routelets::factorizer::factorizer::PrimePower;
use crate::number::factorization_schema;
use crate::request::Options;

/// A number and its prime factorisation.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorizeResponse {
    /// The primes, ascending, each with its exponent; with all their digits.
    #[schema(schema_with = factorization_schema)]
    factorization: Vec<(Number, u32)>,
    /// The same as text.
    factorization_str: String,
    /// The number, with all its digits.
    #[schema(value_type = u64)]
    number: Number,
    /// With `details=true`: whether the number is prime, and functions of its divisors.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<NumberDetails>,
}

impl FactorizeResponse {
    /// The answer for `number`, in decimal digits, with its factorisation `found`.
    pub(crate) fn new(
        number: String,
        found: Vec<PrimePower>,
        options: Options,
    ) -> Result<Self, Problem> {
        let details = options.details.then(|| NumberDetails::of(&found));
        let factorization_str = found
            .iter()
            .map(|p| format!("{}^{}", p.prime, p.exponent))
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Self {
            factorization: found.into_iter().map(pair).collect(),
            factorization_str,
            number: Number::from_string_unchecked(number),
            details: details.transpose()?,
        })
    }
}

/// Functions of a number that follow from its factorisation.
#[derive(Serialize, ToSchema)]
struct NumberDetails {
    /// Whether the number is prime.
    prime: bool,
    /// The test that shows that the largest prime of the factorisation is prime.
    primality_test: TestName,
    /// The number of divisors.
    #[schema(pattern = "^[1-9][0-9]*$", example = "32")]
    divisor_count: String,
    /// The sum of the divisors.
    #[schema(pattern = "^[1-9][0-9]*$", example = "1038960")]
    divisor_sum: String,
    /// Euler's totient: how many of the integers from 1 to the number are coprime to it.
    #[schema(pattern = "^[1-9][0-9]*$", example = "133632")]
    totient: String,
    /// The Möbius function: 0 if a square divides the number, else 1 or -1 for an even or odd number of primes.
    #[schema(minimum = -1, maximum = 1)]
    moebius: i8,
}

/// `trial-division` below 2^32; `miller-rabin` with twelve bases, a proof, below 2^64; `baillie-psw` above: no composite
/// number that passes it is known, but it is not proved that none exists.
#[derive(Serialize, ToSchema)]
#[schema(as = PrimalityTest)]
#[serde(rename_all = "kebab-case")]
enum TestName {
    TrialDivision,
    MillerRabin,
    BailliePsw,
}

impl NumberDetails {
    fn of(found: &[PrimePower]) -> Result<Self, Problem> {
        let powers = found.iter().map(|power| {
            let prime: BigUint = power.prime.parse().map_err(Problem::internal)?;
            Ok((prime, power.exponent))
        });
        let powers: BTreeMap<_, _> = powers.collect::<Result<_, Problem>>()?;
        let details = Details::of(&Factorization::from(powers));
        Ok(Self {
            prime: details.prime,
            primality_test: match details.primality_test {
                PrimalityTest::TrialDivision => TestName::TrialDivision,
                PrimalityTest::MillerRabin => TestName::MillerRabin,
                PrimalityTest::BailliePsw => TestName::BailliePsw,
            },
            divisor_count: details.divisor_count.to_string(),
            divisor_sum: details.divisor_sum.to_string(),
            totient: details.totient.to_string(),
            moebius: details.moebius,
        })
    }
}

pub(crate) fn json_pairs(powers: Vec<PrimePower>) -> Vec<Value> {
    powers.into_iter().map(|power| json!(pair(power))).collect()
}

fn pair(power: PrimePower) -> (Number, u32) {
    (Number::from_string_unchecked(power.prime), power.exponent)
}
