//! The Open Inference Protocol (KServe v2): health, metadata, inference.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{Uri, header};
use axum::response::Response;
use axum::routing::any;
use http_api::extract::{Object, is_json, parse_json, unsupported_media_type};
use http_api::problem::{
    BODY, INVALID_TENSOR, JSON, MODEL_NOT_FOUND, NOT_FOUND, UNSUPPORTED_MEDIA_TYPE, extended,
};
use http_api::{Body, Problem, problem_responses};
use iris::kserve::{
    self, BINARY_EXTENSION, InferRequest, InferResponse, Inference, MODEL_NAME, MODEL_VERSION,
    ModelMetadata,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

problem_responses!(InferProblems = BODY, JSON, &[INVALID_TENSOR]);

/// Describes the inference server.
#[derive(Serialize, ToSchema)]
struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    /// Supported protocol extensions: none.
    extensions: [&'static str; 0],
}

/// The server is alive.
#[derive(Serialize, ToSchema)]
struct Live {
    live: bool,
}

/// The server can infer.
#[derive(Serialize, ToSchema)]
struct Ready {
    ready: bool,
}

/// A model can infer.
#[derive(Serialize, ToSchema)]
struct ModelReady {
    /// The model's name.
    #[schema(example = "iris")]
    name: &'static str,
    ready: bool,
}

/// The models of the server.
#[derive(Serialize, ToSchema)]
struct ModelNames {
    /// Their names, as in `/v2/models/{name}`.
    #[schema(example = json!(["iris"]))]
    models: Vec<&'static str>,
}

/// Describes the inference server.
#[utoipa::path(get, path = "/v2", tag = "inference", responses((status = 200, body = ServerMetadata)))]
async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata {
        name: "routelets",
        version: env!("CARGO_PKG_VERSION"),
        extensions: [],
    })
}

/// Whether the server is alive.
#[utoipa::path(get, path = "/v2/health/live", tag = "inference", responses((status = 200, body = Live)), security(()))]
async fn live() -> Json<Live> {
    Json(Live { live: true })
}

/// Whether every model can infer.
#[utoipa::path(get, path = "/v2/health/ready", tag = "inference", responses((status = 200, body = Ready)), security(()))]
async fn ready() -> Result<Json<Ready>, Problem> {
    prediction_routes::predict(&[]).await?;
    Ok(Json(Ready { ready: true }))
}

/// The names of all models: that of this repository, and those of the user.
#[utoipa::path(get, path = "/v2/models", tag = "inference", responses((status = 200, body = ModelNames)))]
async fn models() -> Json<ModelNames> {
    let models = contract::models().collect();
    Json(ModelNames { models })
}

/// The inputs and outputs of the model.
#[utoipa::path(get, path = "/v2/models/iris", tag = "inference", responses((status = 200, body = ModelMetadata)))]
async fn model() -> Json<ModelMetadata> {
    Json(kserve::metadata())
}

/// The inputs and outputs of a version of the model.
#[utoipa::path(get, path = "/v2/models/iris/versions/1", tag = "inference", responses((status = 200, body = ModelMetadata)))]
async fn version() -> Json<ModelMetadata> {
    model().await
}

/// Whether the model can infer.
#[utoipa::path(get, path = "/v2/models/iris/ready", tag = "inference", responses((status = 200, body = ModelReady)), security(()))]
async fn model_ready() -> Result<Json<ModelReady>, Problem> {
    let Json(Ready { ready }) = ready().await?;
    let name = MODEL_NAME;
    Ok(Json(ModelReady { name, ready }))
}

/// Whether a version of the model can infer.
#[utoipa::path(get, path = "/v2/models/iris/versions/1/ready", tag = "inference", responses((status = 200, body = ModelReady)), security(()))]
async fn version_ready() -> Result<Json<ModelReady>, Problem> {
    model_ready().await
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
async fn infer(Tensors(request): Tensors) -> Result<Json<InferResponse>, Problem> {
    let inference = Inference::try_from(request)
        .map_err(|error| Problem::new(INVALID_TENSOR, error.to_string()))?;
    let predictions = prediction_routes::predict(inference.flowers()).await?;
    Ok(Json(inference.answer(&predictions)))
}

/// Classifies a tensor of flowers, by a version of the model.
#[utoipa::path(
    post,
    path = "/v2/models/iris/versions/1/infer",
    tag = "inference",
    request_body(content = InferRequest, example = json!({
        "inputs": [{"name": "features", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]}],
    })),
    responses((status = 200, body = InferResponse), InferProblems)
)]
async fn version_infer(tensors: Tensors) -> Result<Json<InferResponse>, Problem> {
    infer(tensors).await
}

/// The body of an inference request. Triton's clients send no content type.
struct Tensors(InferRequest);

impl<S: Send + Sync> FromRequest<S> for Tensors {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        if headers.contains_key("inference-header-content-length") {
            let detail = format!(
                "Inference-Header-Content-Length belongs to the extension `{BINARY_EXTENSION}`, which is not \
                 supported; send the tensors as JSON (`binary_data=False` in tritonclient)"
            );
            return Err(Problem::new(UNSUPPORTED_MEDIA_TYPE, detail));
        }
        if headers.contains_key(header::CONTENT_TYPE) && !is_json(headers) {
            return Err(unsupported_media_type(headers, "application/json"));
        }
        let Body(bytes) = Body::from_request(request, state).await?;
        parse_json(&bytes).map(|Object(request)| Self(request))
    }
}

/// The problem that names the unknown part of the path.
async fn unknown(uri: Uri) -> Problem {
    let mut names = uri.path().split('/').skip(3);
    let (model, rest) = (names.next().unwrap_or_default(), names.collect::<Vec<_>>());
    let (shown, path) = (model.escape_debug(), uri.path());
    match *rest {
        _ if model != MODEL_NAME => Problem::new(
            MODEL_NOT_FOUND,
            format!("there is no model '{shown}', only '{MODEL_NAME}'"),
        ),
        ["versions", version, ..] if version != MODEL_VERSION => Problem::new(
            MODEL_NOT_FOUND,
            format!(
                "there is no version '{}' of the model '{MODEL_NAME}', only '{MODEL_VERSION}'",
                version.escape_debug()
            ),
        ),
        _ => Problem::new(NOT_FOUND, format!("nothing answers at {path}")),
    }
}

/// Adds the protocol's member `error` to a problem document; leaves every other response unchanged.
pub(crate) fn with_inference_errors(response: Response) -> Response {
    extended(response, |problem| {
        let message = problem.detail().to_owned();
        problem.with("error", message)
    })
}

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(server))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(models))
        .routes(routes!(model))
        .routes(routes!(version))
        .routes(routes!(model_ready))
        .routes(routes!(version_ready))
        .routes(routes!(infer))
        .routes(routes!(version_infer))
        .route("/v2/models/{model}", any(unknown))
        .route("/v2/models/{model}/{*rest}", any(unknown))
}
