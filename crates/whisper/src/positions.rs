//! The positions of the encoder's frames.

use std::f64::consts::LN_10;

use fourier::Complex;

/// The natural logarithm of the ratio of the longest wave to the shortest.
const RANGE: f64 = 4.0 * LN_10;

/// OpenAI's `sinusoids`, row by row: the sines of frequencies that fall geometrically, then their cosines. They are computed
/// where they are needed, because a table of them would be megabytes of each component with a model.
pub(crate) struct Positions {
    /// What the position turns each wave by, as a number on the unit circle.
    steps: Vec<Complex<f64>>,
    /// Cosine and sine of each wave at the next position.
    waves: Vec<Complex<f64>>,
}

impl Positions {
    /// From the first position on, for rows of `width` values.
    pub(crate) fn new(width: usize) -> Self {
        let count = width / 2;
        let frequency = |i: usize| (-RANGE * i as f64 / (count - 1) as f64).exp();
        Self {
            steps: (0..count).map(|i| Complex::cis(frequency(i))).collect(),
            waves: vec![Complex::ONE; count],
        }
    }

    /// Adds the next position, times `weight`, to a row.
    pub(crate) fn add_next(&mut self, row: &mut [f32], weight: f32) {
        let (sines, cosines) = row.split_at_mut(self.waves.len());
        for ((sine, cosine), (wave, step)) in sines
            .iter_mut()
            .zip(cosines)
            .zip(self.waves.iter_mut().zip(&self.steps))
        {
            *sine += wave.im as f32 * weight;
            *cosine += wave.re as f32 * weight;
            *wave *= step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_openais_sinusoids() {
        let (width, count) = (384, 1500);
        let mut positions = Positions::new(width);
        for position in 0..count {
            let mut row = vec![0.0; width];
            positions.add_next(&mut row, 1.0);
            for i in 0..width / 2 {
                // As in whisper/model.py.
                let increment = 10_000_f64.ln() / (width / 2 - 1) as f64;
                let angle = position as f64 * (-increment * i as f64).exp();
                assert!((f64::from(row[i]) - angle.sin()).abs() < 1e-7);
                assert!((f64::from(row[width / 2 + i]) - angle.cos()).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn positions_are_added_with_their_weight() {
        let mut positions = Positions::new(128);
        let mut row = vec![1.0; 128];
        positions.add_next(&mut row, 0.5);
        assert_eq!(row[..64], [1.0; 64]);
        assert_eq!(row[64..], [1.5; 64]);
    }
}
