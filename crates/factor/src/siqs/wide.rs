//! Signed integers of 192 bits: everything that belongs to one polynomial fits, while `k n` has at
//! most [`super::MAX_BITS`] bits.
use num_bigint::{BigInt, BigUint, Sign};

const LIMBS: usize = 3;

/// Two's complement in little-endian limbs; all arithmetic wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wide([u64; LIMBS]);

impl Wide {
    pub(super) fn new(value: &BigInt) -> Self {
        let mut limbs = [0; LIMBS];
        for (limb, digit) in limbs.iter_mut().zip(value.iter_u64_digits()) {
            *limb = digit;
        }
        let magnitude = Self(limbs);
        if value.sign() == Sign::Minus {
            magnitude.negated()
        } else {
            magnitude
        }
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let mut sum = [0; LIMBS];
        let mut carry = false;
        for ((sum, a), b) in sum.iter_mut().zip(self.0).zip(other.0) {
            (*sum, carry) = a.carrying_add(b, carry);
        }
        Self(sum)
    }

    pub(super) fn negated(&self) -> Self {
        let inverted = Self(self.0.map(|limb| !limb));
        inverted.add(&Self([1, 0, 0]))
    }

    pub(super) fn doubled(&self) -> Self {
        self.add(self)
    }

    /// The product with a number of less than 32 bits.
    pub(super) fn times(&self, factor: i32) -> Self {
        let magnitude = u64::from(factor.unsigned_abs());
        let mut product = [0; LIMBS];
        let mut carry = 0;
        for (product, limb) in product.iter_mut().zip(self.0) {
            let low = (limb & u64::from(u32::MAX)) * magnitude + carry;
            let high = (limb >> 32) * magnitude + (low >> 32);
            *product = (high << 32) | (low & u64::from(u32::MAX));
            carry = high >> 32;
        }
        let product = Self(product);
        if factor < 0 {
            product.negated()
        } else {
            product
        }
    }

    pub(super) fn is_negative(&self) -> bool {
        self.0[LIMBS - 1] >> 63 == 1
    }

    fn magnitude(&self) -> [u64; LIMBS] {
        if self.is_negative() {
            self.negated().0
        } else {
            self.0
        }
    }

    /// The absolute value.
    pub(super) fn to_biguint(self) -> BigUint {
        crate::modulus::from_limbs(&self.magnitude())
    }

    /// The lowest 64 bits of the absolute value.
    pub(super) fn low_bits(&self) -> u64 {
        self.magnitude()[0]
    }
}

/// A positive number that is divided by small primes until little is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cofactor {
    /// Little-endian.
    digits: [u32; 2 * LIMBS],
    /// How many of them matter.
    len: usize,
}

impl Cofactor {
    /// The absolute value of a number that is not zero.
    pub(super) fn new(value: &Wide) -> Self {
        let mut digits = [0; 2 * LIMBS];
        for (pair, limb) in digits.chunks_exact_mut(2).zip(value.magnitude()) {
            pair[0] = limb as u32;
            pair[1] = (limb >> 32) as u32;
        }
        let mut cofactor = Self {
            digits,
            len: 2 * LIMBS,
        };
        cofactor.trim();
        cofactor
    }

    fn trim(&mut self) {
        while self.len > 1 && self.digits[self.len - 1] == 0 {
            self.len -= 1;
        }
    }

    /// The number of significant bits.
    pub(super) fn bits(&self) -> u32 {
        32 * self.len as u32 - self.digits[self.len - 1].leading_zeros()
    }

    /// Divides out the largest power of two, and returns its exponent.
    pub(super) fn take_twos(&mut self) -> u32 {
        let mut exponent = 0;
        while self.len > 1 && self.digits[0] == 0 {
            self.digits.copy_within(1.., 0);
            self.digits[2 * LIMBS - 1] = 0;
            self.len -= 1;
            exponent += 32;
        }
        let shift = self.digits[0].trailing_zeros();
        if shift > 0 && shift < 32 {
            for i in 0..self.len {
                let above = self.digits.get(i + 1).copied().unwrap_or(0);
                self.digits[i] = (self.digits[i] >> shift) | (above << (32 - shift));
            }
            exponent += shift;
        }
        self.trim();
        exponent
    }

    /// Divides by the number if that leaves no remainder, and says whether it did.
    pub(super) fn divide(&mut self, divisor: u32) -> bool {
        let mut quotient = self.digits;
        let mut remainder = 0u64;
        for digit in quotient[..self.len].iter_mut().rev() {
            let dividend = (remainder << 32) | u64::from(*digit);
            *digit = (dividend / u64::from(divisor)) as u32;
            remainder = dividend % u64::from(divisor);
        }
        if remainder != 0 {
            return false;
        }
        self.digits = quotient;
        self.trim();
        true
    }

    /// The number, if it has at most 64 bits.
    pub(super) fn to_u64(self) -> Option<u64> {
        (self.len <= 2).then(|| u64::from(self.digits[0]) | (u64::from(self.digits[1]) << 32))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed(limbs: [u64; 2], negative: bool) -> BigInt {
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, crate::modulus::from_limbs(&limbs))
    }

    proptest! {
        #[test]
        fn agrees_with_bigint(a: [u64; 2], b: [u64; 2], x: i32, signs: (bool, bool)) {
            let (a, b) = (signed(a, signs.0), signed(b, signs.1));
            let value = Wide::new(&a).times(x).add(&Wide::new(&b)).doubled();
            let expected: BigInt = (a * x + b) * 2;
            prop_assert_eq!(value, Wide::new(&expected));
            prop_assert_eq!(value.is_negative(), expected.sign() == Sign::Minus);
            prop_assert_eq!(value.to_biguint(), expected.magnitude().clone());
        }

        #[test]
        fn division_takes_exact_factors_only(limbs: [u64; 2], divisor in 2..u32::MAX, twos in 0..50u32) {
            prop_assume!(limbs != [0, 0]);
            let value = crate::modulus::from_limbs(&limbs);
            let mut cofactor = Cofactor::new(&Wide::new(&BigInt::from(&value * divisor)));
            prop_assert!(cofactor.divide(divisor));
            prop_assert_eq!(u64::from(cofactor.bits()), value.bits());
            prop_assert_eq!(cofactor.divide(divisor), &value % divisor == BigUint::ZERO);
            let mut cofactor = Cofactor::new(&Wide::new(&BigInt::from(&value << twos)));
            let all = value.trailing_zeros().unwrap_or(0);
            prop_assert_eq!(u64::from(cofactor.take_twos()), all + u64::from(twos));
            let odd = value >> all;
            prop_assert_eq!(cofactor.to_u64().map(BigUint::from), (odd.bits() <= 64).then_some(odd));
        }
    }
}
