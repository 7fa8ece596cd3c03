//! The line that announces the application's address and routes.

use manifest::{Handler, HttpTrigger, Manifest, TriggerRoute};
use serde::Serialize;
use tracing::info;

use crate::log::START;

/// A public route.
#[derive(Serialize)]
pub(super) struct Route {
    /// The component or the trigger that answers.
    id: String,
    /// The path without a trailing `/...`; with the application's address when it is announced.
    url: String,
    /// Whether it also matches everything below.
    wildcard: bool,
}

/// The public routes, in the order of the manifest.
pub(super) fn routes(manifest: &Manifest) -> Vec<Route> {
    manifest.http_triggers.iter().filter_map(public).collect()
}

fn public(trigger: &HttpTrigger) -> Option<Route> {
    let TriggerRoute::Public(route) = &trigger.route else {
        return None;
    };
    let id = match &trigger.handler {
        Handler::Component(id) => id,
        Handler::Static(_) => &trigger.id,
    };
    let path = format!("/{}", route.as_str().trim_start_matches('/'));
    let prefix = path.strip_suffix("/...");
    Some(Route {
        id: id.clone(),
        url: prefix.unwrap_or(&path).to_owned(),
        wildcard: prefix.is_some(),
    })
}

/// Announces that the application listens at `address`. Programs wait for this line: as text it begins with
/// `Serving http://`, as JSON it has the key `serving`.
pub(super) fn serving(address: &str, mut routes: Vec<Route>) {
    let mut text = String::new();
    for route in &mut routes {
        route.url.insert_str(0, address);
        let wildcard = if route.wildcard { " (wildcard)" } else { "" };
        text.push_str(&format!("\n  {}: {}{wildcard}", route.id, route.url));
    }
    // Texts and booleans: serialising does not fail.
    let routes = serde_json::to_vec(&routes).unwrap_or_default();
    info!(
        target: START,
        serving = address,
        routes = routes.as_slice(),
        "Serving {address}\nAvailable Routes:{text}"
    );
}

/// Announces where the metrics are: as text with `Metrics at http://`, as JSON with the key `metrics`.
pub(super) fn metrics(url: &str) {
    info!(target: START, metrics = url, "Metrics at {url}");
}
