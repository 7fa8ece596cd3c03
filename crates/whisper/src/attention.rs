//! Attention of many queries, as in the encoder.
//!
//! A block of queries is kept side by side, so that the scores come out of the kernel in the form in which it takes the
//! probabilities, and the softmax runs down columns in SIMD.

use kernels::Pace;
use kernels::math::exp;
use kernels::tile::{COLUMNS, ROWS, tile};

/// Values of a head, in every Whisper.
pub(crate) const HEAD: usize = 64;

/// The least score that stands for a key that is only there to fill a tile.
const FILLER: f32 = -1e30;

/// Memory that can be used again.
#[derive(Default)]
pub(crate) struct Scratch {
    keys: Vec<[f32; ROWS]>,
    values: Vec<[f32; ROWS]>,
    queries: Vec<[f32; COLUMNS]>,
    scores: Vec<[f32; COLUMNS]>,
    bias: Vec<f32>,
}

/// Rows of queries, keys and values, one behind the other in each row of `data`.
pub(crate) struct Projections<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) heads: usize,
}

impl Projections<'_> {
    fn row(&self, row: usize, part: usize, head: usize) -> &[f32] {
        let width = self.heads * HEAD;
        &self.data[row * 3 * width + part * width + head * HEAD..][..HEAD]
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
        let padded = count.next_multiple_of(ROWS);
        let Scratch {
            keys,
            values,
            queries,
            scores,
            bias: padded_bias,
        } = scratch;
        padded_bias.clear();
        padded_bias.extend_from_slice(bias);
        padded_bias.resize(padded, FILLER);
        keys.resize(padded * HEAD / ROWS, [0.0; ROWS]);
        values.resize(padded * HEAD / ROWS, [0.0; ROWS]);
        queries.resize(HEAD, [0.0; COLUMNS]);
        scores.resize(padded, [0.0; COLUMNS]);
        for head in 0..self.heads {
            // Panels of keys, with their values side by side; and of dimensions, with the keys side by side.
            for (panel, keys) in keys.chunks_exact_mut(HEAD).enumerate() {
                for lane in 0..ROWS {
                    let row = panel * ROWS + lane;
                    let key = if row < count {
                        self.row(row, 1, head)
                    } else {
                        &[0.0; HEAD]
                    };
                    for (to, value) in keys.iter_mut().zip(key) {
                        to[lane] = *value;
                    }
                }
            }
            for row in 0..padded {
                let value = if row < count {
                    self.row(row, 2, head)
                } else {
                    &[0.0; HEAD]
                };
                for (panel, value) in value.as_chunks::<ROWS>().0.iter().enumerate() {
                    values[panel * padded + row] = *value;
                }
            }
            pace.multiplied(4 * padded * HEAD);
            for first in (0..count).step_by(COLUMNS) {
                let block = COLUMNS.min(count - first);
                for lane in 0..block {
                    for (to, value) in queries.iter_mut().zip(self.row(first + lane, 0, head)) {
                        to[lane] = *value;
                    }
                }
                let mut most = [f32::NEG_INFINITY; COLUMNS];
                for ((keys, scores), bias) in keys
                    .chunks_exact(HEAD)
                    .zip(scores.chunks_exact_mut(ROWS))
                    .zip(padded_bias.chunks_exact(ROWS))
                {
                    for ((score, sums), bias) in
                        scores.iter_mut().zip(tile(keys, queries)).zip(bias)
                    {
                        for ((score, sum), most) in score.iter_mut().zip(sums).zip(&mut most) {
                            *score = sum + bias;
                            *most = if *score > *most { *score } else { *most };
                        }
                    }
                }
                pace.multiplied(padded * HEAD * COLUMNS);
                let mut total = [0.0; COLUMNS];
                for score in scores.iter_mut() {
                    for ((score, most), total) in score.iter_mut().zip(&most).zip(&mut total) {
                        *score = exp(*score - most);
                        *total += *score;
                    }
                }
                pace.multiplied(padded * COLUMNS * 8);
                for (panel, values) in values.chunks_exact(padded).enumerate() {
                    let sums = tile(values, scores);
                    for lane in 0..block {
                        let at = (first + lane) * width + head * HEAD + panel * ROWS;
                        for (to, sums) in result[at..at + ROWS].iter_mut().zip(&sums) {
                            *to = sums[lane] / total[lane];
                        }
                    }
                }
                pace.multiplied(padded * HEAD * COLUMNS);
            }
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
                        prop_assert!((found - sum / total).abs() < 1e-4, "{found} {}", sum / total);
                    }
                }
            }
        }
    }
}
