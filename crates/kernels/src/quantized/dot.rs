//! The innermost loop of products of integers: a tile of up to 4 rows and 12 outputs.

/// Inputs that one instruction multiplies and sums.
pub(super) const GROUP: usize = 4;
/// Outputs of a tile.
pub(super) const OUTPUTS: usize = 12;

/// A tile of sums, row by row.
pub(super) type Tile<const ROWS: usize> = [[i32; OUTPUTS]; ROWS];

/// The products of `ROWS` rows with a panel of weights. `values` has for each group the values of one row after the other,
/// all at most 127.
#[cfg(not(target_family = "wasm"))]
pub(super) fn tile<const ROWS: usize>(
    values: &[u8],
    weights: &[[i8; OUTPUTS * GROUP]],
) -> Tile<ROWS> {
    let mut sums = [[0; OUTPUTS]; ROWS];
    for (values, weights) in values.chunks_exact(ROWS * GROUP).zip(weights) {
        for (sums, values) in sums.iter_mut().zip(values.as_chunks::<GROUP>().0) {
            for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<GROUP>().0) {
                for (value, weight) in values.iter().zip(weights) {
                    *sum += i32::from(*value) * i32::from(*weight);
                }
            }
        }
    }
    sums
}

/// The products of `ROWS` rows with a panel of weights. `values` has for each group the values of one row after the other,
/// all at most 127.
#[cfg(target_family = "wasm")]
pub(super) fn tile<const ROWS: usize>(
    values: &[u8],
    weights: &[[i8; OUTPUTS * GROUP]],
) -> Tile<ROWS> {
    #![allow(unsafe_code, reason = "SIMD")]
    assert!(values.len() >= weights.len() * ROWS * GROUP);
    // SAFETY: there are as many groups of values as of weights. A runtime without relaxed SIMD refuses the whole component.
    unsafe { wasm::tile(weights.len(), values.as_ptr(), weights.as_ptr().cast()) }
}

#[cfg(target_family = "wasm")]
mod wasm {
    #![allow(unsafe_code, reason = "SIMD")]

    use core::arch::wasm32::{
        i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, v128, v128_load, v128_load32_splat,
        v128_store,
    };

    use super::{GROUP, OUTPUTS, Tile};

    const VECTORS: usize = OUTPUTS * GROUP / 16;

    /// One group.
    ///
    /// # Safety
    /// `values` has `ROWS` times [`GROUP`] values, `weights` has [`OUTPUTS`] times [`GROUP`].
    #[target_feature(enable = "relaxed-simd")]
    #[inline]
    unsafe fn step<const ROWS: usize>(
        sums: &mut [[v128; VECTORS]; ROWS],
        values: *const u8,
        weights: *const i8,
    ) {
        // SAFETY: the offsets are below those numbers.
        unsafe {
            let weights = [
                v128_load(weights.cast()),
                v128_load(weights.add(16).cast()),
                v128_load(weights.add(32).cast()),
            ];
            for (i, sums) in sums.iter_mut().enumerate() {
                let row = v128_load32_splat(values.add(i * GROUP).cast());
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = i32x4_relaxed_dot_i8x16_i7x16_add(weights, row, *sum);
                }
            }
        }
    }

    /// # Safety
    /// `values` has `groups` times `ROWS` times [`GROUP`] values, `weights` has `groups` times [`OUTPUTS`] times [`GROUP`].
    #[target_feature(enable = "relaxed-simd")]
    pub(super) unsafe fn tile<const ROWS: usize>(
        groups: usize,
        values: *const u8,
        weights: *const i8,
    ) -> Tile<ROWS> {
        let mut sums = [[i32x4_splat(0); VECTORS]; ROWS];
        let (row, panel) = (ROWS * GROUP, OUTPUTS * GROUP);
        let mut k = 0;
        // SAFETY: k and k + 1 are below `groups`; the vectors of a row of the tile lie within it.
        unsafe {
            while k + 2 <= groups {
                step(&mut sums, values.add(k * row), weights.add(k * panel));
                step(
                    &mut sums,
                    values.add((k + 1) * row),
                    weights.add((k + 1) * panel),
                );
                k += 2;
            }
            if k < groups {
                step(&mut sums, values.add(k * row), weights.add(k * panel));
            }
            let mut tile = [[0; OUTPUTS]; ROWS];
            for (row, sums) in tile.iter_mut().zip(sums) {
                for (i, sum) in sums.into_iter().enumerate() {
                    v128_store(row.as_mut_ptr().add(4 * i).cast(), sum);
                }
            }
            tile
        }
    }
}
