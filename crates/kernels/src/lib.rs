//! Matrix products and functions of vectors, written for 128-bit SIMD in WebAssembly.
//!
//! [`product`] multiplies matrices of 32-bit floats, [`quantized`] those whose weights are known in advance and kept as
//! integers. Both count their work with a [`Pace`], so that a computation can yield to others.

pub mod integers;
pub mod math;
pub mod product;
pub mod quantized;
#[cfg(target_family = "wasm")]
mod simd;
pub mod tile;

pub use pacer::Pace;
