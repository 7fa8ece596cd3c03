//! Iris classification by a random forest: `/prediction`, and the Open Inference Protocol under `/v2`.

mod kserve;

use axum::http::Method;
use guest::{Busy, Request, Response};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    prediction_routes::routes().merge(kserve::routes())
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    // A body may bring thousands of flowers, a query brings one.
    let _busy = (request.method() == Method::POST).then(Busy::new);
    let path = request.uri().path();
    let is_inference = path == "/v2" || path.starts_with("/v2/");
    let response = guest::serve(routes, request).await;
    if is_inference {
        kserve::with_inference_errors(response)
    } else {
        response
    }
}
