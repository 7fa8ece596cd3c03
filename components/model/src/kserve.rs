//! The Open Inference Protocol (KServe v2), REST form, for a model. Parameters are ignored.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::routing::{get, post};
use axum::{Extension, Json};
use http_api::extract::{
    Object, is_json, objects, objects_or_null, parse_json, unsupported_media_type,
};
use http_api::problem::{BODY, INVALID_TENSOR, JSON, UNSUPPORTED_MEDIA_TYPE};
use http_api::{Body, Problem, problem_responses};
use model_contract::{Datatype, Port};
use model_routes::Contract;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::bindings::routelets::model::model::{Elements, Tensor};
use crate::rows;

/// The only version of a model.
const VERSION: &str = "1";

problem_responses!(InferProblems = BODY, JSON, &[INVALID_TENSOR]);

/// What a model takes and gives.
#[derive(Serialize, ToSchema)]
#[schema(as = AnyModelMetadata)]
struct Metadata {
    name: String,
    versions: [&'static str; 1],
    /// Framework and format of the model.
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// Name and form of a tensor.
#[derive(Serialize, ToSchema)]
#[schema(as = AnyTensorMetadata)]
struct TensorMetadata {
    name: String,
    #[schema(value_type = String, example = "FP32")]
    datatype: Datatype,
    /// Its dimensions; -1 is any length.
    shape: Vec<i64>,
}

/// Whether a model can infer.
#[derive(Serialize, ToSchema)]
#[schema(as = AnyModelReady)]
struct Ready {
    name: String,
    ready: bool,
}

/// An inference request.
#[derive(Deserialize, ToSchema)]
#[schema(as = AnyInferRequest)]
struct InferRequest {
    /// Comes back in the answer.
    id: Option<String>,
    /// Each input of the model.
    #[serde(deserialize_with = "objects")]
    inputs: Vec<InputTensor>,
    /// Which outputs to return, and in what order; all of them when absent, null or empty.
    #[schema(value_type = Option<Vec<RequestedOutput>>)]
    #[serde(default, deserialize_with = "objects_or_null")]
    outputs: Vec<RequestedOutput>,
}

/// An input.
#[derive(Deserialize, ToSchema)]
#[schema(as = AnyInputTensor)]
struct InputTensor {
    name: String,
    #[schema(example = json!([1, 4]))]
    shape: Vec<u32>,
    #[schema(example = "FP32")]
    datatype: String,
    /// The elements, in one array or nested as the shape is.
    data: Value,
}

/// An output that a request asks for.
#[derive(Deserialize, ToSchema)]
#[schema(as = AnyRequestedOutput)]
struct RequestedOutput {
    name: String,
}

/// The answer to an inference request.
#[derive(Serialize, ToSchema)]
#[schema(as = AnyInferResponse)]
struct InferResponse {
    model_name: String,
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<OutputTensor>,
}

/// An output.
#[derive(Serialize, ToSchema)]
#[schema(as = AnyOutputTensor)]
struct OutputTensor {
    name: String,
    shape: Vec<u32>,
    #[schema(value_type = String, example = "FP32")]
    datatype: Datatype,
    data: Vec<Value>,
}

/// What the model takes and gives.
#[utoipa::path(get, path = "/v2/models/{model}", tag = "models", responses((status = 200, body = Metadata)))]
async fn metadata(Extension(contract): Extension<Arc<Contract>>) -> Json<Metadata> {
    let tensors = |ports: &[Port]| {
        let tensor = |port: &Port| TensorMetadata {
            name: port.name.clone(),
            datatype: port.datatype,
            shape: port.shape.clone(),
        };
        ports.iter().map(tensor).collect()
    };
    Json(Metadata {
        name: contract.route.clone(),
        versions: [VERSION],
        platform: "onnx_onnxv1",
        inputs: tensors(&contract.model.inputs),
        outputs: tensors(&contract.model.outputs),
    })
}

/// Whether the model can infer. It is loaded before it is served.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "models", responses((status = 200, body = Ready)), security(()))]
async fn ready(Extension(contract): Extension<Arc<Contract>>) -> Json<Ready> {
    Json(Ready {
        name: contract.route.clone(),
        ready: true,
    })
}

/// What the model makes of tensors.
#[utoipa::path(
    post,
    path = "/v2/models/{model}/infer",
    tag = "models",
    request_body = InferRequest,
    responses((status = 200, body = InferResponse), InferProblems)
)]
async fn infer(
    Extension(contract): Extension<Arc<Contract>>,
    request: Request,
) -> Result<Json<InferResponse>, Problem> {
    let headers = request.headers();
    if headers.contains_key("inference-header-content-length") {
        let detail = "the extension `binary_tensor_data` is not supported; send the tensors as JSON (`binary_data=False` in tritonclient)";
        return Err(Problem::new(UNSUPPORTED_MEDIA_TYPE, detail));
    }
    // Triton's clients send no content type.
    if headers.contains_key(header::CONTENT_TYPE) && !is_json(headers) {
        return Err(unsupported_media_type(headers, "application/json"));
    }
    let Body(bytes) = Body::from_request(request, &()).await?;
    let Object(request) = parse_json::<Object<InferRequest>>(&bytes)?;
    let wanted = wanted(&contract, &request.outputs)?;
    let ports = &contract.model.inputs;
    if let Some(unknown) = request
        .inputs
        .iter()
        .find(|it| ports.iter().all(|port| port.name != it.name))
    {
        return Err(wrong(&format!(
            "the model has no input '{}'",
            unknown.name.escape_debug()
        )));
    }
    let inputs = ports.iter().map(|port| input(port, &request.inputs));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let rows = inputs.first().and_then(|tensor| tensor.shape.first());
    if inputs.iter().any(|tensor| tensor.shape.first() != rows) {
        return Err(wrong("the inputs have different numbers of rows"));
    }
    let outputs = crate::infer(inputs).await?;
    let outputs = wanted.into_iter().filter_map(|index| {
        let (port, tensor) = (contract.model.outputs.get(index)?, outputs.get(index)?);
        Some(OutputTensor {
            name: port.name.clone(),
            shape: tensor.shape.clone(),
            datatype: port.datatype,
            data: rows::scalars(&tensor.elements),
        })
    });
    Ok(Json(InferResponse {
        model_name: contract.route.clone(),
        model_version: VERSION,
        id: request.id,
        outputs: outputs.collect(),
    }))
}

