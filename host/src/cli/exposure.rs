//! Who can reach the application, and who may call it.

use std::{net::SocketAddr, num::NonZeroU32};

use access_settings::{Proxies, Rate, keys, secrets, users};
use anyhow::{Context, Result, ensure};
use manifest::Variables;
use tracing::warn;

/// Refuses settings that the components would refuse, and says so where everybody on the network may call.
///
/// An application without the variable `api_keys` has a way of its own.
///
/// # Errors
/// A setting cannot be used.
pub(super) fn check(variables: &Variables, listen: SocketAddr) -> Result<()> {
    let Some(api_keys) = variables.of_application("api_keys") else {
        return Ok(());
    };
    let setting = |name| variables.of_application(name).unwrap_or_default();
    let keys = keys(api_keys).context("api_keys")?;
    let secrets = secrets(setting("jwt_secrets")).context("jwt_secrets")?;
    let users = users(setting("users")).context("users")?;
    let rate = setting("rate_limit").trim();
    if !rate.is_empty() {
        rate.parse::<Rate>().context("rate_limit")?;
    }
    let uploads = setting("max_uploads_per_caller").trim();
    if !uploads.is_empty() {
        uploads
            .parse::<NonZeroU32>()
            .context("max_uploads_per_caller")?;
    }
    let proxies = setting("trusted_proxies").parse::<Proxies>();
    proxies.context("trusted_proxies")?;
    ensure!(
        users.is_empty() || !secrets.is_empty(),
        "there are users, but nothing to sign their tokens with: jwt_secrets is empty"
    );
    if keys.is_empty() && secrets.is_empty() && !listen.ip().is_loopback() {
        warn!(
            "{listen} can be reached from other machines, and everybody who reaches it may compute: api_keys is empty, and so is \
             jwt_secrets. docs/operations.md says how to set it."
        );
    }
    Ok(())
}
