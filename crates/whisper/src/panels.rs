//! Keys and values of a head as integers, in the kernel's layout.

use kernels::Pace;
use kernels::integers::{COLUMNS, Columns, Pair, quantize, rounded_pair};

/// Values of a head, in every Whisper.
pub(crate) const HEAD: usize = 64;
/// Pairs of values of a head.
pub(crate) const PAIRS: usize = HEAD / 2;
/// The sum of all probabilities of a query, except for rounding.
pub(crate) const WHOLE: f32 = i16::MAX as f32;

/// The least magnitude of a value that is not treated as 0.
const LEAST: f32 = 1e-30;

/// A query or a key as integers, and what their unit stands for: its products with another are within 32 bits.
pub(crate) fn to_pairs(vector: &[f32; HEAD]) -> ([Pair; PAIRS], f32) {
    let most = <[Pair; COLUMNS] as Columns>::most(HEAD) as f32;
    let mut pairs = [0; PAIRS];
    let unit = quantize(vector, most, &mut pairs);
    (pairs, unit)
}

/// Panels of `WIDTH` keys or values each; zeros fill the last ones.
#[derive(Default)]
pub(crate) struct Panels<const WIDTH: usize> {
    keys: Vec<[Pair; WIDTH]>,
    key_units: Vec<f32>,
    values: Vec<[Pair; WIDTH]>,
    value_units: Vec<f32>,
}

impl<const WIDTH: usize> Panels<WIDTH> {
    /// Lays out `count` keys and the values that belong to them, in place of what was there.
    pub(crate) fn fill<'a>(
        &mut self,
        count: usize,
        key: impl Fn(usize) -> &'a [f32; HEAD],
        value: impl Fn(usize) -> &'a [f32; HEAD],
        pace: Pace,
    ) {
        let padded = count.next_multiple_of(WIDTH);
        self.keys.clear();
        self.keys.resize(padded / WIDTH * PAIRS, [0; WIDTH]);
        self.key_units.clear();
        self.key_units.resize(padded, 0.0);
        for (index, unit) in self.key_units[..count].iter_mut().enumerate() {
            let pairs;
            (pairs, *unit) = to_pairs(key(index));
            let panel = &mut self.keys[index / WIDTH * PAIRS..][..PAIRS];
            for (to, pair) in panel.iter_mut().zip(pairs) {
                to[index % WIDTH] = pair;
            }
        }
        let units = value_units((0..count).map(&value));
        let factors = units.map(|unit| 1.0 / unit);
        let twos = padded / 2;
        self.values.clear();
        self.values.resize(HEAD / WIDTH * twos, [0; WIDTH]);
        for first in (0..count).step_by(2) {
            let second = if first + 1 < count {
                value(first + 1)
            } else {
                &[0.0; HEAD]
            };
            let both = value(first).iter().zip(second).zip(&factors);
            for (i, ((a, b), factor)) in both.enumerate() {
                self.values[i / WIDTH * twos + first / 2][i % WIDTH] =
                    rounded_pair(a * factor, b * factor);
            }
        }
        self.value_units.clear();
        self.value_units.extend(units.map(|unit| unit / WHOLE));
        pace.multiplied(8 * padded * HEAD);
    }

    /// For each `WIDTH` keys: for each two of their values those of the keys side by side, and what a unit of each key stands
    /// for.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&[[Pair; WIDTH]], &[f32; WIDTH])> {
        let units = self.key_units.as_chunks::<WIDTH>().0;
        self.keys.chunks_exact(PAIRS).zip(units)
    }

    /// For each `WIDTH` of a key's values: for each two keys the values side by side, and what a unit of each of their sums
    /// stands for, weighted with probabilities that add up to [`WHOLE`].
    pub(crate) fn values(&self) -> impl Iterator<Item = (&[[Pair; WIDTH]], &[f32; WIDTH])> {
        let panel = self.values.len() * WIDTH / HEAD;
        let units = self.value_units.as_chunks::<WIDTH>().0;
        self.values.chunks_exact(panel.max(1)).zip(units)
    }
}

/// What a unit stands for of each of the values of a head, of which `rows` has one row for each key: their sums, weighted with
/// probabilities, are within 32 bits.
fn value_units<'a>(rows: impl ExactSizeIterator<Item = &'a [f32; HEAD]>) -> [f32; HEAD] {
    // Rounding adds half a unit of probability for each key at most.
    let whole = WHOLE as i32 + rows.len() as i32;
    let most = (i32::MAX / whole).min(i16::MAX.into()) as f32;
    let mut greatest = [LEAST; HEAD];
    for row in rows {
        for (greatest, value) in greatest.iter_mut().zip(row) {
            let value = value.abs();
            *greatest = if value > *greatest { value } else { *greatest };
        }
    }
    greatest.map(|greatest| greatest / most)
}
