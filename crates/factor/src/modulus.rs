//! Arithmetic modulo an odd number of `N` 64-bit limbs, in Montgomery form.
//!
//! P. L. Montgomery, "Modular multiplication without trial division", Math. Comp. 44 (1985). The
//! loop is the coarsely integrated operand scanning of Ç. K. Koç, T. Acar and B. S. Kaliski,
//! "Analyzing and comparing Montgomery multiplication algorithms", IEEE Micro 16 (1996).

use num_bigint::BigUint;

/// A residue `x`, stored as `x · 2^(64 N) mod n` in little-endian limbs, always below `n`.
pub(crate) type Residue<const N: usize> = [u64; N];

#[derive(Debug)]
pub(crate) struct Modulus<const N: usize> {
    n: [u64; N],
    /// `-1 / n` modulo 2^64.
    n_inverse: u64,
    one: Residue<N>,
    /// `2^(128 N) mod n`, which brings a number into Montgomery form.
    r_squared: [u64; N],
}

/// `t + a b + carry` as low and high limb.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn mac(t: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(t) + u128::from(a) * u128::from(b) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

#[cfg(target_family = "wasm")]
use mac_by_halves as mac;

/// [`mac`] from 32-bit halves. WebAssembly has no 128-bit product; written this way, `Modulus::mul`
/// takes half the time of a call to the compiler's 128-bit multiplication for each limb.
#[cfg(any(target_family = "wasm", test))]
#[inline(always)]
fn mac_by_halves(t: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    const LOW: u64 = u32::MAX as u64;
    let (a0, a1, b0, b1) = (a & LOW, a >> 32, b & LOW, b >> 32);
    let p00 = a0 * b0 + (t & LOW);
    let p01 = a0 * b1 + (p00 >> 32) + (t >> 32);
    let p10 = a1 * b0 + (p01 & LOW);
    let high = a1 * b1 + (p01 >> 32) + (p10 >> 32);
    let (low, overflow) = ((p10 << 32) | (p00 & LOW)).overflowing_add(carry);
    (low, high + u64::from(overflow))
}

#[inline(always)]
fn add_limbs<const N: usize>(a: &[u64; N], b: &[u64; N]) -> ([u64; N], bool) {
    let mut sum = [0; N];
    let mut carry = false;
    for i in 0..N {
        (sum[i], carry) = a[i].carrying_add(b[i], carry);
    }
    (sum, carry)
}

#[inline(always)]
fn sub_limbs<const N: usize>(a: &[u64; N], b: &[u64; N]) -> ([u64; N], bool) {
    let mut difference = [0; N];
    let mut borrow = false;
    for i in 0..N {
        (difference[i], borrow) = a[i].borrowing_sub(b[i], borrow);
    }
    (difference, borrow)
}

/// Either of two numbers without a branch: which one is as good as random.
#[inline(always)]
fn select<const N: usize>(first: bool, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
    let mask = 0u64.wrapping_sub(u64::from(first));
    std::array::from_fn(|i| (a[i] & mask) | (b[i] & !mask))
}

fn to_limbs<const N: usize>(value: &BigUint) -> [u64; N] {
    let mut limbs = [0; N];
    for (limb, digit) in limbs.iter_mut().zip(value.iter_u64_digits()) {
        *limb = digit;
    }
    limbs
}

pub(crate) fn from_limbs(limbs: &[u64]) -> BigUint {
    let digits = limbs
        .iter()
        .flat_map(|&limb| [limb as u32, (limb >> 32) as u32]);
    BigUint::new(digits.collect())
}

impl<const N: usize> Modulus<N> {
    /// What one multiplication costs, in units of [`crate::STEP`].
    pub(crate) const MUL: usize = N * N + 1;
    /// What [`Self::inverse`] costs at most, in the same units.
    pub(crate) const INVERSE: usize = 100 * N * N + 1_000;
    /// What [`Self::gcd`] costs at most, in the same units.
    pub(crate) const GCD: usize = 64 * N * N + 16 * N;

