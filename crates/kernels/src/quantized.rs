//! Linear layers whose weights are 8-bit integers.
//!
//! Each output has a scale of its own. The inputs become 7-bit integers, from the least to the greatest value of a row:
//! the relaxed dot product of WebAssembly multiplies 8-bit by 7-bit integers. Where that is too coarse, a second row of
//! integers holds what rounding lost, which leaves 14 bits ([`Precision`]).

mod dot;

use crate::Pace;
use dot::{GROUP, OUTPUTS, Tile};

/// Rows that are multiplied at a time.
const ROWS: usize = 4;
/// Rows that are quantised at a time: they stay in the cache while all of the weights pass.
const BLOCK: usize = 64;
/// Multiplications of integers that take as long as one of floats.
const COST: usize = 3;

/// How finely inputs are quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 7 bits.
    Single,
    /// 14 bits, for twice the work. Where the weights come from memory and not from a cache, that is hidden.
    Double,
}

/// What becomes of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// They replace what was there.
    Store,
    /// They are added to what was there.
    Add,
}

/// A linear layer, y = W·x + b.
#[derive(Clone)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    /// For each panel of [`OUTPUTS`] outputs, for each [`GROUP`] of inputs: the weights of one output after the other.
    weights: Vec<[i8; OUTPUTS * GROUP]>,
    /// What a unit of each output's weights stands for.
    scales: Vec<f32>,
    /// The sum of each output's weights, in their units.
    sums: Vec<f32>,
    bias: Vec<f32>,
}

/// Memory for quantised rows that can be used again.
#[derive(Default)]
pub struct Scratch {
    /// For each [`ROWS`] rows, for each [`GROUP`] of inputs: the values of one row after the other.
    values: Vec<u8>,
    /// What a unit of each row stands for, and what 0 does.
    ranges: Vec<(f32, f32)>,
}

impl Linear {
    /// A layer with `outputs` outputs from its weights, output by output, and its bias, which may be empty.
    ///
    /// # Panics
    /// When the weights are not as many for each output, or the bias has not as many as there are outputs.
    #[must_use]
    pub fn new(outputs: usize, weights: &[f32], bias: &[f32]) -> Self {
        assert!(outputs > 0 && weights.len().is_multiple_of(outputs));
        assert!(bias.is_empty() || bias.len() == outputs);
        let inputs = weights.len() / outputs;
        let (panels, groups) = (outputs.div_ceil(OUTPUTS), inputs.div_ceil(GROUP));
        let mut layer = Self {
            inputs,
            outputs,
            weights: vec![[0; OUTPUTS * GROUP]; panels * groups],
            scales: vec![0.0; panels * OUTPUTS],
            sums: vec![0.0; panels * OUTPUTS],
            bias: vec![0.0; panels * OUTPUTS],
        };
        layer.bias[..bias.len()].copy_from_slice(bias);
        for (output, row) in weights.chunks(inputs.max(1)).enumerate() {
            let most = row.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
            let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
            let panel = output / OUTPUTS * groups;
            let mut sum = 0.0;
            for (k, weight) in row.iter().enumerate() {
                let unit = (weight / scale).round().clamp(-127.0, 127.0);
                sum += unit;
                let at = output % OUTPUTS * GROUP + k % GROUP;
                layer.weights[panel + k / GROUP][at] = unit as i8;
            }
            layer.scales[output] = scale;
            layer.sums[output] = sum;
        }
        layer
    }

    /// Values of a row of results.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes the weights of one output, which is a row of an embedding, into `row`.
    pub fn weights_of(&self, output: usize, row: &mut [f32]) {
        let groups = self.inputs.div_ceil(GROUP);
        let panel = &self.weights[output / OUTPUTS * groups..][..groups];
        let scale = self.scales[output];
        let lane = output % OUTPUTS * GROUP;
        for (values, group) in row.chunks_mut(GROUP).zip(panel) {
            for (value, unit) in values.iter_mut().zip(&group[lane..lane + GROUP]) {
                *value = f32::from(*unit) * scale;
            }
        }
    }

