//! Who can reach the application.

use std::net::SocketAddr;

use access_settings::{keys, secrets};
use manifest::Variables;
use tracing::warn;

/// Warns where everybody on the network may call.
///
/// An application without the variable `api_keys` has a way of its own.
pub(super) fn warn_if_open(variables: &Variables, listen: SocketAddr) {
    let Some(api_keys) = variables.of_application("api_keys") else {
        return;
    };
    let jwt_secrets = variables.of_application("jwt_secrets").unwrap_or_default();
    let is_open = keys(api_keys).is_ok_and(|keys| keys.is_empty())
        && secrets(jwt_secrets).is_ok_and(|secrets| secrets.is_empty());
    if is_open && !listen.ip().is_loopback() {
        warn!(
            "{listen} can be reached from other machines, and everybody who reaches it may compute: api_keys is empty, and so is \
             jwt_secrets. docs/operations.md says how to set it."
        );
    }
}
