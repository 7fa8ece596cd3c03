//! The innermost loop of products of floats: a tile of 4 rows and 8 columns.
//!
//! In 128-bit registers its 8 sums, 2 columns and 4 rows fit the 16 that x86-64 has; larger tiles measured slower, and fused
//! multiplications are not faster.

/// Rows of a tile.
pub const ROWS: usize = 4;
/// Columns of a tile.
pub const COLUMNS: usize = 8;

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
// Within a larger function, sums would leave the registers.
#[cfg(target_family = "wasm")]
#[inline(never)]
pub fn tile(rows: &[[f32; ROWS]], columns: &[[f32; COLUMNS]]) -> Tile {
    use core::arch::wasm32::{f32x4_add, f32x4_mul, f32x4_splat};

    use crate::simd::{each, load, spread, store};

    let mut sums = [[f32x4_splat(0.0); COLUMNS / 4]; ROWS];
    each(rows, columns, |rows, columns| {
        let columns = load(columns);
        for (sums, row) in sums.iter_mut().zip(spread(rows)) {
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = f32x4_add(f32x4_mul(row, column), *sum);
            }
        }
    });
    sums.map(store)
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
