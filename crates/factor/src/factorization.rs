//! What a search found.
use std::{collections::BTreeMap, fmt};

use num_bigint::BigUint;

/// A prime and how often it divides the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimePower {
    /// The prime.
    pub prime: BigUint,
    /// Its multiplicity, at least 1.
    pub exponent: u32,
}

impl fmt::Display for PrimePower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}^{}", self.prime, self.exponent)
    }
}

/// Distinct prime powers in ascending order of their primes.
///
/// Displays as `2^3 3^1 73^1 233^1`; the empty product displays as the empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Factorization(Vec<PrimePower>);

impl Factorization {
    /// The prime powers, ascending.
    #[must_use]
    pub fn prime_powers(&self) -> &[PrimePower] {
        &self.0
    }

    /// The product of the prime powers.
    #[must_use]
    pub fn product(&self) -> BigUint {
        self.0
            .iter()
            .map(|power| power.prime.pow(power.exponent))
            .product()
    }
}

impl From<BTreeMap<BigUint, u32>> for Factorization {
    fn from(exponents: BTreeMap<BigUint, u32>) -> Self {
        Self(
            exponents
                .into_iter()
                .map(|(prime, exponent)| PrimePower { prime, exponent })
                .collect(),
        )
    }
}

impl IntoIterator for Factorization {
    type Item = PrimePower;
    type IntoIter = std::vec::IntoIter<PrimePower>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Factorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, power) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { " " };
            write!(f, "{separator}{power}")?;
        }
        Ok(())
    }
}

/// The result of a search that was stopped. The product of `found` and `remaining` is the number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped with {} composite cofactors left", .remaining.len())]
pub struct Partial {
    /// The primes found so far.
    pub found: Factorization,
    /// Composite cofactors, ascending, each as often as it divides the number; never empty.
    pub remaining: Vec<BigUint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_every_exponent() {
        let exponents = [(2u32, 3), (3, 1), (73, 1), (233, 1)];
        let factorization = Factorization::from(BTreeMap::from(
            exponents.map(|(p, e)| (BigUint::from(p), e)),
        ));
        assert_eq!(factorization.to_string(), "2^3 3^1 73^1 233^1");
        assert_eq!(factorization.product(), BigUint::from(408_216u32));
        assert_eq!(Factorization::default().to_string(), "");
    }
}
