//! Requests that are answered later: joins the crate `jobs` to Spin.
//!
//! A route that may be deferred takes an [`http_api::Work`], and [`deferrable`] is put around it. With
//! `Prefer: respond-async` (RFC 7240) its checks run at once; what follows them is kept as a job, which is the
//! request itself. A runner replays it through the same routes, so that the result of a job is what the route
//! would have answered.

mod defer;
mod desk;
mod drivers;
mod fingerprint;
mod params;
mod prefer;
mod runner;
mod settings;
mod store;
mod view;
mod webhook;

pub use defer::deferrable;
pub use desk::{Desk, respond, unavailable};
pub use params::{DeferralHeaders, DeferralQuery};
pub use runner::{Replay, drain};
pub use settings::Settings;
pub use store::{AnyStore, now};
pub use view::{JobPage, JobView};
