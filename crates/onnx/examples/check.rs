//! Runs prepared models and compares with what ONNX Runtime answered: `check FOLDER`.
//!
//! Beside each `NAME.onnx` lies `NAME.json`, which `scripts/models/matrix.py` writes: `{"inputs": [tensor, …], "outputs":
//! [tensor, …]}`, a tensor being `{"shape": […], "data": […]}` in the order of the contract. Numbers may differ by a
//! ten-thousandth, texts and integers not at all.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use model_contract::{Datatype, Port};
use onnx::{Draft, Elements, Tensor};
use serde_json::Value;

const TOLERANCE: f64 = 1e-4;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: check FOLDER");
        return ExitCode::FAILURE;
    };
    let mut failed = 0;
    let mut paths = models(Path::new(&folder));
    paths.sort();
    for path in &paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        match check(path) {
            Ok(difference) if difference <= TOLERANCE => println!("{name}: {difference:.1e}"),
            Ok(difference) => {
                failed += 1;
                println!("{name}: FAILED: it differs by {difference:.1e}");
            }
            Err(error) => {
                failed += 1;
                let mut text = error.to_string();
                let mut cause = error.source();
                while let Some(error) = cause {
                    text = format!("{text}: {error}");
                    cause = error.source();
                }
                println!("{name}: FAILED: {text}");
            }
        }
    }
    println!("{} of {} models agree", paths.len() - failed, paths.len());
    match failed {
        0 if !paths.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "onnx"))
        .collect()
}

/// The largest difference.
fn check(path: &Path) -> Result<f64, Box<dyn Error>> {
    let model = Draft::parse(&fs::read(path)?)?.build(|| {})?;
    let case: Value = serde_json::from_str(&fs::read_to_string(path.with_extension("json"))?)?;
    let ports = &model.contract().model;
    let inputs = tensors(&ports.inputs, &case["inputs"]);
    let expected = tensors(&ports.outputs, &case["outputs"]);
    let mut largest: f64 = 0.0;
    for (found, expected) in model.run(&inputs)?.iter().zip(&expected) {
        if found.shape != expected.shape {
            return Err(format!("shape {:?} instead of {:?}", found.shape, expected.shape).into());
        }
        largest = largest.max(difference(&found.elements, &expected.elements));
    }
    Ok(largest)
}

fn tensors(ports: &[Port], tensors: &Value) -> Vec<Tensor> {
    let tensors = tensors.as_array().into_iter().flatten();
    let pairs = ports.iter().zip(tensors);
    pairs.map(|(port, tensor)| read(port, tensor)).collect()
}

fn read(port: &Port, tensor: &Value) -> Tensor {
    let data = tensor["data"].as_array().into_iter().flatten();
    let double = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    Tensor {
        shape: tensor["shape"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .map(|length| length as usize)
            .collect(),
        elements: match port.datatype {
            Datatype::Fp16 | Datatype::Fp32 => {
                Elements::Floats(data.map(|value| double(value) as f32).collect())
            }
            Datatype::Fp64 => Elements::Doubles(data.map(double).collect()),
            Datatype::Bool => Elements::Booleans(
                data.map(|value| value.as_bool().unwrap_or_default())
                    .collect(),
            ),
            Datatype::Bytes => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                Elements::Texts(data.map(text).collect())
            }
            _ => Elements::Integers(data.map(|it| it.as_i64().unwrap_or_default()).collect()),
        },
    }
}

/// Infinite where integers or texts are not the same.
fn difference(found: &Elements, expected: &Elements) -> f64 {
    let largest = |pairs: &mut dyn Iterator<Item = (f64, f64)>| {
        pairs
            .map(
                |(found, expected)| match (found.is_nan(), expected.is_nan()) {
                    (true, true) => 0.0,
                    (false, false) => (found - expected).abs() / expected.abs().max(1.0),
                    _ => f64::INFINITY,
                },
            )
            .fold(0.0, f64::max)
    };
    match (found, expected) {
        (Elements::Floats(found), Elements::Floats(expected)) => largest(
            &mut found
                .iter()
                .zip(expected)
                .map(|(a, b)| (f64::from(*a), f64::from(*b))),
        ),
        (Elements::Doubles(found), Elements::Doubles(expected)) => {
            largest(&mut found.iter().zip(expected).map(|(a, b)| (*a, *b)))
        }
        (found, expected) if found == expected => 0.0,
        _ => f64::INFINITY,
    }
}
