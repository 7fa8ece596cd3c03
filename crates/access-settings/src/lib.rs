//! What an operator writes about who may call.
//!
//! The components read it to find out who calls, the embedded host to refuse at start what they could not use. The host is
//! why this is a crate of its own: it brings no cryptography along.

mod address;
mod keys;
mod pattern;
mod rate;
mod tokens;
mod users;

pub use address::{Proxies, ProxyError, peer, subscriber};
pub use keys::{Digest, KeyEntry, KeyError, Secret, is_name, keys};
pub use pattern::{Pattern, PatternError};
pub use rate::{Micros, Rate, RateError, Verdict};
pub use tokens::{MIN_SECRET, SecretError, secrets};
pub use users::{UserEntry, UserError, users};
