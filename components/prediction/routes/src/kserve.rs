//! The Open Inference Protocol (KServe v2): health, metadata, inference.

use axum::Json;
use http_api::problem::{
    CONTENT_TOO_LARGE, INVALID_BODY, INVALID_JSON, INVALID_REQUEST_BODY, INVALID_TENSOR,
    UNSUPPORTED_MEDIA_TYPE,
};
use http_api::{Problem, problem_responses};
use iris::kserve::{self, InferRequest, InferResponse, Inference, ModelMetadata};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

problem_responses!(
    InferProblems = [
        INVALID_REQUEST_BODY,
        INVALID_JSON,
        CONTENT_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_BODY,
        INVALID_TENSOR,
    ]
);

/// What the inference server is.
#[derive(Serialize, ToSchema)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    /// Protocol extensions; there are none.
    extensions: [&'static str; 0],
}

/// That the server is alive.
#[derive(Serialize, ToSchema)]
struct Live {
    live: bool,
}

/// That the server, or its model, can infer.
#[derive(Serialize, ToSchema)]
struct Ready {
    ready: bool,
}

/// What the inference server is.
#[utoipa::path(get, path = "/v2", tag = "inference", responses((status = 200, body = ServerMetadata)))]
async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata {
        name: "routelets",
        version: env!("CARGO_PKG_VERSION"),
        extensions: [],
    })
}

/// Whether the server is alive.
#[utoipa::path(get, path = "/v2/health/live", tag = "inference", responses((status = 200, body = Live)))]
async fn live() -> Json<Live> {
    Json(Live { live: true })
}

/// Whether every model can infer.
#[utoipa::path(get, path = "/v2/health/ready", tag = "inference", responses((status = 200, body = Ready)))]
async fn ready() -> Result<Json<Ready>, Problem> {
    crate::predict(&[]).await?;
    Ok(Json(Ready { ready: true }))
}

/// What the model takes and gives.
#[utoipa::path(get, path = "/v2/models/iris", tag = "inference", responses((status = 200, body = ModelMetadata)))]
async fn model() -> Json<ModelMetadata> {
    Json(kserve::metadata())
}

/// Whether the model can infer.
#[utoipa::path(get, path = "/v2/models/iris/ready", tag = "inference", responses((status = 200, body = Ready)))]
async fn model_ready() -> Result<Json<Ready>, Problem> {
    ready().await
}

/// Classifies a tensor of flowers.
#[utoipa::path(
    post,
    path = "/v2/models/iris/infer",
    tag = "inference",
    request_body(content = InferRequest, example = json!({
        "inputs": [{
            "name": "features",
            "shape": [2, 4],
            "datatype": "FP32",
            "data": [5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3],
        }],
    })),
    responses((status = 200, body = InferResponse), InferProblems)
)]
async fn infer(
    http_api::Json(request): http_api::Json<InferRequest>,
) -> Result<Json<InferResponse>, Problem> {
    let inference = Inference::try_from(request)
        .map_err(|error| Problem::new(INVALID_TENSOR, error.to_string()))?;
    let predictions = crate::predict(inference.flowers()).await?;
    Ok(Json(inference.answer(&predictions)))
}

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(server))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(model))
        .routes(routes!(model_ready))
        .routes(routes!(infer))
}
