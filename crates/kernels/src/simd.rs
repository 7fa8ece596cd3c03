//! SIMD helpers of the kernels for WebAssembly.

#![allow(unsafe_code, reason = "SIMD")]

use core::arch::wasm32::{i32x4_shuffle, v128, v128_load, v128_store};

/// Numbers in vectors of four.
pub(crate) trait Lane: Copy + Default {}
impl Lane for f32 {}
impl Lane for i32 {}

/// The numbers as two vectors.
#[inline]
pub(crate) fn load<T: Lane>(numbers: &[T; 8]) -> [v128; 2] {
    let at = numbers.as_ptr();
    // SAFETY: both vectors lie within the array.
    unsafe { [v128_load(at.cast()), v128_load(at.add(4).cast())] }
}

/// The numbers of two vectors.
#[inline]
pub(crate) fn store<T: Lane>(vectors: [v128; 2]) -> [T; 8] {
    let mut numbers = [T::default(); 8];
    for (numbers, vector) in numbers.as_chunks_mut::<4>().0.iter_mut().zip(vectors) {
        // SAFETY: the vector is the array.
        unsafe { v128_store(numbers.as_mut_ptr().cast(), vector) };
    }
    numbers
}

/// Vectors that each hold one of the numbers four times.
#[inline]
pub(crate) fn spread<T: Lane>(numbers: &[T; 4]) -> [v128; 4] {
    // SAFETY: the vector is the array.
    let all = unsafe { v128_load(numbers.as_ptr().cast()) };
    [
        i32x4_shuffle::<0, 0, 0, 0>(all, all),
        i32x4_shuffle::<1, 1, 1, 1>(all, all),
        i32x4_shuffle::<2, 2, 2, 2>(all, all),
        i32x4_shuffle::<3, 3, 3, 3>(all, all),
    ]
}

/// Calls `step` for each pair of items, up to the shorter length. The branch between two steps keeps LLVM from loading the
/// values of several steps first, for which there are not enough registers. Eight steps share the check with which a
/// WebAssembly runtime interrupts a loop.
#[inline(always)]
#[expect(
    clippy::while_let_loop,
    reason = "each of the eight steps can be the last"
)]
pub(crate) fn each<A, B>(a: &[A], b: &[B], mut step: impl FnMut(&A, &B)) {
    let mut steps = a.iter().zip(b);
    macro_rules! step {
        () => {
            let Some((a, b)) = steps.next() else {
                break;
            };
            step(a, b);
        };
    }
    loop {
        step!();
        step!();
        step!();
        step!();
        step!();
        step!();
        step!();
        step!();
    }
}
