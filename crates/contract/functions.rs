//! The operations of Python functions, from the contracts that `scripts/functions` derives from their signatures.

use std::{fs, io, path::Path};

use serde_json::{Value, json};

/// The contracts in the folders of a folder, in the order of their paths.
pub(crate) fn contracts(folder: &Path) -> io::Result<Vec<Value>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path().join("contract.json")))
        .filter(|path| path.exists())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| Ok(serde_json::from_str(&fs::read_to_string(path)?)?))
        .collect()
}

/// Adds the operations of one function. `operations` is what each has: a path item.
pub(crate) fn add(document: &mut Value, operations: &Value, contract: &Value) {
    let arguments = &contract["arguments"];
    let example = &contract["examples"][0];
    let mut item = operations.clone();
    for (method, operation) in item.as_object_mut().into_iter().flatten() {
        operation["operationId"] = json!(format!(
            "{}_{method}",
            contract["function"].as_str().unwrap_or_default()
        ));
        operation["summary"] = contract["summary"].clone();
        if contract["description"] != "" {
            operation["description"] = contract["description"].clone();
        }
        let answer = &mut operation["responses"]["200"]["content"]["application/json"];
        *answer = json!({"schema": contract["result"]});
        if let Some(result) = example.get("result") {
            answer["example"] = result.clone();
        }
    }
    let body = &mut item["post"]["requestBody"]["content"]["application/json"];
    *body = json!({"schema": arguments});
    if let Some(arguments) = example.get("arguments") {
        body["example"] = arguments.clone();
    }
    if fits_a_query(arguments) {
        item["get"]["parameters"] = parameters(arguments, &example["arguments"]);
    } else if let Some(item) = item.as_object_mut() {
        item.remove("get");
    }
    let path = format!("/{}", contract["route"].as_str().unwrap_or_default());
    document["paths"][path] = item;
}

/// The arguments as parameters of a query.
fn parameters(arguments: &Value, example: &Value) -> Value {
    let properties = arguments["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema
                .as_object_mut()
                .and_then(|it| it.remove("description"));
            let required = arguments["required"].as_array().into_iter().flatten();
            let mut parameter = json!({
                "name": name,
                "in": "query",
                "required": required.into_iter().any(|it| it == name),
                "schema": schema,
            });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            if let Some(example) = example.get(name) {
                parameter["example"] = example.clone();
            }
            parameter
        })
        .collect()
}

/// Whether each argument is a scalar or a list of scalars, as `signature::Contract::fits_a_query` has it.
fn fits_a_query(arguments: &Value) -> bool {
    let mut properties = arguments["properties"].as_object().into_iter().flatten();
    properties.all(|(_, schema)| match schema.get("items") {
        Some(items) => is_scalar(items),
        None => is_scalar(schema),
    })
}

fn is_scalar(schema: &Value) -> bool {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => return false,
        kind => vec![kind.clone()],
    };
    !kinds.iter().any(|kind| kind == "array" || kind == "object")
}
