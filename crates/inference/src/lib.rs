//! Acoustic models: ONNX graphs from a waveform to logits.
//!
//! A [`Draft`] is read from, a [`Model`] runs, a graph with one input, float32 `[1, samples]` of one channel from -1 to 1, and one output, float32
//! `[1, frames, vocabulary]`, whose [`Metadata`] stands in the file. tract loads and simplifies it; convolutions and
//! linear layers, where nearly all the time goes, then run on kernels that are fast in Wasm.

mod metadata;
mod model;
mod ops;
mod slices;

pub use metadata::{Metadata, MetadataError};
pub use model::{Draft, Emissions, LoadError, Model, RunError};
