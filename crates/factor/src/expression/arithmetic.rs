//! The operations of an expression. Each is refused before its result would become large or slow.

use num_bigint::{BigInt, Sign};
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::Fault;

/// The most decimal digits of an intermediate result.
pub const MAX_INTERMEDIATE_DIGITS: usize = 4_096;

/// The bits of 10^4096: a number with more has more than [`MAX_INTERMEDIATE_DIGITS`] digits.
const MAX_BITS: u64 = 13_607;

/// The products of two 64-bit limbs that an expression may take. One takes about 5 ns in
/// WebAssembly. Two numbers of the largest size take 45,000.
const MAX_WORK: u64 = 200_000;

pub(super) struct Arithmetic {
    /// The remaining budget of limb products.
    work: u64,
}

type Result = std::result::Result<BigInt, Fault>;

impl Arithmetic {
    pub(super) fn new() -> Self {
        Self { work: MAX_WORK }
    }

    pub(super) fn add(&mut self, a: &BigInt, b: &BigInt) -> Result {
        self.spend(limbs(a.bits().max(b.bits())))?;
        bounded(a + b)
    }

    pub(super) fn multiply(&mut self, a: &BigInt, b: &BigInt) -> Result {
        // The bits of a product are those of its factors together, or one less.
        if !a.is_zero() && !b.is_zero() && a.bits() + b.bits() > MAX_BITS + 1 {
            return Err(Fault::TooLarge);
        }
        self.spend(limbs(a.bits()) * limbs(b.bits()))?;
        bounded(a * b)
    }

    /// The quotient, which has to be an integer.
    pub(super) fn divide(&mut self, a: &BigInt, b: &BigInt) -> Result {
        if !self.remainder(a, b)?.is_zero() {
            return Err(Fault::Remainder);
        }
        self.spend(limbs(a.bits()) * limbs(b.bits()))?;
        Ok(a / b)
    }

    /// The remainder with the sign of `b`.
    pub(super) fn remainder(&mut self, a: &BigInt, b: &BigInt) -> Result {
        if b.is_zero() {
            return Err(Fault::DivisionByZero);
        }
        self.spend(limbs(a.bits()) * limbs(b.bits()))?;
        let remainder = a % b;
        if remainder.is_zero() || remainder.sign() == b.sign() {
            Ok(remainder)
        } else {
            Ok(remainder + b)
        }
    }

    /// `base` to the power of `exponent`, which is not negative.
    pub(super) fn power(&mut self, base: &BigInt, exponent: &BigInt) -> Result {
        if base.bits() <= 1 {
            // 0, 1 or -1. 0^0 is 1.
            let is_one = exponent.is_zero() || (base.is_negative() && !exponent.bit(0));
            return Ok(if is_one { BigInt::one() } else { base.clone() });
        }
        let exponent = bounded_by(exponent, MAX_BITS)?;
        if (base.bits() - 1) * u64::from(exponent) >= MAX_BITS {
            return Err(Fault::TooLarge);
        }
        let power = bounded(base.pow(exponent))?;
        self.spend_on_result(power.bits())?;
        Ok(power)
    }

    /// The remainder of `base` to the power of `exponent`, which is not negative, with the sign of
    /// `modulus`.
    pub(super) fn power_modulo(
        &mut self,
        base: &BigInt,
        exponent: &BigInt,
        modulus: &BigInt,
    ) -> Result {
        if modulus.is_zero() {
            return Err(Fault::DivisionByZero);
        }
        let modulus_limbs = limbs(modulus.bits());
        // Two products for each bit, that of the reduction counted.
        self.spend(2 * exponent.bits() * modulus_limbs * modulus_limbs)?;
        self.spend(limbs(base.bits()) * modulus_limbs)?;
        Ok(base.modpow(exponent, modulus))
    }

    /// The product of the integers up to `n`.
    pub(super) fn factorial(&mut self, n: &BigInt) -> Result {
        // n! is at least 2^(n - 1).
        let n = index(n, "the factorial", MAX_BITS + 1)?;
        self.product((2..=n).map(u64::from))
    }

    /// The product of the primes up to `n`.
    pub(super) fn primorial(&mut self, n: &BigInt) -> Result {
        // n# is more than 2^n from 29 on.
        let n = index(n, "the primorial", MAX_BITS)?;
        self.product(primes(n).map(u64::from))
    }

    /// The Fibonacci number F(n), from F(0) = 0 and F(1) = 1.
    pub(super) fn fibonacci(&mut self, n: &BigInt) -> Result {
        // F(n) is more than 2^(n / 2) from 6 on, and less than 2^n.
        let n = index(n, "the Fibonacci number", 2 * MAX_BITS)?;
        self.spend_on_result(u64::from(n))?;
        // F(k) and F(k + 1), where k is what was read of the bits of n.
        let (mut f, mut next) = (BigInt::zero(), BigInt::one());
        for bit in (0..u32::BITS - n.leading_zeros()).rev() {
            let doubled = &f * (2 * &next - &f);
            let after = &f * &f + &next * &next;
            (f, next) = if n >> bit & 1 == 0 {
                (doubled, after)
            } else {
                let sum = doubled + &after;
                (after, sum)
            };
        }
        bounded(f)
    }

    /// The product of small factors.
    fn product(&mut self, factors: impl Iterator<Item = u64>) -> Result {
        let mut product = BigInt::one();
        // Several factors at a time, as many as a limb holds.
        let mut limb = 1u64;
        for factor in factors {
            if let Some(larger) = limb.checked_mul(factor) {
                limb = larger;
                continue;
            }
            self.spend(limbs(product.bits()))?;
            product = bounded(product * limb)?;
            limb = factor;
        }
        self.spend(limbs(product.bits()))?;
        bounded(product * limb)
    }

    /// Spends the work of a result of this many bits, computed by squaring.
    fn spend_on_result(&mut self, bits: u64) -> std::result::Result<(), Fault> {
        self.spend(limbs(bits) * limbs(bits))
    }

    fn spend(&mut self, products: u64) -> std::result::Result<(), Fault> {
        self.work = self.work.checked_sub(products).ok_or(Fault::TooMuchWork)?;
        Ok(())
    }
}

fn limbs(bits: u64) -> u64 {
    bits / 64 + 1
}

fn bounded(value: BigInt) -> Result {
    if value.bits() > MAX_BITS {
        return Err(Fault::TooLarge);
    }
    Ok(value)
}

/// The operand of a function whose result is too large beyond `limit`.
fn index(n: &BigInt, function: &'static str, limit: u64) -> std::result::Result<u32, Fault> {
    if n.is_negative() {
        return Err(Fault::NegativeOperand(function));
    }
    bounded_by(n, limit)
}

/// `n`, which is not negative, unless it is beyond `limit`.
fn bounded_by(n: &BigInt, limit: u64) -> std::result::Result<u32, Fault> {
    debug_assert_ne!(n.sign(), Sign::Minus);
    n.to_u32()
        .filter(|&n| u64::from(n) <= limit)
        .ok_or(Fault::TooLarge)
}

/// The primes up to `n`, ascending.
fn primes(n: u32) -> impl Iterator<Item = u32> {
    let mut composite = vec![false; n as usize + 1];
    (2..=n).filter(move |&prime| {
        if composite.get(prime as usize) == Some(&true) {
            return false;
        }
        let multiples = composite.iter_mut().step_by(prime as usize);
        multiples.for_each(|composite| *composite = true);
        true
    })
}
