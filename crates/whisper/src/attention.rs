//! Attention of many queries, as in the encoder.
//!
//! A block of queries is kept side by side, so that the scores come out of the kernel as it takes the probabilities, and
//! the softmax runs down columns in SIMD. Queries, keys, values and probabilities are integers of 13 bits and more.

use kernels::Pace;
use kernels::integers::{COLUMNS, Pair, ROWS, rounded_pair, tile};
use kernels::math::exp2;

use crate::panels::{HEAD, PAIRS, Panels, WHOLE, to_pairs};

/// Scores are logarithms to the base 2, which costs nothing.
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// The least score that stands for a key that is only there to fill a tile.
const FILLER: f32 = -1e30;

/// Memory that can be used again.
#[derive(Default)]
pub(crate) struct Scratch {
    panels: Panels<ROWS>,
    queries: Vec<[Pair; COLUMNS]>,
    scores: Vec<[f32; COLUMNS]>,
    probabilities: Vec<[Pair; COLUMNS]>,
    bias: Vec<f32>,
}

/// Rows of queries, keys and values, one behind the other in each row of `data`.
pub(crate) struct Projections<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) heads: usize,
}

impl Projections<'_> {
    fn row(&self, row: usize, part: usize, head: usize) -> &[f32; HEAD] {
        let width = self.heads * HEAD;
        self.data[row * 3 * width + part * width + head * HEAD..]
            .first_chunk()
            .unwrap_or(&[0.0; HEAD])
    }

    /// Writes what each query gathers into a row of `result`. Queries are scaled already; `bias` is added to the scores of
    /// each key.
    pub(crate) fn attend(
        &self,
        bias: &[f32],
        result: &mut [f32],
        scratch: &mut Scratch,
        pace: Pace,
    ) {
        let width = self.heads * HEAD;
        let count = bias.len();
        for head in 0..self.heads {
            self.prepare(head, bias, scratch, pace);
            for first in (0..count).step_by(COLUMNS) {
                let block = COLUMNS.min(count - first);
                let mut query_units = [0.0; COLUMNS];
                for lane in 0..block {
                    let (query, unit) = to_pairs(self.row(first + lane, 0, head));
                    query_units[lane] = unit;
                    for (to, pair) in scratch.queries.iter_mut().zip(query) {
                        to[lane] = pair;
                    }
                }
                scratch.score(&query_units, pace);
                for (panel, (values, units)) in scratch.panels.values().enumerate() {
                    let sums = tile(values, &scratch.probabilities);
                    for lane in 0..block {
                        let at = (first + lane) * width + head * HEAD + panel * ROWS;
                        for ((to, sums), unit) in
                            result[at..at + ROWS].iter_mut().zip(&sums).zip(units)
                        {
                            *to = sums[lane] as f32 * unit;
                        }
                    }
                }
                pace.multiplied(count * HEAD * COLUMNS / 2);
            }
        }
    }

    /// Lays out the keys and the values of a head, and makes room for the scores of a block of queries.
    fn prepare(&self, head: usize, bias: &[f32], scratch: &mut Scratch, pace: Pace) {
        let padded = bias.len().next_multiple_of(ROWS);
        scratch.bias.clear();
        scratch.bias.extend(bias.iter().map(|bias| bias * LOG2_E));
        scratch.bias.resize(padded, FILLER);
        scratch.queries.resize(PAIRS, [0; COLUMNS]);
        scratch.scores.resize(padded, [0.0; COLUMNS]);
        scratch.probabilities.resize(padded / 2, [0; COLUMNS]);
        let (key, value) = (|row| self.row(row, 1, head), |row| self.row(row, 2, head));
        scratch.panels.fill(bias.len(), key, value, pace);
    }
}

impl Scratch {
    /// The probabilities of all keys for the queries.
    fn score(&mut self, query_units: &[f32; COLUMNS], pace: Pace) {
        let query_units = query_units.map(|unit| unit * LOG2_E);
        let mut most = [f32::NEG_INFINITY; COLUMNS];
        let bias = self.bias.as_chunks::<ROWS>().0;
        let scores = self.scores.as_chunks_mut::<ROWS>().0;
        for (((keys, units), bias), scores) in self.panels.keys().zip(bias).zip(scores) {
            let sums = tile(keys, &self.queries);
            for (((score, sums), unit), bias) in scores.iter_mut().zip(sums).zip(units).zip(bias) {
                for (((score, sum), most), query_unit) in
                    score.iter_mut().zip(sums).zip(&mut most).zip(&query_units)
                {
                    *score = sum as f32 * (unit * query_unit) + bias;
                    *most = if *score > *most { *score } else { *most };
                }
            }
        }
        pace.multiplied(self.scores.len() * HEAD * COLUMNS / 2);
        let factors = exponentiate(&mut self.scores, &most).map(|total| WHOLE / total);
        round(&self.scores, &factors, &mut self.probabilities);
        pace.multiplied(self.scores.len() * COLUMNS * 8);
    }
}

/// Raises 2 to the power of the scores, less the greatest of each column, and returns the sums. On its own, like
/// [`round`]: the constants of a larger function would not all stay in registers.
#[inline(never)]
fn exponentiate(scores: &mut [[f32; COLUMNS]], most: &[f32; COLUMNS]) -> [f32; COLUMNS] {
    let mut total = [0.0; COLUMNS];
    for score in scores {
        for ((score, most), total) in score.iter_mut().zip(most).zip(&mut total) {
            *score = exp2(*score - most);
            *total += *score;
        }
    }
    total
}

/// Rounds numbers, times the factor of their column, to pairs of integers.
#[inline(never)]
fn round(numbers: &[[f32; COLUMNS]], factors: &[f32; COLUMNS], pairs: &mut [[Pair; COLUMNS]]) {
    for (pairs, [a, b]) in pairs.iter_mut().zip(numbers.as_chunks::<2>().0) {
        for (((pair, a), b), factor) in pairs.iter_mut().zip(a).zip(b).zip(factors) {
            *pair = rounded_pair(a * factor, b * factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn equals_the_definition(count in 1..40usize, heads in 1..3usize, seed in 0..1000u64) {
            let width = heads * HEAD;
            let mut state = seed;
            let mut random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            };
            let data: Vec<f32> = (0..count * 3 * width).map(|_| random()).collect();
            let bias: Vec<f32> = (0..count).map(|_| random()).collect();
            let projections = Projections { data: &data, heads };
            let mut found = vec![0.0; count * width];
            projections.attend(&bias, &mut found, &mut Scratch::default(), Pace(|| ()));
            for query in 0..count {
                for head in 0..heads {
                    let score = |key: usize| {
                        let products = projections.row(query, 0, head).iter().zip(projections.row(key, 1, head));
                        (products.map(|(a, b)| a * b).sum::<f32>() + bias[key]).exp()
                    };
                    let weights: Vec<f32> = (0..count).map(score).collect();
                    let total: f32 = weights.iter().sum();
                    for i in 0..HEAD {
                        let sum: f32 = (0..count).map(|key| weights[key] * projections.row(key, 2, head)[i]).sum();
                        let found = found[query * width + head * HEAD + i];
                        prop_assert!((found - sum / total).abs() < 2e-3, "{found} {}", sum / total);
                    }
                }
            }
        }
    }
}
