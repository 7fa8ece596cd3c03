//! Arithmetic modulo primes below 2^31.

use crate::primality::jacobi;

/// `a b mod p`.
#[inline(always)]
pub(super) fn mul(a: u32, b: u32, p: u32) -> u32 {
    (u64::from(a) * u64::from(b) % u64::from(p)) as u32
}

#[inline(always)]
pub(super) fn add(a: u32, b: u32, p: u32) -> u32 {
    let sum = a + b;
    sum.min(sum.wrapping_sub(p))
}

/// `a - b`, for residues below `p`.
#[inline(always)]
pub(super) fn sub(a: u32, b: u32, p: u32) -> u32 {
    let difference = a.wrapping_sub(b);
    difference.min(difference.wrapping_add(p))
}

fn pow(mut base: u32, mut exponent: u32, p: u32) -> u32 {
    let mut power = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = mul(power, base, p);
        }
        base = mul(base, base, p);
        exponent >>= 1;
    }
    power
}

/// The inverse of `a`, which `p` does not divide, by the extended Euclidean algorithm.
pub(super) fn inverse(a: u32, p: u32) -> u32 {
    let (mut r, mut next) = (p, a % p);
    let (mut x, mut next_x) = (0i32, 1i32);
    while next > 1 {
        let quotient = r / next;
        (r, next) = (next, r - quotient * next);
        (x, next_x) = (next_x, x - quotient as i32 * next_x);
    }
    if next_x < 0 {
        next_x.wrapping_add_unsigned(p) as u32
    } else {
        next_x as u32
    }
}

/// A square root of the quadratic residue `a` modulo the odd prime `p`, by Tonelli's and Shanks's
/// algorithm.
pub(super) fn square_root(a: u32, p: u32) -> u32 {
    if p % 4 == 3 {
        return pow(a, (p + 1) / 4, p);
    }
    let twos = (p - 1).trailing_zeros();
    let odd = (p - 1) >> twos;
    let mut non_residue = 2;
    while jacobi(non_residue.into(), p.into()) != -1 {
        non_residue += 1;
    }
    let mut generator = pow(non_residue, odd, p);
    let half = pow(a, odd / 2, p);
    let mut root = mul(a, half, p);
    let mut error = mul(root, half, p);
    let mut order = twos;
    while error != 1 {
        let (mut least, mut power) = (0, error);
        while power != 1 {
            power = mul(power, power, p);
            least += 1;
        }
        for _ in 0..order - least - 1 {
            generator = mul(generator, generator, p);
        }
        root = mul(root, generator, p);
        generator = mul(generator, generator, p);
        error = mul(error, generator, p);
        order = least;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_inverses_are_right() {
        for p in [
            3u32,
            5,
            7,
            17,
            97,
            193,
            257,
            12_289,
            65_537,
            786_433,
            2_147_483_647,
        ] {
            for a in (1..p).take(300).chain(p.saturating_sub(200).max(1)..p) {
                assert_eq!(mul(a, inverse(a, p), p), 1, "{a} mod {p}");
                assert_eq!(jacobi(a.into(), p.into()) == 1, pow(a, (p - 1) / 2, p) == 1);
                let square = mul(a, a, p);
                let root = square_root(square, p);
                assert!(root == a || root == p - a, "{a} mod {p}");
            }
        }
    }

    #[test]
    fn sums_and_differences_wrap() {
        for p in [3u32, 7, 11] {
            for a in 0..p {
                for b in 0..p {
                    assert_eq!(add(a, b, p), (a + b) % p);
                    assert_eq!(sub(a, b, p), (a + p - b) % p);
                }
            }
        }
    }
}
