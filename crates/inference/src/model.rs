use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{bail, ensure};
use tract_onnx::tract_core::plan;

use crate::ops::rewrite;
use crate::{Metadata, MetadataError, slices};
use kernels::Pace;

/// The scores of each token in each frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Emissions {
    /// How many frames there are.
    pub frames: usize,
    /// frames × vocabulary, frame by frame; not normalised.
    pub logits: Vec<f32>,
}

/// The model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not an ONNX model.
    #[error("it is not an ONNX model")]
    Parse(#[source] TractError),
    /// Its description is incomplete.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Its graph has other inputs or outputs, or unknown operators.
    #[error("its graph cannot be used")]
    Graph(#[source] TractError),
}

/// The samples could not be recognised.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There are too few.
    #[error("the model takes at least {minimum} samples, not {samples}")]
    TooShort {
        /// The samples given.
        samples: usize,
        /// The fewest that the model takes.
        minimum: u32,
    },
    /// The model failed, or its output does not have the expected form.
    #[error("the model could not be evaluated")]
    Evaluate(#[source] TractError),
}

/// A loaded acoustic model. Loading takes far longer than running it on a short sound: keep one.
#[derive(Debug)]
pub struct Model {
    metadata: Metadata,
    plan: Arc<TypedRunnableModel>,
    pace: Pace,
}

/// A model that is loaded and simplified, but not yet ready to run.
pub struct Draft {
    metadata: Metadata,
    graph: TypedModel,
}

impl Draft {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// When the bytes are not an ONNX model of this kind.
    pub fn parse(file: Vec<u8>) -> Result<Self, LoadError> {
        let proto = onnx()
            .proto_model_for_read(&mut file.as_slice())
            .map_err(LoadError::Parse)?;
        drop(file);
        let metadata = Metadata::read(&proto)?;
        let graph = read(&proto, &metadata).map_err(LoadError::Graph)?;
        Ok(Self { metadata, graph })
    }

    /// Makes it ready to run. While it runs, `pause` is called after each `pacer::QUANTUM` of work.
    ///
    /// # Errors
    /// When the graph has operators that cannot be run.
    pub fn build(self, pause: fn()) -> Result<Model, LoadError> {
        let pace = Pace(pause);
        let plan = prepare(self.graph, pace).map_err(LoadError::Graph)?;
        Ok(Model {
            metadata: self.metadata,
            plan,
            pace,
        })
    }
}

fn read(proto: &ModelProto, metadata: &Metadata) -> TractResult<TypedModel> {
    let mut model = onnx().model_for_proto_model(proto)?;
    ensure!(
        model.input_outlets()?.len() == 1 && model.output_outlets()?.len() == 1,
        "expected one input, the waveform, and one output, the logits"
    );
    let samples = model.symbols.sym("samples");
    model
        .symbols
        .add_assertion(format!("samples >= {}", metadata.minimum_samples))?;
    model.set_input_fact(0, f32::fact([1.to_dim(), samples.to_dim()]).into())?;
    model.set_output_fact(0, InferenceFact::default())?;
    model.into_typed()?.into_decluttered()
}

fn prepare(mut graph: TypedModel, pace: Pace) -> TractResult<Arc<TypedRunnableModel>> {
    rewrite(&mut graph, pace)?;
    graph.compact()?;
    graph.into_optimized()?.into_runnable()
}

impl Model {
    /// The model's description.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The logits for `samples`, one channel from -1 to 1.
    ///
    /// # Errors
    /// When there are fewer than the model's minimum, or the model fails.
    pub fn run(&self, samples: &[f32]) -> Result<Emissions, RunError> {
        let minimum = self.metadata.minimum_samples;
        if samples.len() < minimum as usize {
            return Err(RunError::TooShort {
                samples: samples.len(),
                minimum,
            });
        }
        self.evaluate(samples).map_err(RunError::Evaluate)
    }

    fn evaluate(&self, samples: &[f32]) -> TractResult<Emissions> {
        let waveform = Tensor::from_shape(&[1, samples.len()], samples)?;
        let outputs = self.plan.spawn()?.run_plan_with_eval(
            tvec!(waveform.into_tvalue()),
            |context, state, node, inputs| {
                if let Some(outputs) = slices::eval(context, node.op(), &inputs, self.pace)? {
                    return Ok(outputs);
                }
                let outputs = plan::eval(context, state, node, inputs)?;
                self.pace
                    .passed(outputs.iter().map(|value| value.len()).sum());
                TractResult::Ok(outputs)
            },
        )?;
        let Some(logits) = outputs.first() else {
            bail!("the model has no output");
        };
        let &[1, frames, vocabulary] = logits.shape() else {
            bail!(
                "the logits have the shape {:?}, expected [1, frames, vocabulary]",
                logits.shape()
            );
        };
        ensure!(
            vocabulary == self.metadata.vocabulary.len(),
            "the model has {vocabulary} logits in a frame, and {} tokens in its vocabulary",
            self.metadata.vocabulary.len()
        );
        Ok(Emissions {
            frames,
            logits: logits
                .to_plain_array_view::<f32>()?
                .iter()
                .copied()
                .collect(),
        })
    }
}
