//! Extracts the trees from `models/iris/iris.onnx`. A component that reads ONNX at run time would be ten megabytes larger,
//! and would read it in every instance.

use std::{env, error::Error, fmt::Write, fs, path::Path};

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{bail, ensure, rctensor0, rctensor1};
use tract_onnx_opl::ml::DirectLookup;
use tract_onnx_opl::ml::tree::Cmp;
use tract_onnx_opl::ml::tree_ensemble_classifier::{
    Aggregate, TreeEnsembleClassifier, TreeEnsembleData,
};

const FEATURES: usize = 4;
const CLASSES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let onnx = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../models/iris/iris.onnx");
    println!("cargo::rerun-if-changed={}", onnx.display());
    let source = trees(&onnx)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("trees.rs"), source)?;
    Ok(())
}

/// The trees as a Rust constant.
fn trees(onnx: &Path) -> TractResult<String> {
    let mut model = tract_onnx::onnx().model_for_path(onnx)?;
    let rows = model.symbols.sym("rows");
    model.set_input_fact(0, f32::fact([rows.to_dim(), FEATURES.to_dim()]).into())?;
    let model = model.into_typed()?;
    let [labels, probabilities] = *model.output_outlets()? else {
        bail!("expected two outputs, label and probabilities");
    };
    let Some(classifier) = model
        .node(probabilities.node)
        .op_as::<TreeEnsembleClassifier>()
    else {
        bail!("the probabilities are not what the leaves add up to");
    };
    let ensemble = &classifier.ensemble;
    ensure!(
        ensemble.aggregate_fn == Aggregate::Sum
            && ensemble.n_classes == CLASSES
            && ensemble.max_used_feature < FEATURES,
        "expected {CLASSES} classes told from {FEATURES} features"
    );
    let numbers = DirectLookup::new(rctensor1(&[0_i64, 1, 2]), rctensor0(0_i64))?;
    ensure!(
        model.node(labels.node).op_as() == Some(&numbers),
        "the label is not the number of the most probable class"
    );
    Tables::new(&ensemble.data)?.source()
}

/// The trees as tract represents them.
struct Tables<'a> {
    /// Indices of the roots among the nodes.
    roots: &'a [u32],
    /// Of a split: feature, child if the comparison holds, other child, threshold, comparison. Of a leaf: the range of
    /// its votes, and zeros.
    nodes: &'a [[u32; 5]],
    /// Class and share.
    votes: &'a [[u32; 2]],
}

impl<'a> Tables<'a> {
    fn new(data: &'a TreeEnsembleData) -> TractResult<Self> {
        Ok(Self {
            roots: data.trees.try_as_plain_ram()?.as_slice()?,
            nodes: data.nodes.try_as_plain_ram()?.as_slice()?.as_chunks().0,
            votes: data.leaves.try_as_plain_ram()?.as_slice()?.as_chunks().0,
        })
    }

    fn source(&self) -> TractResult<String> {
        let mut source = String::from("static TREES: &[Tree] = &[");
        for &root in self.roots {
            self.write(root, &mut source)?;
            source.push(',');
        }
        source.push_str("];\n");
        Ok(source)
    }

    fn write(&self, node: u32, source: &mut String) -> TractResult<()> {
        let [first, second, third, threshold, comparison] = self.nodes[node as usize];
        if comparison == 0 {
            let mut shares = [0.0; CLASSES];
            for &[class, share] in &self.votes[first as usize..second as usize] {
                shares[class as usize] += f32::from_bits(share);
            }
            write!(source, "Tree::Leaf({shares:?})")?;
            return Ok(());
        }
        ensure!(
            comparison == u32::from(Cmp::LessEqual.to_u8()),
            "expected splits where a feature is at most a threshold"
        );
        let threshold = f32::from_bits(threshold);
        write!(
            source,
            "Tree::Split {{ feature: {first}, threshold: {threshold:?}, below: &"
        )?;
        self.write(second, source)?;
        source.push_str(", above: &");
        self.write(third, source)?;
        source.push_str(" }");
        Ok(())
    }
}
