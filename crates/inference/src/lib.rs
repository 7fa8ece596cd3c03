//! Acoustic models: ONNX graphs from a waveform to logits.
//!
//! A graph has one input, float32 `[1, samples]` of one channel from -1 to 1, and one output, float32 `[1, frames, vocabulary]`.
//! Its file includes the [`Metadata`]. A [`Draft`] is a graph that tract has loaded and simplified; a [`Model`] is ready to run.
//! Convolutions and linear layers, which take nearly all the time, run on kernels that are fast in Wasm.

mod metadata;
mod model;
mod ops;
mod slices;

pub use metadata::{Metadata, MetadataError};
pub use model::{Draft, Emissions, LoadError, Model, RunError};