fn wrong(detail: &str) -> Problem {
    Problem::new(INVALID_TENSOR, detail)
}

/// The places of the outputs that are asked for.
fn wanted(contract: &Contract, asked: &[RequestedOutput]) -> Result<Vec<usize>, Problem> {
    let outputs = &contract.model.outputs;
    if asked.is_empty() {
        return Ok((0..outputs.len()).collect());
    }
    let place = |output: &RequestedOutput| {
        let place = outputs.iter().position(|port| port.name == output.name);
        let name = output.name.escape_debug();
        place.ok_or_else(|| wrong(&format!("the model has no output '{name}'")))
    };
    asked.iter().map(place).collect()
}

/// The tensor for an input.
fn input(port: &Port, sent: &[InputTensor]) -> Result<Tensor, Problem> {
    let name = &port.name;
    let mut own = sent.iter().filter(|it| it.name == *name);
    let (Some(tensor), None) = (own.next(), own.next()) else {
        return Err(wrong(&format!("there must be one input '{name}'")));
    };
    let expected = serde_json::to_value(port.datatype).unwrap_or_default();
    if expected != tensor.datatype.as_str() {
        let detail = format!("input '{name}': the datatype must be {expected}");
        return Err(wrong(&detail));
    }
    let fits = tensor.shape.len() == port.shape.len()
        && tensor
            .shape
            .iter()
            .zip(&port.shape)
            .all(|(found, expected)| *expected < 0 || i64::from(*found) == *expected);
    if !fits {
        let detail = format!(
            "input '{name}': the shape must be {:?}, where -1 is any length",
            port.shape
        );
        return Err(wrong(&detail));
    }
    let mut scalars = Vec::new();
    let lengths = rows::flatten(&tensor.data, &mut scalars);
    let volume: u64 = tensor
        .shape
        .iter()
        .map(|length| u64::from(*length))
        .product();
    let flat_or_nested = lengths.is_some_and(|lengths| {
        lengths.len() == 1
            || lengths
                .iter()
                .map(|length| *length as u64)
                .eq(tensor.shape.iter().map(|it| u64::from(*it)))
    });
    if !flat_or_nested || scalars.len() as u64 != volume {
        let detail = format!("input '{name}': the data must have {volume} elements");
        return Err(wrong(&detail));
    }
    let is_of_type = |value: &&Value| match port.datatype {
        Datatype::Bool => value.is_boolean(),
        Datatype::Bytes => value.is_string(),
        Datatype::Fp16 | Datatype::Fp32 | Datatype::Fp64 => {
            value.as_f64().is_some_and(f64::is_finite)
        }
        _ => value.as_i64().is_some(),
    };
    if !scalars.iter().all(is_of_type) {
        let detail = format!("input '{name}': the data must be of the datatype {expected}");
        return Err(wrong(&detail));
    }
    let elements: Elements = rows::elements(port.datatype, &scalars);
    Ok(Tensor {
        shape: tensor.shape.clone(),
        elements,
    })
}

pub(crate) fn operations() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(metadata))
        .routes(routes!(ready))
        .routes(routes!(infer))
}

pub(crate) fn routes(model: &str) -> OpenApiRouter {
    let mut router = OpenApiRouter::new();
    for base in [
        format!("/v2/models/{model}"),
        format!("/v2/models/{model}/versions/{VERSION}"),
    ] {
        router = router
            .route(&base, get(metadata))
            .route(&format!("{base}/ready"), get(ready))
            .route(&format!("{base}/infer"), post(infer));
    }
    router
}
