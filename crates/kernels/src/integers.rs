//! The innermost loop of products of integers: a tile of 4 rows and 8 columns, two values of each at a time.
//!
//! The instruction multiplies 16-bit integers and adds the products in pairs, exactly and with the same result on every
//! processor. It processes half as many values as the relaxed product of 8-bit integers, which needs three instructions on
//! x86-64 and limits one side to 7 bits: 70 instead of 100 billion operations a second.

/// Rows of a tile.
pub const ROWS: usize = 4;
/// Columns of a tile.
pub const COLUMNS: usize = 8;

/// Two 16-bit integers, the first in the low half.
pub type Pair = i32;

/// A tile of sums, row by row.
pub type Tile = [[i32; COLUMNS]; ROWS];

/// Two values of each column of a tile.
pub trait Columns: Copy + private::Load {
    /// Both values are 0 in each column.
    const ZERO: Self;
    /// The greatest magnitude of a value among `inputs` that are multiplied with others of at most [`others`](Self::others).
    fn most(inputs: usize) -> i32;
    /// The greatest magnitude of the values of rows with this many `inputs`: sums of products fit 32 bits.
    fn others(inputs: usize) -> i32 {
        (i32::MAX / (Self::most(inputs) * inputs.max(1) as i32)).min(i16::MAX.into())
    }
    /// Sets a value of a column, the first or the second.
    fn set(&mut self, column: usize, second: bool, value: i32);
    /// The values of a column.
    fn get(&self, column: usize) -> [i16; 2];
}

impl Columns for [Pair; COLUMNS] {
    const ZERO: Self = [0; COLUMNS];

    fn most(inputs: usize) -> i32 {
        (i32::MAX / inputs.max(1) as i32)
            .isqrt()
            .min(i16::MAX.into())
    }

    fn set(&mut self, column: usize, second: bool, value: i32) {
        let [a, b] = self.get(column);
        let value = value as i16;
        self[column] = if second {
            pair(a.into(), value.into())
        } else {
            pair(value.into(), b.into())
        };
    }

    fn get(&self, column: usize) -> [i16; 2] {
        halves(self[column])
    }
}

impl Columns for [[i8; 2]; COLUMNS] {
    const ZERO: Self = [[0; 2]; COLUMNS];

    fn most(_: usize) -> i32 {
        i8::MAX.into()
    }

    fn set(&mut self, column: usize, second: bool, value: i32) {
        self[column][usize::from(second)] = value as i8;
    }

    fn get(&self, column: usize) -> [i16; 2] {
        self[column].map(i16::from)
    }
}

/// Puts the low halves of two integers side by side.
#[inline]
#[must_use]
pub const fn pair(first: i32, second: i32) -> Pair {
    first & 0xffff | second << 16
}

const fn halves(pair: Pair) -> [i16; 2] {
    [pair as i16, (pair >> 16) as i16]
}

/// Σ over k of `rows[k][i] · columns[k][j]`, for as many pairs k as both have.
#[inline]
pub fn tile<C: Columns>(rows: &[[Pair; ROWS]], columns: &[C]) -> Tile {
    private::tile(rows, columns)
}

/// Σ over k of `row[k] · columns[k][j]`, for as many pairs k as both have.
#[inline]
pub fn row<C: Columns>(row: &[Pair], columns: &[C]) -> [i32; COLUMNS] {
    private::row(row, columns)
}

/// Adds 1.5 · 2^23, which leaves the nearest integer in the low bits of a float of less than 2^22.
const ROUND: f32 = 12_582_912.0;

/// The nearest integers of two floats, as a pair; each must fit.
#[inline]
#[must_use]
pub fn rounded_pair(first: f32, second: f32) -> Pair {
    let bits = |x: f32| (x + ROUND).to_bits().cast_signed();
    pair(bits(first), bits(second))
}

/// The least magnitude that is not treated as 0.
const LEAST: f32 = 1e-30;

