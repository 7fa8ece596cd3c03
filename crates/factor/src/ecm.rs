//! Lenstra's elliptic-curve method on Montgomery's curves: P. L. Montgomery, "Speeding the Pollard
//! and elliptic curve methods of factorization", Math. Comp. 48 (1987); formulas as in R. Crandall
//! and C. Pomerance, "Prime Numbers: A Computational Perspective" (2005), section 7.4.

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use crate::{
    modulus::{Divisor, Modulus, Residue},
    plan::{GIANT, Level, Plan, babies},
};

/// Giant steps that one inversion serves.
const BATCH: usize = 256;

/// A proper factor of the odd composite modulus, which is not a perfect power; `None` if the curves of all levels find none.
pub(crate) async fn split<const N: usize>(
    modulus: &Modulus<N>,
    levels: impl Iterator<Item = Level>,
    pacer: &mut Pacer<'_>,
) -> Result<Option<BigUint>, Interrupted> {
    // Suyama's parametrisation starts at 6.
    let mut sigma = 6;
    for level in levels {
        let plan = Plan::new(level.bound, pacer).await?;
        for _ in 0..level.curves {
            pacer.spend(Modulus::<N>::INVERSE).await?;
            let factor = match Curve::suyama(modulus, sigma) {
                Ok((curve, start)) => curve.search(start, &plan, pacer).await?,
                Err(shared) => proper(modulus, &shared),
            };
            if factor.is_some() {
                return Ok(factor);
            }
            sigma += 1;
        }
    }
    Ok(None)
}

fn proper<const N: usize>(modulus: &Modulus<N>, residue: &Residue<N>) -> Option<BigUint> {
    match modulus.proper_divisor(residue) {
        Divisor::Proper(factor) => Some(factor),
        Divisor::Modulus | Divisor::One => None,
    }
}

/// A point as `X : Z`, without its second coordinate.
#[derive(Clone, Copy)]
struct Point<const N: usize> {
    x: Residue<N>,
    z: Residue<N>,
}

/// `y² = x³ + A x² + x`.
struct Curve<'a, const N: usize> {
    modulus: &'a Modulus<N>,
    /// `(A + 2) / 4`.
    quarter: Residue<N>,
}

impl<'a, const N: usize> Curve<'a, N> {
    /// The cost of a doubling and an addition.
    const LADDER_STEP: usize = 11 * Modulus::<N>::MUL;

    /// The curve and point of Suyama's parameter; the order of the curve is a multiple of 12.
    ///
    /// # Errors
    /// A residue that shares a factor with the modulus, if the curve does not exist modulo that factor.
    fn suyama(m: &'a Modulus<N>, sigma: u64) -> Result<(Self, Point<N>), Residue<N>> {
        let cube = |a: &Residue<N>| m.mul(&m.square(a), a);
        let sigma = m.residue(sigma);
        let u = m.sub(&m.square(&sigma), &m.residue(5));
        let v = m.mul(&sigma, &m.residue(4));
        let u_cubed = cube(&u);
        let three_u_plus_v = m.add(&m.add(&u, &u), &m.add(&u, &v));
        let numerator = m.mul(&cube(&m.sub(&v, &u)), &three_u_plus_v);
        let denominator = m.mul(&m.mul(&u_cubed, &v), &m.residue(16));
        let inverse = m.inverse(&denominator).ok_or(denominator)?;
        let curve = Self {
            modulus: m,
            quarter: m.mul(&numerator, &inverse),
        };
        let point = Point {
            x: u_cubed,
            z: cube(&v),
        };
        Ok((curve, point))
    }

    fn double(&self, p: &Point<N>) -> Point<N> {
        let m = self.modulus;
        let sum = m.square(&m.add(&p.x, &p.z));
        let difference = m.square(&m.sub(&p.x, &p.z));
        let product = m.sub(&sum, &difference);
        Point {
            x: m.mul(&sum, &difference),
            z: m.mul(
                &product,
                &m.add(&difference, &m.mul(&product, &self.quarter)),
            ),
        }
    }

    /// `p + q`, given their difference.
    fn add(&self, p: &Point<N>, q: &Point<N>, difference: &Point<N>) -> Point<N> {
        let m = self.modulus;
        let u = m.mul(&m.sub(&p.x, &p.z), &m.add(&q.x, &q.z));
        let v = m.mul(&m.add(&p.x, &p.z), &m.sub(&q.x, &q.z));
        Point {
            x: m.mul(&difference.z, &m.square(&m.add(&u, &v))),
            z: m.mul(&difference.x, &m.square(&m.sub(&u, &v))),
        }
    }

