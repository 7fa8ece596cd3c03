//! Iris flowers: measurements that callers send, and predictions.
//!
//! Measurements arrive as JSON ([`Measurement`], [`OneOrMany`]), as CSV ([`table::parse`]) or as Open Inference
//! Protocol requests ([`kserve::Inference`]). A [`Measurement`] is always valid, however it arrived.

pub mod kserve;
mod measurement;
mod one_or_many;
mod prediction;
pub mod table;

pub use measurement::{Feature, InvalidMeasurement, MAX_CENTIMETRES, Measurement};
pub use one_or_many::OneOrMany;
pub use prediction::{Prediction, Probabilities, Species};

/// Most flowers in one request, in any format: bounds the memory that a request can take.
pub const MAX_ROWS: usize = 10_000;
