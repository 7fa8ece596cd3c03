//! What every route shares: JSON in and out, problem+json (RFC 9457), body limits, content
//! negotiation, CORS, request ids, who may call what.
//!
//! A component builds an [`axum::Router`] from handlers that use the extractors of [`extract`] and fail with a [`Problem`];
//! [`Service`] adds the shared behaviour. Nothing here depends on Spin, so all of it runs in native tests.

mod caller;
pub mod encoding;
pub mod extract;
mod media_type;
pub mod multipart;
mod negotiate;
pub mod openapi;
mod operations;
pub mod problem;
mod service;
mod wording;

pub use access::Caller;
pub use caller::{CalledBy, caller, refusal};
pub use extract::{Body, BodyRefused, Json, Path, Query, UrlEncoded};
pub use multipart::Form;
pub use negotiate::negotiated;
pub use operations::Operations;
pub use problem::Problem;
pub use request_id::{X_CALLER, X_REQUEST_ID};
pub use service::{AUDIO_WARNINGS, RATE_LIMIT, RATE_LIMIT_POLICY, RequestId, Service, Settings};
