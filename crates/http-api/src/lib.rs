//! What every route shares: JSON in and out, problem+json (RFC 9457), body limits, content
//! negotiation, CORS, request ids.
//!
//! A component builds an [`axum::Router`] from handlers that use the extractors of [`extract`] and fail with a [`Problem`];
//! [`Service`] adds the shared behaviour. Nothing here depends on Spin, so all of it runs in native tests.

pub mod encoding;
pub mod extract;
mod media_type;
pub mod multipart;
mod negotiate;
pub mod openapi;
pub mod problem;
mod service;

pub use extract::{Body, Json, Path, Query};
pub use multipart::Form;
pub use negotiate::negotiated;
pub use problem::Problem;
pub use request_id::X_REQUEST_ID;
pub use service::{AUDIO_WARNINGS, Service, Settings};