    /// `k p` and `(k + 1) p` for positive `k`, by Montgomery's ladder.
    async fn ladder(
        &self,
        k: u64,
        p: &Point<N>,
        pacer: &mut Pacer<'_>,
    ) -> Result<(Point<N>, Point<N>), Interrupted> {
        pacer.spend(Self::LADDER_STEP).await?;
        let (mut low, mut high) = (*p, self.double(p));
        for bit in (0..k.ilog2()).rev() {
            pacer.spend(Self::LADDER_STEP).await?;
            let sum = self.add(&high, &low, p);
            if k >> bit & 1 == 1 {
                (low, high) = (sum, self.double(&high));
            } else {
                (low, high) = (self.double(&low), sum);
            }
        }
        Ok((low, high))
    }

    /// A proper factor, if the order of the point modulo one of the factors is as smooth as the
    /// plan asks.
    async fn search(
        &self,
        start: Point<N>,
        plan: &Plan,
        pacer: &mut Pacer<'_>,
    ) -> Result<Option<BigUint>, Interrupted> {
        let mut point = start;
        for &multiplier in plan.multipliers() {
            (point, _) = self.ladder(multiplier, &point, pacer).await?;
        }
        pacer.spend(Modulus::<N>::GCD).await?;
        match self.modulus.proper_divisor(&point.z) {
            Divisor::Proper(factor) => return Ok(Some(factor)),
            Divisor::Modulus => return Ok(None),
            Divisor::One => {}
        }
        let product = self.continuation(&point, plan, pacer).await?;
        pacer.spend(Modulus::<N>::GCD).await?;
        match self.modulus.proper_divisor(&product) {
            Divisor::Proper(factor) => Ok(Some(factor)),
            Divisor::Modulus | Divisor::One => Ok(None),
        }
    }

    /// The second stage: a product that is zero modulo a factor where `q point` is the neutral
    /// element for one of the plan's primes `q = k GIANT ± j`, because `k GIANT point` and
    /// `j point` then have the same `X : Z`.
    async fn continuation(
        &self,
        point: &Point<N>,
        plan: &Plan,
        pacer: &mut Pacer<'_>,
    ) -> Result<Residue<N>, Interrupted> {
        let m = self.modulus;
        let babies = self.babies(point, pacer).await?;
        let babies = match self.normalized(&babies, pacer).await? {
            Ok(babies) => babies,
            Err(shared) => return Ok(shared),
        };
        let (stride, _) = self.ladder(GIANT, point, pacer).await?;
        let (mut giant, mut next) = self.ladder(plan.first_giant(), &stride, pacer).await?;
        let mut product = m.one();
        for sets in plan.giants().chunks(BATCH) {
            let mut giants = Vec::with_capacity(sets.len());
            for _ in sets {
                pacer.spend(Self::LADDER_STEP).await?;
                giants.push(giant);
                (giant, next) = (next, self.add(&next, &stride, &giant));
            }
            let giants = match self.normalized(&giants, pacer).await? {
                Ok(giants) => giants,
                Err(shared) => return Ok(m.mul(&product, &shared)),
            };
            for (set, giant) in sets.iter().zip(&giants) {
                for (word, babies) in set.iter().zip(babies.chunks(64)) {
                    pacer
                        .spend(word.count_ones() as usize * Modulus::<N>::MUL)
                        .await?;
                    let mut left = *word;
                    while left != 0 {
                        let baby = &babies[left.trailing_zeros() as usize];
                        left &= left - 1;
                        product = m.mul(&product, &m.sub(giant, baby));
                    }
                }
            }
        }
        Ok(product)
    }

    /// `X / Z` of the points, or a residue that shares a factor with the modulus: that of a point
    /// which is the neutral element modulo this factor. All take one inversion (P. L. Montgomery).
    async fn normalized(
        &self,
        points: &[Point<N>],
        pacer: &mut Pacer<'_>,
    ) -> Result<Result<Vec<Residue<N>>, Residue<N>>, Interrupted> {
        let m = self.modulus;
        let mut before = Vec::with_capacity(points.len());
        let mut product = m.one();
        for point in points {
            pacer.spend(Modulus::<N>::MUL).await?;
            before.push(product);
            product = m.mul(&product, &point.z);
        }
        pacer.spend(Modulus::<N>::INVERSE).await?;
        let Some(mut inverse) = m.inverse(&product) else {
            return Ok(Err(product));
        };
        for (point, before) in points.iter().zip(&mut before).rev() {
            pacer.spend(3 * Modulus::<N>::MUL).await?;
            *before = m.mul(&point.x, &m.mul(&inverse, before));
            inverse = m.mul(&inverse, &point.z);
        }
        Ok(Ok(before))
    }

