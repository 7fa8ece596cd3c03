//! From a product of relations that is a square to a factor.

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use super::relations::{FIRST, Relations, TWO};
use crate::modulus::{Divisor, Modulus};

/// A proper factor of `n`, if the two roots of the square are not the same up to the sign.
///
/// A relation is `root² = 4 · (columns) · (large primes)` modulo `n`.
pub(super) async fn factor<const N: usize>(
    modulus: &Modulus<N>,
    relations: &Relations,
    primes: &[u32],
    dependency: &[u32],
    pacer: &mut Pacer<'_>,
) -> Result<Option<BigUint>, Interrupted> {
    let mut exponents = vec![0u32; primes.len() + FIRST];
    let mut large = Vec::new();
    let (mut x, mut y) = (modulus.one(), modulus.one());
    let two = modulus.residue(2);
    for &index in dependency {
        let relation = relations.relation(index as usize);
        let columns = relations.columns(index as usize);
        pacer.spend(30 * Modulus::<N>::MUL + columns.len()).await?;
        for &column in columns {
            exponents[column as usize] += 1;
        }
        large.extend(relation.large);
        x = modulus.mul(&x, &modulus.reduce(&relation.root.to_biguint()));
        y = modulus.mul(&y, &two);
    }
    large.sort_unstable();
    let bases = exponents.iter().enumerate().skip(usize::from(TWO));
    let columns = bases.map(|(column, &exponent)| {
        let base = if column == usize::from(TWO) {
            2
        } else {
            primes[column - FIRST]
        };
        (base, exponent / 2)
    });
    let pairs = large.iter().step_by(2).map(|&prime| (prime, 1));
    for (base, exponent) in columns.chain(pairs) {
        if exponent == 0 {
            continue;
        }
        pacer
            .spend((exponent.ilog2() as usize + 2) * 2 * Modulus::<N>::MUL)
            .await?;
        let base = modulus.residue(u64::from(base));
        let mut power = base;
        for bit in (0..exponent.ilog2()).rev() {
            power = modulus.square(&power);
            if exponent >> bit & 1 == 1 {
                power = modulus.mul(&power, &base);
            }
        }
        y = modulus.mul(&y, &power);
    }
    pacer.spend(Modulus::<N>::GCD).await?;
    Ok(match modulus.proper_divisor(&modulus.sub(&x, &y)) {
        Divisor::Proper(factor) => Some(factor),
        Divisor::One | Divisor::Modulus => None,
    })
}
