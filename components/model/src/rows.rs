//! Rows of JSON to tensors, and back.

use http_api::Problem;
use http_api::problem::INVALID_BODY;
use model_contract::{Datatype, Port};
use model_routes::Contract;
use serde_json::{Map, Number, Value, json};
use signature::{Column, Numbers, Rows};

use crate::bindings::routelets::model::model::{Elements, Tensor};

/// The tensors of rows that are valid by the contract, or where a row has another shape than the first.
pub(crate) fn tensors(
    contract: &Contract,
    rows: &[Map<String, Value>],
) -> Result<Vec<Tensor>, Problem> {
    let inputs = contract.model.inputs.iter();
    inputs.map(|port| tensor(port, rows)).collect()
}

fn tensor(port: &Port, rows: &[Map<String, Value>]) -> Result<Tensor, Problem> {
    let mut scalars = Vec::new();
    let mut shape: Option<Vec<usize>> = None;
    for row in rows {
        let value = row.get(&port.name).unwrap_or(&Value::Null);
        let own = match value {
            Value::Array(_) => flatten(value, &mut scalars),
            scalar => {
                scalars.push(scalar);
                Some(row_of_one(port))
            }
        };
        let own = own.ok_or_else(|| refusal(port, "must have rows of equal lengths"))?;
        if *shape.get_or_insert_with(|| own.clone()) != own {
            return Err(refusal(port, "must have the same lengths in each row"));
        }
    }
    let elements = elements(port.datatype, &scalars);
    Ok(shaped(rows.len(), shape.unwrap_or_default(), elements))
}

/// The lengths of a row that is given as a scalar: it stands for a row of one.
fn row_of_one(port: &Port) -> Vec<usize> {
    vec![1; port.row().len()]
}

/// The tensor of rows of the same lengths.
fn shaped(rows: usize, own: Vec<usize>, elements: Elements) -> Tensor {
    let lengths = [rows].into_iter().chain(own);
    Tensor {
        // A body is not that long.
        shape: lengths.map(|length| length as u32).collect(),
        elements,
    }
}

/// The tensors of rows that were read as numbers.
pub(crate) fn numeric(contract: &Contract, rows: Rows) -> Vec<Tensor> {
    let columns = contract.model.inputs.iter().zip(rows.columns);
    let tensor = |(port, column): (&Port, Column)| {
        let own = match column.lengths.is_empty() {
            true => row_of_one(port),
            false => column.lengths,
        };
        let elements = match column.numbers {
            Numbers::Floats(values) => Elements::Floats(values),
            Numbers::Doubles(values) => Elements::Doubles(values),
            Numbers::Integers(values) => Elements::Integers(values),
        };
        shaped(rows.count, own, elements)
    };
    columns.map(tensor).collect()
}

fn refusal(port: &Port, reason: &str) -> Problem {
    Problem::new(INVALID_BODY, format!("'{}' {reason}", port.name)).with("pointer", "")
}

/// The lengths of nested arrays, whose scalars are added to a list; nothing where lengths differ.
pub(crate) fn flatten<'a>(value: &'a Value, scalars: &mut Vec<&'a Value>) -> Option<Vec<usize>> {
    let Value::Array(items) = value else {
        scalars.push(value);
        return Some(Vec::new());
    };
    let mut inner: Option<Vec<usize>> = None;
    for item in items {
        let own = flatten(item, scalars)?;
        if *inner.get_or_insert_with(|| own.clone()) != own {
            return None;
        }
    }
    let lengths = [items.len()].into_iter().chain(inner.unwrap_or_default());
    Some(lengths.collect())
}

/// The elements of a type. What is not of it was refused before.
pub(crate) fn elements(datatype: Datatype, scalars: &[&Value]) -> Elements {
    let scalars = scalars.iter();
    let double = |value: &&Value| value.as_f64().unwrap_or(f64::NAN);
    match datatype {
        Datatype::Fp16 | Datatype::Fp32 => {
            Elements::Floats(scalars.map(|value| double(value) as f32).collect())
        }
        Datatype::Fp64 => Elements::Doubles(scalars.map(double).collect()),
        Datatype::Bool => Elements::Booleans(
            scalars
                .map(|value| value.as_bool().unwrap_or_default())
                .collect(),
        ),
        Datatype::Bytes => Elements::Texts(
            scalars
                .map(|value| value.as_str().unwrap_or_default().to_owned())
                .collect(),
        ),
        _ => Elements::Integers(scalars.map(integer).collect()),
    }
}

fn integer(value: &&Value) -> i64 {
    // 1.0 is an integer, too.
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|value| value as i64))
        .unwrap_or_default()
}

/// The scalars of a tensor as JSON. NaN and the infinities are null, because JSON has no numbers for them.
pub(crate) fn scalars(elements: &Elements) -> Vec<Value> {
    fn number(text: &str, is_finite: bool) -> Value {
        let number = is_finite.then(|| text.parse::<Number>().ok()).flatten();
        number.map_or(Value::Null, Value::Number)
    }
    match elements {
        // With the digits of a float32, and no more.
        Elements::Floats(values) => values
            .iter()
            .map(|value| number(&format!("{value:?}"), value.is_finite()))
            .collect(),
        Elements::Doubles(values) => values
            .iter()
            .map(|value| number(&format!("{value:?}"), value.is_finite()))
            .collect(),
        Elements::Integers(values) => values.iter().map(|value| json!(value)).collect(),
        Elements::Booleans(values) => values.iter().map(|value| json!(value)).collect(),
        Elements::Texts(values) => values.iter().map(|value| json!(value)).collect(),
    }
}

/// One object for each row; nothing where the model's answer has another number of rows.
pub(crate) fn answers(contract: &Contract, outputs: &[Tensor], rows: usize) -> Option<Vec<Value>> {
    let mut answers = vec![Map::new(); rows];
    for (port, tensor) in contract.model.outputs.iter().zip(outputs) {
        let (first, lengths) = tensor.shape.split_first()?;
        if *first as usize != rows {
            return None;
        }
        let lengths: Vec<usize> = lengths.iter().map(|length| *length as usize).collect();
        let width: usize = lengths.iter().product();
        let mut scalars = scalars(&tensor.elements).into_iter();
        for answer in &mut answers {
            let own: Vec<Value> = scalars.by_ref().take(width).collect();
            answer.insert(port.name.clone(), shown(port, own, &lengths));
        }
    }
    Some(answers.into_iter().map(Value::Object).collect())
}

/// The elements of a row.
fn shown(port: &Port, mut elements: Vec<Value>, lengths: &[usize]) -> Value {
    if !port.classes.is_empty() && port.classes.len() == elements.len() {
        let names = port.classes.iter().map(|label| match label {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        return Value::Object(names.zip(elements).collect());
    }
    match lengths {
        [] | [1] if port.is_scalar() => elements.pop().unwrap_or_default(),
        [] | [_] => Value::Array(elements),
        [first, rest @ ..] => {
            let width = elements.len().checked_div(*first).unwrap_or_default();
            let parts = elements.chunks(width.max(1));
            Value::Array(parts.map(|part| shown(port, part.to_vec(), rest)).collect())
        }
    }
}
