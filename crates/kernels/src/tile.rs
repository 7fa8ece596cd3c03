//! The innermost loop of all matrix products: a tile of 4 rows and 12 columns.
//!
//! In 128-bit registers its 12 sums, 3 columns and a row fit the 16 that x86-64 has; taller tiles measured slower.

/// Rows of a tile.
pub const ROWS: usize = 4;
/// Columns of a tile.
pub const COLUMNS: usize = 12;

/// A tile of sums, row by row.
pub type Tile = [[f32; COLUMNS]; ROWS];

/// Σ over k of `rows[k][i] · columns[k][j]`, for as many k as both have.
#[cfg(not(target_family = "wasm"))]
pub fn tile(rows: &[[f32; ROWS]], columns: &[[f32; COLUMNS]]) -> Tile {
    let mut sums = Tile::default();
    for (row, column) in rows.iter().zip(columns) {
        for (sums, row) in sums.iter_mut().zip(row) {
            for (sum, column) in sums.iter_mut().zip(column) {
                *sum += row * column;
            }
        }
    }
    sums
}

/// Σ over k of `rows[k][i] · columns[k][j]`, for as many k as both have.
#[cfg(target_family = "wasm")]
pub fn tile(rows: &[[f32; ROWS]], columns: &[[f32; COLUMNS]]) -> Tile {
    #![allow(unsafe_code, reason = "SIMD")]
    let depth = rows.len().min(columns.len());
    // SAFETY: both slices have `depth` items. A runtime without relaxed SIMD refuses the whole component.
    unsafe { wasm::tile(depth, rows.as_ptr().cast(), columns.as_ptr().cast()) }
}

#[cfg(target_family = "wasm")]
mod wasm {
    #![allow(unsafe_code, reason = "SIMD")]

    use core::arch::wasm32::{
        f32x4_relaxed_madd, f32x4_splat, v128, v128_load, v128_load32_splat, v128_store,
    };

    use super::{COLUMNS, ROWS, Tile};

    const VECTORS: usize = COLUMNS / 4;

    /// One step of k.
    ///
    /// # Safety
    /// `rows` has [`ROWS`] values, `columns` has [`COLUMNS`].
    #[target_feature(enable = "relaxed-simd")]
    #[inline]
    unsafe fn step(sums: &mut [[v128; VECTORS]; ROWS], rows: *const f32, columns: *const f32) {
        // SAFETY: the offsets are below COLUMNS and ROWS.
        unsafe {
            let columns = [
                v128_load(columns.cast()),
                v128_load(columns.add(4).cast()),
                v128_load(columns.add(8).cast()),
            ];
            for (i, sums) in sums.iter_mut().enumerate() {
                let row = v128_load32_splat(rows.add(i).cast());
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = f32x4_relaxed_madd(row, column, *sum);
                }
            }
        }
    }

    /// # Safety
    /// `rows` has `depth` times [`ROWS`] values, `columns` has `depth` times [`COLUMNS`].
    #[target_feature(enable = "relaxed-simd")]
    pub(super) unsafe fn tile(depth: usize, rows: *const f32, columns: *const f32) -> Tile {
        let mut sums = [[f32x4_splat(0.0); VECTORS]; ROWS];
        let mut k = 0;
        // SAFETY: k and k + 1 are below `depth`; the vectors of a row of the tile lie within it.
        unsafe {
            // Unrolled by hand: LLVM leaves it rolled, which is a tenth slower.
            while k + 2 <= depth {
                step(&mut sums, rows.add(k * ROWS), columns.add(k * COLUMNS));
                step(
                    &mut sums,
                    rows.add((k + 1) * ROWS),
                    columns.add((k + 1) * COLUMNS),
                );
                k += 2;
            }
            if k < depth {
                step(&mut sums, rows.add(k * ROWS), columns.add(k * COLUMNS));
            }
            let mut tile = Tile::default();
            for (row, sums) in tile.iter_mut().zip(sums) {
                for (i, sum) in sums.into_iter().enumerate() {
                    v128_store(row.as_mut_ptr().add(4 * i).cast(), sum);
                }
            }
            tile
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_a_sum_of_outer_products() {
        for depth in 0..5 {
            let rows: Vec<[f32; ROWS]> = (0..depth)
                .map(|k| std::array::from_fn(|i| (k + i) as f32))
                .collect();
            let columns: Vec<[f32; COLUMNS]> = (0..depth)
                .map(|k| std::array::from_fn(|j| (k * j) as f32))
                .collect();
            let sums = tile(&rows, &columns);
            for (i, row) in sums.iter().enumerate() {
                for (j, sum) in row.iter().enumerate() {
                    let expected: usize = (0..depth).map(|k| (k + i) * k * j).sum();
                    assert_eq!(*sum, expected as f32);
                }
            }
        }
    }
}
