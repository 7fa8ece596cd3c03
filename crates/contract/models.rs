//! The operations of models of the user, from the contracts that `make new-model` derives from their graphs.

use serde_json::{Value, json};

use crate::functions;

/// The most rows that a request may bring.
const MAX_ROWS: u32 = 10_000;

/// Adds the operations of one model. `shared` holds what each has: paths, and the schemas that they refer to.
pub(crate) fn add(document: &mut Value, shared: &Value, contract: &Value) {
    let route = contract["route"].as_str().unwrap_or_default();
    functions::add(document, &shared["paths"]["/{model}"], contract);
    let post = &mut document["paths"][format!("/{route}")]["post"];
    for place in ["/requestBody", "/responses/200"] {
        let Some(place) = post.pointer_mut(place) else {
            continue;
        };
        let schema = &mut place["content"]["application/json"]["schema"];
        let row = schema.take();
        let rows = json!({"type": "array", "items": row, "maxItems": MAX_ROWS});
        *schema = json!({"oneOf": [row, rows]});
    }
    let body = &mut post["requestBody"]["content"];
    match table(contract) {
        Some(example) => body["text/csv"]["example"] = json!(example),
        None => {
            body.as_object_mut().map(|it| it.remove("text/csv"));
        }
    }
    for (path, item) in shared["paths"].as_object().into_iter().flatten() {
        if path == "/{model}" {
            continue;
        }
        let mut item = item.clone();
        for operation in item.as_object_mut().into_iter().flatten().map(|(_, it)| it) {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let function = contract["function"].as_str().unwrap_or_default();
            operation["operationId"] = json!(format!("{function}_{id}"));
            if let Some(parameters) = operation["parameters"].as_array_mut() {
                parameters.retain(|parameter| parameter["name"] != "model");
            }
        }
        document["paths"][path.replace("{model}", route)] = item;
    }
    for (name, schema) in shared["schemas"].as_object().into_iter().flatten() {
        document["components"]["schemas"][name] = schema.clone();
    }
}

/// The example as CSV with a header, if each input is a scalar or a list of a known length, as `components/model` has it.
fn table(contract: &Value) -> Option<String> {
    let example = &contract["examples"][0]["arguments"];
    let (mut names, mut cells) = (Vec::new(), Vec::new());
    for input in contract["model"]["inputs"].as_array()? {
        let name = input["name"].as_str()?;
        let lengths: Option<Vec<i64>> = input["shape"]
            .as_array()?
            .iter()
            .skip(1)
            .map(Value::as_i64)
            .collect();
        let value = &example[name];
        match *lengths? {
            [] | [1] => {
                names.push(field(name));
                cells.push(cell(value.get(0).unwrap_or(value)));
            }
            [length] if length >= 0 => {
                for index in 0..usize::try_from(length).ok()? {
                    names.push(field(&format!("{name}[{index}]")));
                    cells.push(cell(&value[index]));
                }
            }
            _ => return None,
        }
    }
    Some(format!("{}\n{}\n", names.join(","), cells.join(",")))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => field(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A field of CSV (RFC 4180, section 2).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
