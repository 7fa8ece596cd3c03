//! Who can reach the application.

use std::net::SocketAddr;

use manifest::Variables;
use tracing::warn;

/// Warns where everybody on the network may call.
///
/// An application without the variable `api_keys` has a way of its own.
pub(super) fn warn_if_open(variables: &Variables, listen: SocketAddr) {
    let Some(keys) = variables.of_application("api_keys") else {
        return;
    };
    let secrets = variables.of_application("jwt_secrets").unwrap_or_default();
    let is_empty = |list: &str| list.chars().all(|c| c == ',' || c.is_whitespace());
    if is_empty(keys) && is_empty(secrets) && !listen.ip().is_loopback() {
        warn!(
            "{listen} can be reached from other machines, and everybody who reaches it may compute: api_keys is empty, and so is \
             jwt_secrets. docs/operations.md says how to set it."
        );
    }
}
