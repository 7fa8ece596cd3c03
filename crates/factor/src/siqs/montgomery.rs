//! Montgomery multiplication modulo odd primes below 2^31, one word at a time.

/// `-1 / p` modulo 2^32.
pub(super) fn negated_inverse(p: u32) -> u32 {
    let mut inverse = p;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(p.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

/// `a 2^32 mod p`.
pub(super) fn enter(a: u32, p: u32) -> u32 {
    ((u64::from(a) << 32) % u64::from(p)) as u32
}

/// `a b / 2^32 mod p` for `a b < 2^32 p`: the plain product where one of them has entered.
#[inline(always)]
pub(super) fn mul(a: u32, b: u32, p: u32, negated_inverse: u32) -> u32 {
    let product = u64::from(a) * u64::from(b);
    let factor = (product as u32).wrapping_mul(negated_inverse);
    let reduced = ((product + u64::from(factor) * u64::from(p)) >> 32) as u32;
    reduced.min(reduced.wrapping_sub(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_products() {
        for p in [3u32, 5, 97, 65_537, 786_433, 2_147_483_647] {
            let inverse = negated_inverse(p);
            for a in (0..p).take(60).chain(p - 3..p) {
                for b in (0..p).take(60).chain(p - 3..p) {
                    let product = (u64::from(a) * u64::from(b) % u64::from(p)) as u32;
                    assert_eq!(mul(a, enter(b, p), p, inverse), product, "{a} {b} mod {p}");
                }
            }
        }
    }
}
