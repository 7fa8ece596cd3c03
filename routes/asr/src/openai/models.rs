//! `GET /v1/models`: the one model there is.

use axum::Json;
use axum::routing::get;
use guest::LocalFuture;
use http_api::problem::{INVALID_PATH, MODEL_NOT_FOUND};
use http_api::{Path, Problem};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::error::openai_errors;
use crate::model::Model;

openai_errors!(Errors = &[INVALID_PATH, MODEL_NOT_FOUND]);

/// The name that clients of OpenAI use where they know no other.
const ALIAS: &str = "whisper-1";

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
struct ModelList {
    #[schema(example = "list")]
    object: &'static str,
    data: Vec<ModelObject>,
}

/// A model that is served.
#[derive(Debug, Serialize, ToSchema)]
struct ModelObject {
    /// Its name.
    id: String,
    #[schema(example = "model")]
    object: &'static str,
    /// When it was made, in seconds since 1970.
    created: u64,
    owned_by: &'static str,
}

impl From<&Model> for ModelObject {
    fn from(model: &Model) -> Self {
        Self {
            id: model.name.clone(),
            object: "model",
            created: model.created,
            owned_by: "routelets",
        }
    }
}

/// The models that are served.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "speech",
    responses((status = 200, body = ModelList))
)]
async fn list_models() -> Result<Json<ModelList>, Problem> {
    let model = LocalFuture::new(Model::get()).await?;
    Ok(Json(ModelList {
        object: "list",
        data: vec![ModelObject::from(&*model)],
    }))
}

/// A model that is served.
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    tag = "speech",
    params(("model" = String, Path, description = "Name of the model", example = "whisper-1")),
    responses((status = 200, body = ModelObject), Errors)
)]
async fn retrieve_model(Path(name): Path<String>) -> Result<Json<ModelObject>, Problem> {
    let model = LocalFuture::new(Model::get()).await?;
    check_name(&model, &name)?;
    Ok(Json(ModelObject::from(&*model)))
}

/// A model whose name begins with that of its publisher, such as `facebook/wav2vec2-base-960h`.
async fn retrieve_published(
    Path((publisher, model)): Path<(String, String)>,
) -> Result<Json<ModelObject>, Problem> {
    retrieve_model(Path(format!("{publisher}/{model}"))).await
}

/// Whether `name` means `model`.
pub(super) fn check_name(model: &Model, name: &str) -> Result<(), Problem> {
    if name == model.name || name == ALIAS {
        return Ok(());
    }
    let detail = format!(
        "there is no such model; '{}' is served, and answers to '{ALIAS}' as well",
        model.name
    );
    Err(Problem::new(MODEL_NOT_FOUND, detail).with("parameter", "model"))
}

pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .routes(routes!(retrieve_model))
        .route("/v1/models/{publisher}/{model}", get(retrieve_published))
}
