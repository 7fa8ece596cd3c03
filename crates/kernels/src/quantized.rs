//! Linear layers whose weights are integers of 8 or 16 bits.
//!
//! Each output has its own scale. A row of inputs is quantised to as many bits as fit into sums of 32 bits: 15 with 8-bit
//! weights, 11 and more with 16-bit ones.

use crate::Pace;
use crate::integers::{COLUMNS, Columns, Pair, ROWS, magnitude, quantize, row, tile};

/// Weights of 8 bits. If they are read once per token, memory bandwidth dominates the cost.
pub type Weights8 = [[i8; 2]; COLUMNS];
/// Weights of 11 bits and more, for layers of many rows.
pub type Weights16 = [Pair; COLUMNS];

/// Rows that are multiplied at a time: they stay in the cache while all weights are read.
const BLOCK: usize = 64;
/// Integer multiplications that take as long as one of floats.
const COST: usize = 2;

/// How the results are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// They replace the output.
    Store,
    /// They are added to the output.
    Add,
}

/// A linear layer, y = W·x + b.
#[derive(Clone)]
pub struct Linear<W = Weights8> {
    inputs: usize,
    outputs: usize,
    /// For each panel of [`COLUMNS`] outputs, for each two inputs: the weights of one output after the other.
    weights: Vec<W>,
    /// The value of a unit of each output's weights.
    scales: Vec<f32>,
    bias: Vec<f32>,
}

/// Memory for quantised rows that can be used again.
#[derive(Default)]
pub struct Scratch {
    /// For each [`ROWS`] rows, for each two inputs: those of one row after the other.
    tiles: Vec<[Pair; ROWS]>,
    /// A row on its own.
    row: Vec<Pair>,
    /// The value of a unit of each row.
    units: Vec<f32>,
}

impl<W: Columns> Linear<W> {
    /// A layer with `outputs` outputs from its weights, output by output, and its bias, which may be empty.
    ///
    /// # Panics
    /// When the number of weights is not the same for each output, or the bias does not have one value for each output.
    #[must_use]
    pub fn new(outputs: usize, weights: &[f32], bias: &[f32]) -> Self {
        assert!(outputs > 0 && weights.len().is_multiple_of(outputs));
        assert!(bias.is_empty() || bias.len() == outputs);
        let inputs = weights.len() / outputs;
        let (panels, pairs) = (outputs.div_ceil(COLUMNS), inputs.div_ceil(2));
        let mut layer = Self {
            inputs,
            outputs,
            weights: vec![W::ZERO; panels * pairs],
            scales: vec![0.0; panels * COLUMNS],
            bias: vec![0.0; panels * COLUMNS],
        };
        layer.bias[..bias.len()].copy_from_slice(bias);
        let most = W::most(inputs) as f32;
        for (output, row) in weights.chunks(inputs.max(1)).enumerate() {
            let scale = match magnitude(row) / most {
                0.0 => 1.0,
                scale => scale,
            };
            let panel = &mut layer.weights[output / COLUMNS * pairs..][..pairs];
            for (k, weight) in row.iter().enumerate() {
                let unit = (weight / scale).round().clamp(-most, most) as i32;
                panel[k / 2].set(output % COLUMNS, k % 2 == 1, unit);
            }
            layer.scales[output] = scale;
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
        let pairs = self.inputs.div_ceil(2);
        let panel = &self.weights[output / COLUMNS * pairs..][..pairs];
        let scale = self.scales[output];
        for (values, columns) in row.chunks_mut(2).zip(panel) {
            for (value, unit) in values.iter_mut().zip(columns.get(output % COLUMNS)) {
                *value = f32::from(unit) * scale;
            }
        }
    }

    /// The results for rows of inputs. Row `i` begins at `rows[i * stride]`; rows may overlap, as those of a convolution do.
    /// The results lie row by row.
    pub fn apply(
        &self,
        (rows, stride): (&[f32], usize),
        results: &mut [f32],
        then: Then,
        scratch: &mut Scratch,
        pace: Pace,
    ) {
        let pairs = self.inputs.div_ceil(2);
        let most = W::others(self.inputs) as f32;
        for (index, results) in results.chunks_mut(BLOCK * self.outputs).enumerate() {
            let count = results.len() / self.outputs;
            let rows = (0..count).map(|i| {
                let start = (index * BLOCK + i) * stride;
                &rows[start..start + self.inputs]
            });
            scratch.quantize(rows, pairs, most);
            for (panel, weights) in self.weights.chunks(pairs.max(1)).enumerate() {
                if count == 1 {
                    let sums = row(&scratch.row, weights);
                    self.put(&[sums], 0, panel, (results, then), &scratch.units);
                } else {
                    for (index, rows) in scratch.tiles.chunks(pairs.max(1)).enumerate() {
                        let sums = tile(rows, weights);
                        self.put(&sums, index * ROWS, panel, (results, then), &scratch.units);
                    }
                }
                pace.multiplied(count * pairs * 2 * COLUMNS / COST);
            }
        }
    }

    /// Turns sums of rows into results.
    #[inline]
    fn put(
        &self,
        sums: &[[i32; COLUMNS]],
        first: usize,
        panel: usize,
        (results, then): (&mut [f32], Then),
        units: &[f32],
    ) {
        let start = panel * COLUMNS;
        let end = self.outputs.min(start + COLUMNS);
        let scales = &self.scales[start..start + COLUMNS];
        let bias = &self.bias[start..start + COLUMNS];
        let rows = results.chunks_exact_mut(self.outputs).skip(first);
        for ((results, sums), unit) in rows.zip(sums).zip(&units[first..]) {
            let mut values = [0.0; COLUMNS];
            for (((value, sum), scale), bias) in values.iter_mut().zip(sums).zip(scales).zip(bias) {
                *value = *sum as f32 * (unit * scale) + bias;
            }
            let results = &mut results[start..end];
            // A copy of a known length is two instructions, any other a call.
            if let (Ok(results), Then::Store) =
                (<&mut [f32; COLUMNS]>::try_from(&mut *results), then)
            {
                *results = values;
                continue;
            }
            for (result, value) in results.iter_mut().zip(values) {
                *result = match then {
                    Then::Store => value,
                    Then::Add => *result + value,
                };
            }
        }
    }
}

impl Scratch {
    /// Quantises rows to integers of at most `most`.
    fn quantize<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = &'a [f32]>,
        pairs: usize,
        most: f32,
    ) {
        let count = rows.len();
        self.units.clear();
        self.tiles.clear();
        if count > 1 {
            self.tiles.resize(count.div_ceil(ROWS) * pairs, [0; ROWS]);
        }
        for (index, row) in rows.enumerate() {
            self.row.resize(pairs, 0);
            self.units.push(quantize(row, most, &mut self.row));
            if count > 1 {
                let tiles = &mut self.tiles[index / ROWS * pairs..][..pairs];
                for (tile, value) in tiles.iter_mut().zip(&self.row) {
                    tile[index % ROWS] = *value;
                }
            }
        }
    }
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

