//! Iris flowers: what callers send, checked; what is said of it.
//!
//! Measurements arrive as JSON ([`Measurement`], [`OneOrMany`]), as CSV ([`table::parse`]) or as Open Inference
//! Protocol requests ([`kserve::Inference`]). Whatever the door, a [`Measurement`] that exists is a valid one.

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
