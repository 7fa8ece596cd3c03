//! The Open Inference Protocol (KServe v2), REST form, for this one model.
//!
//! Specification: `specification/protocol/inference_rest.md` in github.com/kserve/open-inference-protocol. Clients
//! may write `null` for optional members. Parameters are ignored, except those of extensions that change the meaning of a
//! tensor: these are refused by name. Outputs are JSON even where `binary_data` asks for the
//! binary tensor data extension; Triton's clients ask by default, and read both.

mod parameters;
mod schema;
mod tensor;

use std::collections::BTreeMap;

use http_api::extract::{objects, objects_or_null};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use parameters::{BINARY_EXTENSION, Parameters, UnsupportedExtension};
pub use tensor::{Datatype, InputTensor, OutputTensor, OutputValues, TensorData, TensorError};

use crate::{Measurement, Prediction};

/// The model's name in paths and answers.
pub const MODEL_NAME: &str = "iris";
/// The model's only version.
pub const MODEL_VERSION: &str = "1";

const INPUT: &str = "features";
const LABEL: &str = "label";
const PROBABILITIES: &str = "probabilities";

/// Body of `POST /v2/models/iris/infer`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct InferRequest {
    /// Returned in the answer.
    #[schema(example = "42")]
    pub id: Option<String>,
    /// Ignored.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub parameters: Option<BTreeMap<String, IgnoredAny>>,
    /// One tensor, named `features`.
    #[schema(min_items = 1, max_items = 1)]
    #[serde(deserialize_with = "objects")]
    pub inputs: Vec<InputTensor>,
    /// The outputs to return, in this order; all if absent, null or empty.
    #[schema(max_items = 2, value_type = Option<Vec<RequestedOutput>>)]
    #[serde(default, deserialize_with = "objects_or_null")]
    pub outputs: Vec<RequestedOutput>,
}

/// An output that a request asks for.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct RequestedOutput {
    /// `label` or `probabilities`.
    #[schema(example = "label", pattern = "^(label|probabilities)$")]
    pub name: String,
    /// Ignored, except those of the extensions `classification` and `shared_memory`, which are refused.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub parameters: Parameters,
}

/// Answer of `POST /v2/models/iris/infer`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InferResponse {
    /// Always `iris`.
    #[schema(example = "iris")]
    pub model_name: &'static str,
    /// Version of the model that answered.
    #[schema(example = "1")]
    pub model_version: &'static str,
    /// The request's `id`, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "42")]
    pub id: Option<String>,
    /// `label` (INT64, one for each flower: 0 setosa, 1 versicolor, 2 virginica) and `probabilities` (FP32, three
    /// for each flower), or those asked for.
    pub outputs: Vec<OutputTensor>,
}

/// Answer of `GET /v2/models/iris`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelMetadata {
    /// The model's name.
    #[schema(example = "iris")]
    pub name: &'static str,
    /// The available versions.
    #[schema(example = json!(["1"]))]
    pub versions: Vec<&'static str>,
    /// Framework and format of the model.
    #[schema(example = "onnx_onnxv1")]
    pub platform: &'static str,
    /// The inputs of the model.
    pub inputs: Vec<TensorMetadata>,
    /// The outputs of the model.
    pub outputs: Vec<TensorMetadata>,
}

/// Name and form of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TensorMetadata {
    /// The tensor's name.
    #[schema(example = "features")]
    pub name: &'static str,
    /// Type of its elements.
    pub datatype: Datatype,
    /// Its dimensions; -1 is any number of flowers.
    #[schema(example = json!([-1, 4]))]
    pub shape: Vec<i64>,
}

/// Why a request does not fit the model.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// Not exactly one input tensor.
    #[error("{0} input tensors instead of one named `{INPUT}`")]
    InputCount(usize),
    /// The input has another name.
    #[error("the model has no input {0:?}, only `{INPUT}`")]
    UnknownInput(String),
    /// The input tensor is not one of measurements.
    #[error("input `{INPUT}`: {0}")]
    Input(#[from] TensorError),
    /// An output has another name.
    #[error("the model has no output {0:?}, only `{LABEL}` and `{PROBABILITIES}`")]
    UnknownOutput(String),
    /// An output is requested in a form that an extension defines.
    #[error("output `{}`: {extension}", .output.name())]
    OutputExtension {
        /// The output.
        output: Output,
        /// The extension.
        extension: UnsupportedExtension,
    },
    /// An output is requested twice.
    #[error("output `{}` is requested twice", .0.name())]
    DuplicateOutput(Output),
}

