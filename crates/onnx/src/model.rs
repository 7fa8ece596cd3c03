use std::sync::Arc;

use pacer::Pace;
use tract_onnx::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::ensure;
use tract_onnx::tract_core::plan;

use crate::contract::PROPERTY;
use crate::costs::Costs;
use crate::{Contract, ContractError, Tensor, coupling};

/// The model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not an ONNX model.
    #[error("it is not an ONNX model")]
    Parse(#[source] TractError),
    /// It says too little of itself.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// It has operators that are not known, or shapes that do not fit.
    #[error("its graph cannot be used")]
    Graph(#[source] TractError),
}

/// The model failed.
#[derive(Debug, thiserror::Error)]
#[error("the model could not be evaluated")]
pub struct RunError(#[source] TractError);

/// A file that was read. All that the model keeps is allocated by [`Draft::build`], so that it can lie apart from the file and
/// the draft in a snapshot of memory.
pub struct Draft {
    framework: Onnx,
    proto: ModelProto,
}

impl Draft {
    /// Reads a file.
    ///
    /// # Errors
    /// When the bytes are not an ONNX model.
    pub fn parse(file: &[u8]) -> Result<Self, LoadError> {
        let mut framework = onnx();
        coupling::register(&mut framework.op_register);
        let proto = framework
            .proto_model_for_read(&mut &*file)
            .map_err(LoadError::Parse)?;
        Ok(Self { framework, proto })
    }

    /// The model that can run. While it runs, `pause` is called between operators, after each `pacer::QUANTUM` of work.
    ///
    /// # Errors
    /// When it was not prepared, or tract cannot run it.
    pub fn build(self, pause: fn()) -> Result<Model, LoadError> {
        let Self { framework, proto } = self;
        let property = proto.metadata_props.iter().find(|it| it.key == PROPERTY);
        let text = property.ok_or(ContractError::Missing)?.value.clone();
        let contract = Contract::parse(&text)?;
        let plan = prepare(&framework, proto, &contract).map_err(LoadError::Graph)?;
        let costs = Costs::of(plan.model()).map_err(LoadError::Graph)?;
        Ok(Model {
            text,
            contract,
            plan,
            costs,
            pace: Pace(pause),
        })
    }
}

/// A model that can run. Loading takes far longer than a row: keep one.
#[derive(Debug)]
pub struct Model {
    text: String,
    contract: Contract,
    plan: Arc<TypedRunnableModel>,
    costs: Costs,
    pace: Pace,
}

impl Model {
    /// The contract, as JSON.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.text
    }

    /// The part of the contract that is about tensors.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The outputs for these inputs, both in the order of the contract.
    ///
    /// # Errors
    /// When the inputs do not fit, or the model fails.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.evaluate(inputs).map_err(RunError)
    }

    fn evaluate(&self, inputs: &[Tensor]) -> TractResult<Vec<Tensor>> {
        let ports = &self.contract.model;
        let model = self.plan.model();
        ensure!(
            inputs.len() == ports.inputs.len(),
            "{} inputs instead of {}",
            inputs.len(),
            ports.inputs.len()
        );
        let inputs = inputs.iter().enumerate().map(|(index, tensor)| {
            let kind = model.input_fact(index)?.datum_type;
            Ok(tensor.to_input(kind, &ports.vocabulary)?.into_tvalue())
        });
        let inputs = inputs.collect::<TractResult<TVec<_>>>()?;
        let outputs =
            self.plan
                .spawn()?
                .run_plan_with_eval(inputs, |context, state, node, inputs| {
                    let outputs = plan::eval(context, state, node, inputs)?;
                    let values: usize = outputs.iter().map(|value| value.len()).sum();
                    let multiplications = self.costs.of_node(node.id, context.symbols);
                    self.pace.passed(values);
                    self.pace.multiplied(multiplications);
                    TractResult::Ok(outputs)
                })?;
        ensure!(
            outputs.len() == ports.outputs.len(),
            "{} outputs instead of {}",
            outputs.len(),
            ports.outputs.len()
        );
        let pairs = outputs.iter().zip(&ports.outputs);
        pairs
            .map(|(tensor, port)| Tensor::of_output(tensor, port, &ports.vocabulary))
            .collect()
    }
}

fn prepare(
    framework: &Onnx,
    proto: ModelProto,
    contract: &Contract,
) -> TractResult<Arc<TypedRunnableModel>> {
    let mut model = framework.model_for_proto_model(&proto)?;
    drop(proto);
    ensure!(
        model.input_outlets()?.len() == contract.model.inputs.len(),
        "the contract has other inputs than the graph"
    );
    // What exporters say of outputs is often wrong.
    for index in 0..model.output_outlets()?.len() {
        model.set_output_fact(index, InferenceFact::default())?;
    }
    model
        .into_typed()?
        .into_decluttered()?
        .into_optimized()?
        .into_runnable()
}