/// Quantises `values` to integers of magnitudes up to `most`, two in each of `pairs`, and returns the value of a unit.
pub fn quantize(values: &[f32], most: f32, pairs: &mut [Pair]) -> f32 {
    let unit = magnitude(values).max(LEAST) / most;
    scale(values, 1.0 / unit, pairs);
    unit
}

/// Writes `values` times `factor` as integers, two in each of `pairs`; each must fit. An odd number of values is padded with a 0.
pub fn scale(values: &[f32], factor: f32, pairs: &mut [Pair]) {
    let (twos, rest) = values.as_chunks::<2>();
    for (pair, [a, b]) in pairs.iter_mut().zip(twos) {
        *pair = rounded_pair(a * factor, b * factor);
    }
    if let ([last], Some(pair)) = (rest, pairs.get_mut(twos.len())) {
        *pair = rounded_pair(last * factor, 0.0);
    }
}

/// The greatest magnitude of values.
pub(crate) fn magnitude(values: &[f32]) -> f32 {
    let mut most = [0.0_f32; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (most, x) in most.iter_mut().zip(chunk) {
            let x = x.abs();
            *most = if x > *most { x } else { *most };
        }
    }
    let rest = rest.iter().map(|x| x.abs());
    most.into_iter().chain(rest).fold(0.0, f32::max)
}

#[cfg(not(target_family = "wasm"))]
mod private {
    use super::{COLUMNS, Columns, Pair, ROWS, Tile, halves};

    pub trait Load {}
    impl Load for [Pair; COLUMNS] {}
    impl Load for [[i8; 2]; COLUMNS] {}

    #[inline]
    pub(super) fn tile<C: Columns>(rows: &[[Pair; ROWS]], columns: &[C]) -> Tile {
        let mut sums = Tile::default();
        for (row, columns) in rows.iter().zip(columns) {
            for (sums, row) in sums.iter_mut().zip(row) {
                step(sums, *row, columns);
            }
        }
        sums
    }

    #[inline]
    pub(super) fn row<C: Columns>(row: &[Pair], columns: &[C]) -> [i32; COLUMNS] {
        let mut sums = [0; COLUMNS];
        for (row, columns) in row.iter().zip(columns) {
            step(&mut sums, *row, columns);
        }
        sums
    }

    #[inline]
    fn step(sums: &mut [i32; COLUMNS], row: Pair, columns: &impl Columns) {
        let [a, b] = halves(row).map(i32::from);
        for (column, sum) in sums.iter_mut().enumerate() {
            let [c, d] = columns.get(column).map(i32::from);
            *sum += a * c + b * d;
        }
    }
}

#[cfg(target_family = "wasm")]
mod private {
    #![allow(unsafe_code, reason = "SIMD")]

    use core::arch::wasm32::{
        i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_splat, v128, v128_load32_splat,
    };

    use super::{COLUMNS, Columns, Pair, ROWS, Tile};
    use crate::simd::{each, load, spread, store};

    /// Vectors of sums in a row of a tile.
    const VECTORS: usize = COLUMNS / 4;

    pub trait Load {
        /// The values as 16-bit integers.
        fn load(&self) -> [v128; VECTORS];
    }

    impl Load for [Pair; COLUMNS] {
        #[inline]
        fn load(&self) -> [v128; VECTORS] {
            load(self)
        }
    }

    impl Load for [[i8; 2]; COLUMNS] {
        #[inline]
        fn load(&self) -> [v128; VECTORS] {
            let at = self.as_ptr();
            // SAFETY: both halves of a vector lie within the array.
            unsafe {
                [
                    i16x8_load_extend_i8x8(at.cast()),
                    i16x8_load_extend_i8x8(at.add(4).cast()),
                ]
            }
        }
    }

    // In a larger function, the sums would not stay in registers.
    #[inline(never)]
    pub(super) fn tile<C: Columns>(rows: &[[Pair; ROWS]], columns: &[C]) -> Tile {
        let mut sums = [[i32x4_splat(0); VECTORS]; ROWS];
        each(rows, columns, |rows, columns| {
            let columns = columns.load();
            for (sums, row) in sums.iter_mut().zip(spread(rows)) {
                add(sums, row, columns);
            }
        });
        sums.map(store)
    }

