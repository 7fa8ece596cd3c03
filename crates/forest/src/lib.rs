//! The Iris random forest: what callers send, checked; what the forest says of it.
//!
//! Measurements arrive as JSON ([`Measurement`], [`OneOrMany`]), as CSV ([`table::parse`]) or as Open Inference
//! Protocol requests ([`kserve::infer`]). Whatever the door, a [`Measurement`] that exists is a valid one.

pub mod kserve;
mod measurement;
mod model;
mod one_or_many;
pub mod table;

pub use measurement::{Feature, InvalidMeasurement, MAX_CENTIMETRES, Measurement};
pub use model::{Forest, ForestError, Prediction, Probabilities, Species};
pub use one_or_many::OneOrMany;

/// Most flowers in one request, in any format: bounds the memory that a request can take.
pub const MAX_ROWS: usize = 10_000;