    /// `n` is odd and fits into `N` limbs.
    pub(crate) fn new(n: &BigUint) -> Self {
        debug_assert!(n.bit(0) && n.bits() <= 64 * N as u64);
        let limbs: [u64; N] = to_limbs(n);
        // Newton's iteration doubles the correct low bits, of which an odd number has three.
        let mut inverse = limbs[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(limbs[0].wrapping_mul(inverse)));
        }
        let r = BigUint::from(1u32) << (64 * N);
        Self {
            n: limbs,
            n_inverse: inverse.wrapping_neg(),
            one: to_limbs(&(&r % n)),
            r_squared: to_limbs(&((&r * &r) % n)),
        }
    }

    pub(crate) fn one(&self) -> Residue<N> {
        self.one
    }

    /// The residue of a small number.
    pub(crate) fn residue(&self, value: u64) -> Residue<N> {
        let mut limbs = [0; N];
        limbs[0] = value;
        self.mul(&limbs, &self.r_squared)
    }

    /// The residue of any number.
    pub(crate) fn reduce(&self, value: &BigUint) -> Residue<N> {
        let limbs = if value.bits() <= 64 * N as u64 {
            to_limbs(value)
        } else {
            to_limbs(&(value % from_limbs(&self.n)))
        };
        self.mul(&limbs, &self.r_squared)
    }

    /// Montgomery's product. Also correct if one operand is any number of `N` limbs.
    #[inline]
    pub(crate) fn mul(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        #[cfg(test)]
        work::add(Self::MUL as u64);
        let mut sum = [0; N];
        let mut top = 0u64;
        for &b_limb in b {
            let mut carry = 0;
            for j in 0..N {
                (sum[j], carry) = mac(sum[j], a[j], b_limb, carry);
            }
            let (limb, overflow) = top.overflowing_add(carry);
            let factor = sum[0].wrapping_mul(self.n_inverse);
            (_, carry) = mac(sum[0], factor, self.n[0], 0);
            for j in 1..N {
                (sum[j - 1], carry) = mac(sum[j], factor, self.n[j], carry);
            }
            let (limb, overflow_again) = limb.overflowing_add(carry);
            sum[N - 1] = limb;
            top = u64::from(overflow) + u64::from(overflow_again);
        }
        let (reduced, borrow) = sub_limbs(&sum, &self.n);
        select(top == 0 && borrow, &sum, &reduced)
    }

    #[inline]
    pub(crate) fn square(&self, a: &Residue<N>) -> Residue<N> {
        self.mul(a, a)
    }

    #[inline]
    pub(crate) fn add(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (sum, carry) = add_limbs(a, b);
        let (reduced, borrow) = sub_limbs(&sum, &self.n);
        select(!carry && borrow, &sum, &reduced)
    }

    #[inline]
    pub(crate) fn sub(&self, a: &Residue<N>, b: &Residue<N>) -> Residue<N> {
        let (difference, borrow) = sub_limbs(a, b);
        let (wrapped, _) = add_limbs(&difference, &self.n);
        select(borrow, &wrapped, &difference)
    }

    pub(crate) fn neg(&self, a: &Residue<N>) -> Residue<N> {
        self.sub(&[0; N], a)
    }

    /// `1 / a`, for `a` prime to the modulus.
    pub(crate) fn inverse(&self, a: &Residue<N>) -> Option<Residue<N>> {
        let inverse = to_limbs(&from_limbs(a).modinv(&from_limbs(&self.n))?);
        // Montgomery's factor is in the inverse with the exponent -1.
        Some(self.mul(&self.mul(&inverse, &self.r_squared), &self.r_squared))
    }

    /// `a / 2`.
    pub(crate) fn half(&self, a: &Residue<N>) -> Residue<N> {
        let (even, carry) = if a[0] & 1 == 0 {
            (*a, false)
        } else {
            add_limbs(a, &self.n)
        };
        std::array::from_fn(|i| {
            let above = even.get(i + 1).copied().unwrap_or(u64::from(carry));
            (even[i] >> 1) | (above << 63)
        })
    }

    /// The greatest common divisor of `a` and the modulus, by Stein's binary algorithm; the
    /// modulus itself for zero. Montgomery's factor, a power of two, does not change it.
    pub(crate) fn gcd(&self, a: &Residue<N>) -> [u64; N] {
        let (mut odd, mut other) = (self.n, *a);
        while other != [0; N] {
            shift_out_zeros(&mut other);
            let (difference, borrow) = sub_limbs(&other, &odd);
            if borrow {
                (odd, other) = (other, sub_limbs(&odd, &other).0);
            } else {
                other = difference;
            }
        }
        odd
    }

    /// The gcd when it is a proper divisor of the modulus.
    pub(crate) fn proper_divisor(&self, a: &Residue<N>) -> Divisor {
        let gcd = self.gcd(a);
        if gcd == self.n {
            Divisor::Modulus
        } else if gcd[0] == 1 && gcd[1..].iter().all(|&limb| limb == 0) {
            Divisor::One
        } else {
            Divisor::Proper(from_limbs(&gcd))
        }
    }
}

/// A divisor of the modulus, as a search for factors sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Divisor {
    /// Nothing found.
    One,
    /// A factor found.
    Proper(BigUint),
    /// All factors found at once.
    Modulus,
}

/// Divides a positive number by its largest power of two.
fn shift_out_zeros<const N: usize>(limbs: &mut [u64; N]) {
    while limbs[0] == 0 {
        limbs.rotate_left(1);
    }
    let shift = limbs[0].trailing_zeros();
    if shift > 0 {
        for i in 0..N {
            let above = limbs.get(i + 1).copied().unwrap_or(0);
            limbs[i] = (limbs[i] >> shift) | (above << (64 - shift));
        }
    }
}