    /// The results for rows of inputs. Row `i` begins at `rows[i * stride]`; rows may overlap, as those of a convolution do.
    /// The results lie row by row.
    pub fn apply(
        &self,
        (rows, stride): (&[f32], usize),
        results: &mut [f32],
        (precision, then): (Precision, Then),
        scratch: &mut Scratch,
        pace: Pace,
    ) {
        let groups = self.inputs.div_ceil(GROUP);
        let limbs = match precision {
            Precision::Single => 1,
            Precision::Double => 2,
        };
        let block = BLOCK / limbs;
        for (index, results) in results.chunks_mut(block * self.outputs).enumerate() {
            let count = results.len() / self.outputs;
            let rows = (0..count).map(|i| {
                let start = (index * block + i) * stride;
                &rows[start..start + self.inputs]
            });
            scratch.quantize(rows, self.inputs, precision);
            let items = count * limbs;
            for (panel, weights) in self.weights.chunks(groups).enumerate() {
                for first in (0..items).step_by(ROWS) {
                    let values = &scratch.values[first * groups * GROUP..];
                    let sums = match items - first {
                        1 => widen(dot::tile::<1>(values, weights)),
                        2 => widen(dot::tile::<2>(values, weights)),
                        3 => widen(dot::tile::<3>(values, weights)),
                        _ => dot::tile::<ROWS>(values, weights),
                    };
                    self.put(&sums, first, limbs, panel, (results, then), &scratch.ranges);
                }
                pace.multiplied(items * groups * GROUP * OUTPUTS / COST);
            }
        }
    }

    /// Turns a tile into results.
    fn put(
        &self,
        tile: &Tile<ROWS>,
        first: usize,
        limbs: usize,
        panel: usize,
        (results, then): (&mut [f32], Then),
        ranges: &[(f32, f32)],
    ) {
        let start = panel * OUTPUTS;
        let end = self.outputs.min(start + OUTPUTS);
        let outputs = start..start + OUTPUTS;
        let (scales, sums) = (&self.scales[outputs.clone()], &self.sums[outputs.clone()]);
        let bias = &self.bias[outputs];
        let ranges = &ranges[first..ranges.len().min(first + ROWS)];
        for (row, (limbs, ranges)) in tile.chunks(limbs).zip(ranges.chunks(limbs)).enumerate() {
            let mut values = [0.0; OUTPUTS];
            for (products, (unit, low)) in limbs.iter().zip(ranges) {
                for ((value, product), sum) in values.iter_mut().zip(products).zip(sums) {
                    *value += *product as f32 * unit + sum * low;
                }
            }
            for ((value, scale), bias) in values.iter_mut().zip(scales).zip(bias) {
                *value = *value * scale + bias;
            }
            let row = first / limbs.len() + row;
            let results = &mut results[row * self.outputs..][start..end];
            match then {
                Then::Store => results.copy_from_slice(&values[..end - start]),
                Then::Add => {
                    for (result, value) in results.iter_mut().zip(values) {
                        *result += value;
                    }
                }
            }
        }
    }
}

impl Scratch {
    /// Quantises rows.
    fn quantize<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = &'a [f32]>,
        inputs: usize,
        precision: Precision,
    ) {
        let groups = inputs.div_ceil(GROUP);
        let limbs = if precision == Precision::Double { 2 } else { 1 };
        let items = rows.len() * limbs;
        self.values.clear();
        self.values.resize(items * groups * GROUP, 0);
        self.ranges.clear();
        for (index, row) in rows.enumerate() {
            let (low, high) = range(row);
            let unit = (high - low).max(f32::MIN_POSITIVE) / 127.0;
            let item = index * limbs;
            // The rows of a tile lie side by side; the last tile may have fewer.
            let slot = |item: usize| {
                let first = item / ROWS * ROWS;
                let width = ROWS.min(items - first);
                (first * groups + item % ROWS, width)
            };
            let (start, width) = slot(item);
            let factor = 1.0 / unit;
            for (group, values) in row.chunks(GROUP).enumerate() {
                let at = (start + group * width) * GROUP;
                for (to, value) in self.values[at..at + GROUP].iter_mut().zip(values) {
                    *to = ((value - low) * factor + 0.5) as u8;
                }
            }
            self.ranges.push((unit, low));
            if precision == Precision::Double {
                // What is left lies within half a unit of the first.
                let (fine, fine_low) = (unit / 127.0, -unit / 2.0);
                let factor = 1.0 / fine;
                let (second, _) = slot(item + 1);
                for (group, values) in row.chunks(GROUP).enumerate() {
                    let at = (start + group * width) * GROUP;
                    let to = (second + group * width) * GROUP;
                    for (i, value) in values.iter().enumerate() {
                        let rest = value - low - f32::from(self.values[at + i]) * unit;
                        self.values[to + i] =
                            ((rest - fine_low) * factor + 0.5).clamp(0.0, 127.0) as u8;
                    }
                }
                self.ranges.push((fine, fine_low));
            }
        }
    }
}

