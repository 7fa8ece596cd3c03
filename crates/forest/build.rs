//! Extracts the trees from `models/iris/iris.onnx`. A component that reads ONNX at run time would be ten megabytes larger,
//! and would read it in every instance.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use prost::Message;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const FEATURES: i64 = 4;
const CLASSES: usize = 3;

fn main() -> Result<()> {
    let onnx = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../models/iris/iris.onnx");
    println!("cargo::rerun-if-changed={}", onnx.display());
    let model = Model::decode(&*fs::read(onnx)?)?;
    let source = Forest::of(&model)?.source()?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("trees.rs"), source)?;
    Ok(())
}

/// What is read of an ONNX file, with the tags of its `onnx.proto`.
#[derive(Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

#[derive(Message)]
struct Node {
    #[prost(string, tag = "4")]
    operator: String,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

#[derive(Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes, tag = "4")]
    text: Vec<u8>,
    #[prost(float, repeated, tag = "7")]
    floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    integers: Vec<i64>,
    #[prost(bytes, repeated, tag = "9")]
    texts: Vec<Vec<u8>>,
}

/// A node is known by its tree and its number in the tree.
type Place = (i64, i64);

/// The attributes of a `TreeEnsembleClassifier`.
#[derive(Default)]
struct Forest {
    /// The first node of each tree.
    roots: Vec<Place>,
    nodes: HashMap<Place, Split>,
    /// The share of each class, in leaves.
    votes: HashMap<Place, [f32; CLASSES]>,
}

/// A node that is not a leaf.
struct Split {
    feature: i64,
    threshold: f32,
    /// The number of the node for values of at most the threshold.
    below: i64,
    above: i64,
}

impl Forest {
    /// Refuses what the trees of this crate do not express.
    fn of(model: &Model) -> Result<Self> {
        let nodes = model.graph.as_ref().map_or(&[][..], |graph| &graph.nodes);
        let [classifier] = nodes else {
            return Err("expected a graph of one node".into());
        };
        if classifier.operator != "TreeEnsembleClassifier" {
            return Err(format!("expected trees, not {}", classifier.operator).into());
        }
        let attributes = &classifier.attributes;
        let attribute = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
        let integers = |name: &str| attribute(name).map_or(&[][..], |it| &it.integers);
        let floats = |name: &str| attribute(name).map_or(&[][..], |it| &it.floats);

        if integers("classlabels_int64s") != [0, 1, 2] {
            return Err("the label is not the number of the most probable class".into());
        }
        let transform = attribute("post_transform").map_or(&b"NONE"[..], |it| &it.text);
        if transform != b"NONE" || attribute("base_values").is_some() {
            return Err("the probabilities are not what the leaves add up to".into());
        }

        let mut forest = Self::default();
        let modes = attribute("nodes_modes").map_or(&[][..], |it| &it.texts);
        for (index, mode) in modes.iter().enumerate() {
            let of = |name: &str| integers(name).get(index).copied().ok_or(name.to_owned());
            let place = (of("nodes_treeids")?, of("nodes_nodeids")?);
            if forest.roots.last().is_none_or(|root| root.0 != place.0) {
                forest.roots.push(place);
            }
            match &mode[..] {
                b"LEAF" => continue,
                b"BRANCH_LEQ" => {}
                _ => return Err("expected splits where a feature is at most a threshold".into()),
            }
            let split = Split {
                feature: of("nodes_featureids")?,
                threshold: *floats("nodes_values").get(index).ok_or("nodes_values")?,
                below: of("nodes_truenodeids")?,
                above: of("nodes_falsenodeids")?,
            };
            if !(0..FEATURES).contains(&split.feature) {
                return Err(format!("expected {FEATURES} features").into());
            }
            forest.nodes.insert(place, split);
        }
        for (index, weight) in floats("class_weights").iter().enumerate() {
            let of = |name: &str| integers(name).get(index).copied().ok_or(name.to_owned());
            let place = (of("class_treeids")?, of("class_nodeids")?);
            let shares = forest.votes.entry(place).or_default();
            let class = usize::try_from(of("class_ids")?)?;
            *shares.get_mut(class).ok_or("expected three classes")? += weight;
        }
        Ok(forest)
    }

    /// The trees as a Rust constant.
    fn source(&self) -> Result<String> {
        let mut source = String::from("static TREES: &[Tree] = &[");
        for &root in &self.roots {
            self.write(root, &mut source)?;
            source.push(',');
        }
        source.push_str("];\n");
        Ok(source)
    }

    fn write(&self, place: Place, source: &mut String) -> Result<()> {
        let Some(split) = self.nodes.get(&place) else {
            let shares = self.votes.get(&place).ok_or("a leaf without votes")?;
            write!(source, "Tree::Leaf({shares:?})")?;
            return Ok(());
        };
        let Split {
            feature, threshold, ..
        } = split;
        write!(
            source,
            "Tree::Split {{ feature: {feature}, threshold: {threshold:?}, below: &"
        )?;
        self.write((place.0, split.below), source)?;
        source.push_str(", above: &");
        self.write((place.0, split.above), source)?;
        source.push_str(" }");
        Ok(())
    }
}