    /// The multiples of the point by the numbers below `GIANT / 2` prime to it.
    async fn babies(
        &self,
        point: &Point<N>,
        pacer: &mut Pacer<'_>,
    ) -> Result<Vec<Point<N>>, Interrupted> {
        let twice = self.double(point);
        let mut multiples = Vec::with_capacity(babies().count());
        let (mut previous, mut current) = (*point, *point);
        let mut factor = 1;
        for baby in babies() {
            while factor < baby {
                pacer.spend(Self::LADDER_STEP).await?;
                (previous, current) = (current, self.add(&current, &twice, &previous));
                factor += 2;
            }
            multiples.push(current);
        }
        Ok(multiples)
    }
}

#[cfg(test)]
mod tests {
    use num_prime::nt_funcs;

    use super::*;
    use crate::plan;

    fn multiple<const N: usize>(curve: &Curve<'_, N>, k: u64, p: &Point<N>) -> Point<N> {
        pollster::block_on(curve.ladder(k, p, &mut crate::unpaced()))
            .unwrap()
            .0
    }

    #[test]
    fn multiples_compose() {
        let n = BigUint::from(u64::MAX) * 3u32;
        let modulus = Modulus::<2>::new(&n);
        let (curve, point) = Curve::suyama(&modulus, 11).unwrap();
        for (a, b) in [
            (1, 2),
            (2, 3),
            (5, 7),
            (210, 11),
            (1 << 40, 3),
            (u64::from(u32::MAX), 77),
        ] {
            let direct = multiple(&curve, a * b, &point);
            let composed = multiple(&curve, a, &multiple(&curve, b, &point));
            assert_eq!(
                modulus.mul(&direct.x, &composed.z),
                modulus.mul(&composed.x, &direct.z),
                "{a} * {b}"
            );
        }
    }

    /// Modulo a prime, the continuation is zero exactly where trying its primes one by one is.
    #[test]
    fn the_continuation_finds_what_its_primes_find() {
        const BOUND: u64 = 1_200;
        let modulus = Modulus::<1>::new(&BigUint::from(1_099_511_627_791u64));
        let plan = pollster::block_on(Plan::new(BOUND, &mut crate::unpaced())).unwrap();
        let primes: Vec<u64> = nt_funcs::primes(100 * BOUND)
            .into_iter()
            .filter(|&prime| prime > BOUND)
            .collect();
        let (mut hits, mut misses) = (0, 0);
        for sigma in 6..46 {
            let (curve, start) = Curve::suyama(&modulus, sigma).unwrap();
            let point = plan
                .multipliers()
                .iter()
                .fold(start, |p, &k| multiple(&curve, k, &p));
            if point.z == [0] {
                continue;
            }
            let product =
                pollster::block_on(curve.continuation(&point, &plan, &mut crate::unpaced()))
                    .unwrap();
            let expected = primes
                .iter()
                .any(|&prime| multiple(&curve, prime, &point).z == [0]);
            if expected {
                assert_eq!(product, [0], "{sigma}");
                hits += 1;
            } else {
                // A pair of steps may hit by the other number, which need not be prime.
                misses += u32::from(product != [0]);
            }
        }
        assert!(hits > 0 && misses > 20, "{hits} hits, {misses} misses");
    }

    #[test]
    fn composites_of_any_kind_are_split() {
        let primes = [
            65_537u64,
            65_539,
            4_294_967_311,
            1_099_511_627_791,
            281_474_976_710_677,
        ];
        for p in primes {
            for q in primes.into_iter().filter(|&q| q != p) {
                for n in [BigUint::from(p) * q, BigUint::from(p) * p * q] {
                    let modulus = Modulus::<3>::new(&n);
                    let mut pacer = crate::unpaced();
                    let search = split(&modulus, plan::levels(), &mut pacer);
                    let factor = pollster::block_on(search).unwrap().unwrap();
                    assert!(factor > BigUint::from(1u32) && factor < n);
                    assert_eq!(&n % factor, BigUint::ZERO);
                }
            }
        }
    }
}
