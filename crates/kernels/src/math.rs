//! Functions of vectors. Plain loops without branches, which compilers turn into SIMD.

/// e to the power of `x`, within 2 units in the last place; 0 below about -87, and at most e^88.
#[inline]
#[must_use]
pub fn exp(x: f32) -> f32 {
    // 2^n · e^r with |r| ≤ ln 2 / 2. Adding 1.5 · 2^23 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.3, 88.0);
    let shifted = x.mul_add_or_not(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add_or_not(-0.693_359_4, x);
    let r = n.mul_add_or_not(2.121_944_4e-4, r);
    // The polynomial of Cephes' expf.
    let mut p = 1.987_569_1e-4_f32;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p.mul_add_or_not(r, c);
    }
    let p = (p * r).mul_add_or_not(r, r) + 1.0;
    let bits = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    p * f32::from_bits(bits.wrapping_add(127) << 23)
}

/// 2 to the power of `x`, which is at most 0, within 3e-6 of itself; 0 below about -126.
#[inline]
#[must_use]
pub fn exp2(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -126.0 { x } else { -126.0 };
    let shifted = x + ROUND;
    let f = x - (shifted - ROUND);
    // The polynomial has the least relative error from -1/2 to 1/2 among those of its degree that are 1 at 0.
    let mut p = 9.582_85e-3_f32;
    for c in [5.590_644e-2, 2.402_41e-1, 6.931_242e-1, 1.0] {
        p = p.mul_add_or_not(f, c);
    }
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// Multiplies and adds without fusing: `f32::mul_add` is a call into a library where the target has no such instruction.
trait MulAdd {
    fn mul_add_or_not(self, factor: f32, addend: f32) -> f32;
}

impl MulAdd for f32 {
    #[inline]
    fn mul_add_or_not(self, factor: f32, addend: f32) -> f32 {
        self * factor + addend
    }
}

/// Applies the Gaussian error linear unit, x · Φ(x), to each value.
pub fn gelu(values: &mut [f32]) {
    for x in values {
        // erf by Abramowitz and Stegun 7.1.26, within 1.5e-7.
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / (1.0 + 0.327_591_1 * z);
        let mut p = 1.061_405_4_f32;
        for c in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
            p = p.mul_add_or_not(t, c);
        }
        let tail = 0.5 * p * t * exp2(*x * *x * (-0.5 * std::f32::consts::LOG2_E));
        *x *= if *x < 0.0 { tail } else { 1.0 - tail };
    }
}

/// Normalises a row to mean 0 and variance 1, then scales and shifts it. All slices have one length.
pub fn layer_norm(row: &[f32], scale: &[f32], shift: &[f32], result: &mut [f32]) {
    const EPSILON: f32 = 1e-5;
    let length = row.len() as f32;
    let mean = sum(row, |x| x) / length;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / length;
    let factor = 1.0 / (variance + EPSILON).sqrt();
    for (((result, x), scale), shift) in result.iter_mut().zip(row).zip(scale).zip(shift) {
        *result = (x - mean) * factor * scale + shift;
    }
}

/// Σ f(x), with eight partial sums for SIMD.
#[inline]
pub fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += f(*x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| f(*x)).sum::<f32>()
}

/// Σ a · b, up to the shorter length.
#[inline]
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut sums = [0.0; 8];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The largest value; minus infinity without values.
#[must_use]
pub fn largest(values: &[f32]) -> f32 {
    let mut most = [f32::NEG_INFINITY; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (most, x) in most.iter_mut().zip(chunk) {
            *most = if *x > *most { *x } else { *most };
        }
    }
    most.iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// Turns scores into probabilities.
pub fn softmax(scores: &mut [f32]) {
    let most = largest(scores);
    for score in scores.iter_mut() {
        *score = exp(*score - most);
    }
    let total = sum(scores, |x| x);
    for score in scores {
        *score /= total;
    }
}

/// The logarithm of Σ e^x.
#[must_use]
pub fn log_sum_exp(values: &[f32]) -> f32 {
    let most = largest(values);
    if most == f32::NEG_INFINITY {
        return most;
    }
    most + sum(values, |x| exp(x - most)).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn exp2_is_close(x in -126.0..=0.0_f32) {
            let expected = f64::from(x).exp2();
            prop_assert!((f64::from(exp2(x)) / expected - 1.0).abs() < 4e-6, "{x}");
        }

        #[test]
        fn exp_is_close(x in -87.0..88.0_f32) {
            let expected = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / expected - 1.0).abs() < 3e-7, "{x}");
        }

        #[test]
        fn gelu_is_close(x in -12.0..12.0_f32) {
            let mut found = [x];
            gelu(&mut found);
            // Φ by integrating the density with Simpson's rule.
            let (x, steps) = (f64::from(x), 2000);
            let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let h = x / f64::from(steps);
            let inner: f64 = (1..steps)
                .map(|i| density(h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 })
                .sum();
            let cumulative = 0.5 + h / 3.0 * (density(0.0) + inner + density(x));
            prop_assert!((f64::from(found[0]) - x * cumulative).abs() < 2e-6);
        }

        #[test]
        fn probabilities_sum_to_one(scores in prop::collection::vec(-50.0..50.0_f32, 1..100)) {
            let mut found = scores.clone();
            softmax(&mut found);
            let total = scores.iter().map(|x| f64::from(*x).exp()).sum::<f64>();
            for (found, score) in found.iter().zip(&scores) {
                prop_assert!((f64::from(*found) - f64::from(*score).exp() / total).abs() < 1e-6);
            }
            prop_assert!((f64::from(log_sum_exp(&scores)) - total.ln()).abs() < 1e-4);
        }

        #[test]
        fn dot_products_and_norms(values in prop::collection::vec((-2.0..2.0_f32, -2.0..2.0_f32), 2..50)) {
            let (a, b): (Vec<f32>, Vec<f32>) = values.iter().copied().unzip();
            let expected: f64 = values.iter().map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - expected).abs() < 1e-4);
            let longer: Vec<f32> = b.iter().copied().chain([9.0; 11]).collect();
            prop_assert_eq!(dot(&a, &b), dot(&a, &longer));
            let mut result = vec![0.0; a.len()];
            layer_norm(&a, &vec![1.0; a.len()], &vec![0.5; a.len()], &mut result);
            let mean: f32 = result.iter().sum::<f32>() / result.len() as f32;
            prop_assert!((mean - 0.5).abs() < 1e-4, "{mean}");
        }
    }

    #[test]
    fn extremes_stay_finite() {
        assert!(exp(-1e9) < 1e-37 && exp(1e9).is_finite());
        assert_eq!(largest(&[]), f32::NEG_INFINITY);
        let mut scores = [f32::NEG_INFINITY, 0.0];
        softmax(&mut scores);
        assert_eq!(scores, [exp(-1e9), 1.0]);
    }
}
