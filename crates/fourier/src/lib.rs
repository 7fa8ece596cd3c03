//! Fourier transforms of real numbers, and the resampler that uses them.
//!
//! Both libraries are generic and have code for many lengths and processors. A crate that named their types would compile
//! all of it, so this one returns trait objects.

use std::sync::Arc;

pub use realfft::{RealToComplex, num_complex::Complex};
use rubato::{Fft, FixedSync, WindowFunction};
pub use rubato::{
    Indexing, ResampleError, ResampleResult, Resampler, ResamplerConstructionError,
    audioadapter_buffers,
};

/// The transform of `length` real numbers.
#[must_use]
pub fn forward(length: usize) -> Arc<dyn RealToComplex<f32>> {
    realfft::RealFftPlanner::new().plan_fft_forward(length)
}

/// Turns each `from` frames of one channel into `to`, and takes `frames` of them at a time.
///
/// # Errors
/// When one of the numbers is zero or too large.
pub fn resampler(
    from: usize,
    to: usize,
    frames: usize,
) -> Result<Box<dyn Resampler<f32>>, ResamplerConstructionError> {
    let window = WindowFunction::BlackmanHarris2;
    let resampler = Fft::new_custom(from, to, frames, 1, 1, window, FixedSync::Both)?;
    Ok(Box::new(resampler))
}
