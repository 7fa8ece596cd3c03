//! What operators ask: `GET /readyz`, `GET /metrics`.

mod metrics;
mod ready;

use guest::{Request, Response};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(ready::readyz))
        .routes(routes!(metrics::metrics))
}

/// The same where the operator has opened the metrics to everybody.
fn public_routes() -> OpenApiRouter {
    let mut routes = routes();
    let paths = &mut routes.get_openapi_mut().paths.paths;
    if let Some(operation) = paths.get_mut("/metrics").and_then(|path| path.get.as_mut()) {
        operation.security = Some(vec![SecurityRequirement::default()]);
    }
    routes
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    match guest::variable("metrics_public").await.as_deref() {
        Some("true") => guest::serve(public_routes, request).await,
        _ => guest::serve(routes, request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Method;
    use http_api::Operations;

    #[test]
    fn the_operator_decides_whether_the_metrics_are_open() {
        for (routes, open) in [
            (routes as fn() -> OpenApiRouter, false),
            (public_routes, true),
        ] {
            let operations = Operations::of(&routes().into_openapi());
            assert_eq!(operations.is_open(&Method::GET, "/metrics"), open);
            assert!(operations.is_open(&Method::GET, "/readyz"));
        }
    }
}