    #[inline(never)]
    pub(super) fn row<C: Columns>(row: &[Pair], columns: &[C]) -> [i32; COLUMNS] {
        let mut sums = [i32x4_splat(0); VECTORS];
        each(row, columns, |row, columns| {
            // SAFETY: the pair is 32 bits.
            let row = unsafe { v128_load32_splat(core::ptr::from_ref(row).cast()) };
            add(&mut sums, row, columns.load());
        });
        store(sums)
    }

    #[inline]
    fn add(sums: &mut [v128; VECTORS], row: v128, columns: [v128; VECTORS]) {
        for (sum, column) in sums.iter_mut().zip(columns) {
            *sum = i32x4_add(i32x4_dot_i16x8(column, row), *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(seed: usize, i: usize, k: usize, most: i32) -> i32 {
        let spread = usize::try_from(2 * most + 1).unwrap();
        (((i + 3) * (k + 7) * 7919 + seed * 104_729) % spread) as i32 - most
    }

    fn check<C: Columns>(depth: usize) {
        let (most, others) = (C::most(2 * depth), C::others(2 * depth));
        let rows: Vec<[Pair; ROWS]> = (0..depth)
            .map(|k| {
                std::array::from_fn(|i| {
                    pair(value(1, i, 2 * k, others), value(1, i, 2 * k + 1, others))
                })
            })
            .collect();
        let columns: Vec<C> = (0..depth)
            .map(|k| {
                let mut columns = C::ZERO;
                for j in 0..COLUMNS {
                    columns.set(j, false, value(2, j, 2 * k, most));
                    columns.set(j, true, value(2, j, 2 * k + 1, most));
                }
                columns
            })
            .collect();
        let found = tile(&rows, &columns);
        for (i, found) in found.iter().enumerate() {
            let first: Vec<Pair> = rows.iter().map(|rows| rows[i]).collect();
            assert_eq!(*found, row(&first, &columns));
            for (j, found) in found.iter().enumerate() {
                let expected: i64 = (0..2 * depth)
                    .map(|k| i64::from(value(1, i, k, others)) * i64::from(value(2, j, k, most)))
                    .sum();
                assert_eq!(i64::from(*found), expected);
            }
        }
    }

    proptest! {
        #[test]
        fn tiles_are_sums_of_products(depth in 0..40usize) {
            check::<[Pair; COLUMNS]>(depth);
            check::<[[i8; 2]; COLUMNS]>(depth);
        }

        #[test]
        fn the_greatest_values_do_not_overflow(inputs in 1..6000usize) {
            for (most, others) in [
                (<[Pair; COLUMNS]>::most(inputs), <[Pair; COLUMNS]>::others(inputs)),
                (<[[i8; 2]; COLUMNS]>::most(inputs), <[[i8; 2]; COLUMNS]>::others(inputs)),
            ] {
                let sum = i64::from(most) * i64::from(others) * i64::try_from(inputs).unwrap();
                prop_assert!(sum <= i64::from(i32::MAX) && others >= 100);
            }
        }

        #[test]
        fn values_are_quantised(values in prop::collection::vec(-9.0..9.0_f32, 0..20)) {
            let mut pairs = vec![7; values.len().div_ceil(2)];
            let unit = quantize(&values, 1000.0, &mut pairs);
            let found: Vec<f32> = pairs.iter().flat_map(|pair| halves(*pair)).map(f32::from).collect();
            for (found, value) in found.iter().zip(values.iter().chain([&0.0])) {
                prop_assert!((found * unit - value).abs() <= 0.51 * unit && found.abs() <= 1000.0);
            }
        }

        #[test]
        fn floats_are_rounded(a in -32767.0..32767.0_f32, b in -32767.0..32767.0_f32) {
            let [first, second] = halves(rounded_pair(a, b)).map(f32::from);
            prop_assert!((first - a).abs() <= 0.5 && (second - b).abs() <= 0.5);
        }
    }
}