/// An output of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Class of each flower.
    Label,
    /// Share of the votes for each class, for each flower.
    Probabilities,
}

impl Output {
    const ALL: [Self; 2] = [Self::Label, Self::Probabilities];

    /// Name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => LABEL,
            Self::Probabilities => PROBABILITIES,
        }
    }

    fn tensor(self, predictions: &[Prediction]) -> OutputTensor {
        let rows = predictions.len() as u64;
        let (datatype, shape, data) = match self {
            Self::Label => {
                let labels = predictions
                    .iter()
                    .map(|prediction| i64::from(prediction.class))
                    .collect();
                (Datatype::Int64, vec![rows], OutputValues::Int64(labels))
            }
            Self::Probabilities => {
                let shares = predictions
                    .iter()
                    .map(|prediction| prediction.probabilities);
                let shares = shares
                    .flat_map(|share| [share.setosa, share.versicolor, share.virginica])
                    .collect();
                (Datatype::Fp32, vec![rows, 3], OutputValues::Fp32(shares))
            }
        };
        OutputTensor {
            name: self.name(),
            datatype,
            shape,
            data,
        }
    }
}

/// Describes the model.
pub fn metadata() -> ModelMetadata {
    ModelMetadata {
        name: MODEL_NAME,
        versions: vec![MODEL_VERSION],
        platform: "onnx_onnxv1",
        inputs: vec![TensorMetadata {
            name: INPUT,
            datatype: Datatype::Fp32,
            shape: vec![-1, 4],
        }],
        outputs: vec![
            TensorMetadata {
                name: LABEL,
                datatype: Datatype::Int64,
                shape: vec![-1],
            },
            TensorMetadata {
                name: PROBABILITIES,
                datatype: Datatype::Fp32,
                shape: vec![-1, 3],
            },
        ],
    }
}

/// A request that fits the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Inference {
    id: Option<String>,
    flowers: Vec<Measurement>,
    outputs: Vec<Output>,
}

impl TryFrom<InferRequest> for Inference {
    type Error = InferError;

    fn try_from(request: InferRequest) -> Result<Self, InferError> {
        let [input] = request.inputs.as_slice() else {
            return Err(InferError::InputCount(request.inputs.len()));
        };
        if input.name != INPUT {
            return Err(InferError::UnknownInput(input.name.clone()));
        }
        Ok(Self {
            flowers: input.measurements()?,
            outputs: requested(&request.outputs)?,
            id: request.id,
        })
    }
}

impl Inference {
    /// The flowers to predict.
    #[must_use]
    pub fn flowers(&self) -> &[Measurement] {
        &self.flowers
    }

    /// The answer, from the prediction of each flower.
    #[must_use]
    pub fn answer(self, predictions: &[Prediction]) -> InferResponse {
        let tensor = |output: Output| output.tensor(predictions);
        InferResponse {
            model_name: MODEL_NAME,
            model_version: MODEL_VERSION,
            id: self.id,
            outputs: self.outputs.into_iter().map(tensor).collect(),
        }
    }
}

fn requested(names: &[RequestedOutput]) -> Result<Vec<Output>, InferError> {
    if names.is_empty() {
        return Ok(Output::ALL.to_vec());
    }
    let mut outputs = Vec::new();
    for RequestedOutput { name, parameters } in names {
        let output = Output::ALL.into_iter().find(|output| output.name() == name);
        let output = output.ok_or_else(|| InferError::UnknownOutput(name.clone()))?;
        if let Some(extension) = parameters.of_output() {
            return Err(InferError::OutputExtension { output, extension });
        }
        if outputs.contains(&output) {
            return Err(InferError::DuplicateOutput(output));
        }
        outputs.push(output);
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests;