/// The least and the greatest value.
fn range(row: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([0.0_f32; 8], [0.0_f32; 8]);
    let (chunks, rest) = row.as_chunks::<8>();
    for chunk in chunks {
        for ((low, high), x) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = if *x < *low { *x } else { *low };
            *high = if *x > *high { *x } else { *high };
        }
    }
    (
        low.iter().chain(rest).copied().fold(0.0, f32::min),
        high.iter().chain(rest).copied().fold(0.0, f32::max),
    )
}

fn widen<const N: usize>(tile: Tile<N>) -> Tile<ROWS> {
    let mut wide = [[0; OUTPUTS]; ROWS];
    wide[..N].copy_from_slice(&tile);
    wide
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(seed: usize, count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| (((i + 1) * (seed * 7919 + 104_729)) % 2003) as f32 / 1001.5 - 1.0)
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn results_are_those_of_floats_but_for_rounding(
            outputs in 1..40usize,
            inputs in 1..60usize,
            rows in 1..140usize,
            overlapping: bool,
            double: bool,
            add: bool,
        ) {
            let (weights, bias) = (values(1, outputs * inputs), values(2, outputs));
            let stride = if overlapping { inputs.div_ceil(2) } else { inputs };
            let x = values(3, (rows - 1) * stride + inputs);
            let layer = Linear::new(outputs, &weights, &bias);
            let mut found = vec![1.0; rows * outputs];
            let precision = if double { Precision::Double } else { Precision::Single };
            let then = if add { Then::Add } else { Then::Store };
            layer.apply((&x, stride), &mut found, (precision, then), &mut Scratch::default(), Pace(|| ()));
            // Half a unit of each weight, and of each input.
            let error = if double { 0.5 / 127.0 } else { 0.5 / 127.0 + 1.0 / 127.0 };
            let tolerance = error * inputs as f32 + 1e-4;
            for i in 0..rows {
                for o in 0..outputs {
                    let product: f32 = (0..inputs).map(|k| x[i * stride + k] * weights[o * inputs + k]).sum();
                    let expected = product + bias[o] + if add { 1.0 } else { 0.0 };
                    let found = found[i * outputs + o];
                    prop_assert!((found - expected).abs() < tolerance, "{found} {expected}");
                }
            }
        }

        #[test]
        fn fourteen_bits_are_as_good_as_floats(rows in 1..5usize, inputs in 1..300usize) {
            // Weights that are multiples of the unit have no error of their own.
            let mut weights: Vec<f32> = values(1, inputs).iter().map(|w| (w * 127.0).round()).collect();
            weights[0] = 127.0;
            let x = values(3, rows * inputs);
            let layer = Linear::new(1, &weights, &[]);
            let mut found = vec![0.0; rows];
            let how = (Precision::Double, Then::Store);
            layer.apply((&x, inputs), &mut found, how, &mut Scratch::default(), Pace(|| ()));
            for (found, row) in found.iter().zip(x.chunks(inputs)) {
                let expected: f32 = row.iter().zip(&weights).map(|(a, b)| a * b).sum();
                prop_assert!((found - expected).abs() < 1e-4 * 127.0 * inputs as f32, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_row_of_weights_can_be_read_back() {
        let weights = values(1, 30 * 7);
        let layer = Linear::new(30, &weights, &[]);
        let mut row = [0.0; 7];
        layer.weights_of(17, &mut row);
        for (found, expected) in row.iter().zip(&weights[17 * 7..]) {
            assert!((found - expected).abs() <= 0.5 / 127.0 + 1e-6);
        }
    }
}
