//! The list of models, which has one.

use http_api::Problem;
use http_api::problem::MODEL_NOT_FOUND;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ServedModel;

/// The name that clients of OpenAI use where they know no other.
const ALIAS: &str = "whisper-1";

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    #[schema(example = "list")]
    object: &'static str,
    data: Vec<ModelObject>,
}

/// A model that is served.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelObject {
    /// Its name.
    id: String,
    #[schema(example = "model")]
    object: &'static str,
    /// When it was made, in seconds since 1970.
    created: u64,
    owned_by: &'static str,
}

impl From<&ServedModel> for ModelObject {
    fn from(model: &ServedModel) -> Self {
        Self {
            id: model.name.clone(),
            object: "model",
            created: model.created,
            owned_by: "routelets",
        }
    }
}

impl From<&ServedModel> for ModelList {
    fn from(model: &ServedModel) -> Self {
        Self {
            object: "list",
            data: vec![model.into()],
        }
    }
}

/// Checks that `name` means `model`.
///
/// # Errors
/// `model-not-found`.
pub fn check_name(model: &ServedModel, name: &str) -> Result<(), Problem> {
    if name == model.name || name == ALIAS {
        return Ok(());
    }
    let detail = format!(
        "there is no such model; this service has '{}', also under the name '{ALIAS}'",
        model.name
    );
    Err(Problem::new(MODEL_NOT_FOUND, detail).with("parameter", "model"))
}
