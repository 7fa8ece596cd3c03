//! Pollard's rho method: R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20
//! (1980). Finds a prime factor `p` after about `2 √p` iterations.

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use crate::modulus::{Divisor, Modulus, Residue};

/// Iterations whose differences are multiplied before a gcd is taken.
const BATCH: u64 = 128;
/// Iterations between two calls of the pacer.
const STRIDE: u64 = 64;

/// A proper factor of the odd composite modulus, or none within the given number of iterations.
/// With no such limit, composites of two distinct primes are split sooner or later.
pub(crate) async fn split<const N: usize>(
    modulus: &Modulus<N>,
    mut iterations: u64,
    pacer: &mut Pacer<'_>,
) -> Result<Option<BigUint>, Interrupted> {
    let mut sequence = Sequence {
        modulus,
        increment: [0; N],
    };
    loop {
        sequence.increment = modulus.add(&sequence.increment, &modulus.one());
        match sequence.search(&mut iterations, pacer).await? {
            Divisor::One => return Ok(None),
            Divisor::Proper(factor) => return Ok(Some(factor)),
            Divisor::Modulus => {}
        }
    }
}

/// `x ↦ x² + increment`, up to Montgomery's constant, which makes it no worse.
struct Sequence<'a, const N: usize> {
    modulus: &'a Modulus<N>,
    increment: Residue<N>,
}

impl<const N: usize> Sequence<'_, N> {
    fn step(&self, x: &Residue<N>) -> Residue<N> {
        self.modulus.add(&self.modulus.square(x), &self.increment)
    }

    /// Goes `count` steps on from `x`, multiplying the distances from `anchor` into `product`.
    fn walk(
        &self,
        mut x: Residue<N>,
        anchor: &Residue<N>,
        mut product: Residue<N>,
        count: u64,
    ) -> (Residue<N>, Residue<N>) {
        for _ in 0..count {
            x = self.step(&x);
            product = self.modulus.mul(&product, &self.modulus.sub(anchor, &x));
        }
        (x, product)
    }

    /// Runs until a gcd is not 1, which is [`Divisor::One`] only when the iterations are used up.
    async fn search(
        &self,
        iterations: &mut u64,
        pacer: &mut Pacer<'_>,
    ) -> Result<Divisor, Interrupted> {
        let modulus = self.modulus;
        let mut x = modulus.add(&modulus.one(), &modulus.one());
        let mut length = 1u64;
        loop {
            // The anchor of this round; the distances from it matter only in the round's second
            // half, because a cycle that ends in the first is found in an earlier round.
            let anchor = x;
            let skipped = length / 2;
            x = self.skip(x, skipped, pacer).await?;
            let mut left = length - skipped;
            *iterations = iterations.saturating_sub(length);
            while left > 0 {
                let batch = left.min(BATCH);
                let start = x;
                let mut product = modulus.one();
                let mut done = 0;
                while done < batch {
                    let count = STRIDE.min(batch - done);
                    pacer.spend(2 * count as usize * Modulus::<N>::MUL).await?;
                    (x, product) = self.walk(x, &anchor, product, count);
                    done += count;
                }
                pacer.spend(Modulus::<N>::GCD).await?;
                match modulus.proper_divisor(&product) {
                    Divisor::One => {}
                    Divisor::Modulus => return self.retrace(start, &anchor, pacer).await,
                    proper => return Ok(proper),
                }
                left -= batch;
            }
            if *iterations == 0 {
                return Ok(Divisor::One);
            }
            length *= 2;
        }
    }

    async fn skip(
        &self,
        mut x: Residue<N>,
        mut count: u64,
        pacer: &mut Pacer<'_>,
    ) -> Result<Residue<N>, Interrupted> {
        while count > 0 {
            let stride = STRIDE.min(count);
            pacer.spend(stride as usize * Modulus::<N>::MUL).await?;
            for _ in 0..stride {
                x = self.step(&x);
            }
            count -= stride;
        }
        Ok(x)
    }

    /// Repeats a batch whose product has become zero with a gcd at every step.
    async fn retrace(
        &self,
        mut x: Residue<N>,
        anchor: &Residue<N>,
        pacer: &mut Pacer<'_>,
    ) -> Result<Divisor, Interrupted> {
        loop {
            pacer.spend(Modulus::<N>::MUL + Modulus::<N>::GCD).await?;
            x = self.step(&x);
            match self.modulus.proper_divisor(&self.modulus.sub(anchor, &x)) {
                Divisor::One => {}
                divisor => return Ok(divisor),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_u64(n: u64, iterations: u64) -> Option<BigUint> {
        let mut pacer = crate::unpaced();
        let modulus = Modulus::<1>::new(&BigUint::from(n));
        pollster::block_on(split(&modulus, iterations, &mut pacer)).unwrap()
    }

    #[test]
    fn composites_of_two_primes_are_split() {
        for n in (9..20_000u64).step_by(2) {
            let mut factors = num_prime::nt_funcs::factorize64(n).into_keys();
            let (Some(_), Some(_)) = (factors.next(), factors.next()) else {
                continue;
            };
            let factor = split_u64(n, u64::MAX).unwrap();
            assert!(factor > BigUint::from(1u32) && factor < BigUint::from(n));
            assert_eq!(n % factor, BigUint::ZERO);
        }
    }

    #[test]
    fn stops_at_its_limit() {
        let n = 4_294_967_291 * 4_294_967_279;
        assert_eq!(split_u64(n, 1_000), None);
        assert!(split_u64(n, u64::MAX).is_some());
    }
}