    fn check<W: Columns>(
        (outputs, inputs, rows): (usize, usize, usize),
        overlapping: bool,
        then: Then,
    ) -> Result<(), TestCaseError> {
        let (weights, bias) = (values(1, outputs * inputs), values(2, outputs));
        let stride = if overlapping {
            inputs.div_ceil(2)
        } else {
            inputs
        };
        let x = values(3, (rows - 1) * stride + inputs);
        let layer = Linear::<W>::new(outputs, &weights, &bias);
        let mut found = vec![1.0; rows * outputs];
        layer.apply(
            (&x, stride),
            &mut found,
            then,
            &mut Scratch::default(),
            Pace(|| ()),
        );
        // Half a unit of each weight, and of each input.
        let error = 0.5 / W::most(inputs) as f32 + 0.5 / W::others(inputs) as f32;
        let tolerance = error * inputs as f32 + 1e-4;
        for i in 0..rows {
            for o in 0..outputs {
                let product: f32 = (0..inputs)
                    .map(|k| x[i * stride + k] * weights[o * inputs + k])
                    .sum();
                let before = if then == Then::Add { 1.0 } else { 0.0 };
                let expected = product + bias[o] + before;
                let found = found[i * outputs + o];
                prop_assert!((found - expected).abs() < tolerance, "{found} {expected}");
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn results_are_those_of_floats_but_for_rounding(
            outputs in 1..40usize,
            inputs in 1..60usize,
            rows in 1..140usize,
            overlapping: bool,
            add: bool,
        ) {
            let then = if add { Then::Add } else { Then::Store };
            check::<Weights8>((outputs, inputs, rows), overlapping, then)?;
            check::<Weights16>((outputs, inputs, rows), overlapping, then)?;
        }
    }

    #[test]
    fn a_row_of_weights_can_be_read_back() {
        let weights = values(1, 30 * 7);
        let layer = Linear::<Weights8>::new(30, &weights, &[]);
        let mut row = [0.0; 7];
        layer.weights_of(17, &mut row);
        for (found, expected) in row.iter().zip(&weights[17 * 7..]) {
            assert!((found - expected).abs() <= 0.5 / 127.0 + 1e-6);
        }
    }
}