/// Runs the body with `$modulus` bound to a [`Modulus`] of the smallest fitting size.
///
/// [`crate::MAX_DIGITS`] decimal digits are at most 665 bits, so 11 limbs hold every number.
macro_rules! with_modulus {
    ($n:expr, |$modulus:ident| $body:expr) => {{
        let n: &num_bigint::BigUint = $n;
        with_modulus!(@sizes n, $modulus, $body, 1 2 3 4 5 6 7 8 9 10; 11)
    }};
    (@sizes $n:ident, $modulus:ident, $body:expr, $($limbs:literal)*; $largest:literal) => {
        match $n.bits().div_ceil(64) {
            $($limbs => {
                let $modulus = $crate::modulus::Modulus::<$limbs>::new($n);
                $body
            })*
            _ => {
                let $modulus = $crate::modulus::Modulus::<$largest>::new($n);
                $body
            }
        }
    };
}
pub(crate) use with_modulus;

/// Counts the multiplications of a test thread, to check the costs that the pacer gets.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    thread_local!(static UNITS: Cell<u64> = const { Cell::new(0) });

    pub(crate) fn add(units: u64) {
        UNITS.set(UNITS.get() + units);
    }

    /// The units since the last call.
    pub(crate) fn take() -> u64 {
        UNITS.replace(0)
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    /// The number that a residue stands for.
    fn value<const N: usize>(modulus: &Modulus<N>, residue: &Residue<N>) -> BigUint {
        let mut plain_one = [0; N];
        plain_one[0] = 1;
        from_limbs(&modulus.mul(residue, &plain_one))
    }

    fn check<const N: usize>(n: [u64; N], a: [u64; N], b: [u64; N]) -> Result<(), TestCaseError> {
        let n = from_limbs(&n) | BigUint::from(1u32);
        let modulus = Modulus::<N>::new(&n);
        let (a, b) = (from_limbs(&a) % &n, from_limbs(&b) % &n);
        let x = modulus.mul(&to_limbs(&a), &modulus.r_squared);
        let y = modulus.mul(&to_limbs(&b), &modulus.r_squared);
        prop_assert_eq!(value(&modulus, &x), a.clone());
        prop_assert_eq!(value(&modulus, &modulus.mul(&x, &y)), &a * &b % &n);
        prop_assert_eq!(value(&modulus, &modulus.square(&x)), &a * &a % &n);
        prop_assert_eq!(value(&modulus, &modulus.add(&x, &y)), (&a + &b) % &n);
        prop_assert_eq!(value(&modulus, &modulus.sub(&x, &y)), (&a + &n - &b) % &n);
        prop_assert_eq!(value(&modulus, &modulus.neg(&x)), (&n - &a) % &n);
        prop_assert_eq!(
            value(&modulus, &modulus.add(&modulus.half(&x), &modulus.half(&x))),
            a.clone()
        );
        prop_assert_eq!(value(&modulus, &modulus.one()), BigUint::from(1u32) % &n);
        prop_assert_eq!(
            value(&modulus, &modulus.residue(77)),
            BigUint::from(77u32) % &n
        );
        let large = &a * &b + &n * &n;
        prop_assert_eq!(value(&modulus, &modulus.reduce(&a)), a.clone());
        prop_assert_eq!(value(&modulus, &modulus.reduce(&large)), &large % &n);
        let (mut g, mut r) = (n, a);
        while r != BigUint::ZERO {
            (g, r) = (r.clone(), g % r);
        }
        match modulus.inverse(&x) {
            Some(inverse) => prop_assert_eq!(modulus.mul(&inverse, &x), modulus.one()),
            None => prop_assert!(g > BigUint::from(1u32) || x == [0; N]),
        }
        prop_assert_eq!(from_limbs(&modulus.gcd(&x)), g);
        Ok(())
    }

    /// Limbs at the edges of their range as often as ordinary ones.
    fn limb() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            0..3u64,
            u64::MAX - 2..=u64::MAX,
            Just(1 << 63)
        ]
    }

    proptest! {
        #[test]
        fn one_limb(n in [limb()], a in [limb()], b in [limb()]) {
            check::<1>(n, a, b)?;
        }

        #[test]
        fn two_limbs(n in [limb(), limb()], a in [limb(), limb()], b in [limb(), limb()]) {
            check::<2>(n, a, b)?;
        }

        #[test]
        fn eleven_limbs(n in proptest::array::uniform11(limb()), a in proptest::array::uniform11(limb()),
                        b in proptest::array::uniform11(limb())) {
            check::<11>(n, a, b)?;
        }

        #[test]
        fn products_by_halves_are_products(t in limb(), a in limb(), b in limb(), c in limb()) {
            prop_assert_eq!(mac_by_halves(t, a, b, c), mac(t, a, b, c));
        }
    }

    #[test]
    fn shared_factors_are_found() {
        let n = BigUint::from(15u32);
        let modulus = Modulus::<1>::new(&n);
        assert_eq!(
            modulus.proper_divisor(&modulus.residue(10)),
            Divisor::Proper(BigUint::from(5u32))
        );
        assert_eq!(modulus.proper_divisor(&modulus.residue(4)), Divisor::One);
        assert_eq!(modulus.proper_divisor(&[0]), Divisor::Modulus);
    }
}
