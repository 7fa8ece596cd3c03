//! Every route that can be deferred, and how a request that was is answered.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use deferral::Replay;
use http_api::problem::INTERNAL;
use http_api::{Problem, Progress, Work};
use http_body_util::BodyExt;
use jobs::Outcome;
use utoipa_axum::router::OpenApiRouter;

/// Every route that can be deferred.
#[must_use]
pub fn routes() -> OpenApiRouter {
    let routes = OpenApiRouter::new()
        .merge(factorize_routes::routes())
        .merge(prediction_routes::routes());
    #[cfg(feature = "speech")]
    let routes = routes.merge(asr_routes::routes());
    routes
}

/// Answers by the routes themselves, which this component holds too.
#[derive(Clone, Copy, Debug)]
pub struct Routes;

impl Replay for Routes {
    async fn replay(&self, request: jobs::Request, progress: Progress) -> Outcome {
        let response = match rebuild(request, progress) {
            Ok(request) => guest::serve(routes, request).await,
            Err(error) => {
                let detail = format!("the request cannot be built again: {error}");
                Problem::new(INTERNAL, detail).into_response()
            }
        };
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        match response.into_body().collect().await {
            Ok(body) => Outcome {
                status,
                content_type,
                body: body.to_bytes().into(),
            },
            Err(error) => Outcome {
                status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
                content_type: None,
                body: error.to_string().into(),
            },
        }
    }
}

fn rebuild(
    request: jobs::Request,
    progress: Progress,
) -> Result<axum::http::Request<Body>, axum::http::Error> {
    let mut builder = axum::http::Request::builder()
        .method(request.method.as_str())
        .uri(request.target)
        .extension(Work::job(progress));
    if let Some(value) = request.content_type {
        builder = builder.header(header::CONTENT_TYPE, HeaderValue::try_from(value)?);
    }
    builder.body(Body::from(request.body))
}
