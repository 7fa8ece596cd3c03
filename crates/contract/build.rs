//! Writes the document of the application that is built: with the Python functions and the models of the user, and without
//! routes that its manifest does not have.

mod functions;
mod models;

use std::{collections::BTreeSet, env, error::Error, fs, path::Path};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = match env::var_os("CARGO_FEATURE_SPEECH") {
        Some(_) => "../../spin.toml",
        None => "../../spin.no-speech.toml",
    };
    println!("cargo::rerun-if-changed=openapi.json");
    println!("cargo::rerun-if-changed=function.json");
    println!("cargo::rerun-if-changed=model.json");
    println!("cargo::rerun-if-changed=../../functions");
    println!("cargo::rerun-if-changed=../../models");
    println!("cargo::rerun-if-changed={manifest}");
    let mut document: Value = serde_json::from_str(&fs::read_to_string("openapi.json")?)?;
    let operations: Value = serde_json::from_str(&fs::read_to_string("function.json")?)?;
    for contract in functions::contracts(Path::new("../../functions"))? {
        functions::add(&mut document, &operations, &contract);
    }
    let shared: Value = serde_json::from_str(&fs::read_to_string("model.json")?)?;
    for contract in functions::contracts(Path::new("../../models"))? {
        models::add(&mut document, &shared, &contract);
    }
    let routes = routes(&fs::read_to_string(manifest)?)?;
    let mut paths = String::new();
    if let Some(items) = document["paths"].as_object_mut() {
        items.retain(|path, _| routes.iter().any(|route| serves(route, path)));
        paths = items.keys().cloned().collect::<Vec<_>>().join("\n");
    }
    remove_unused_schemas(&mut document);
    let folder = env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    fs::write(folder.join("openapi.json"), document.to_string())?;
    fs::write(folder.join("paths.txt"), paths)?;
    Ok(())
}

/// The public routes of a manifest.
fn routes(manifest: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let manifest: toml::Table = manifest.parse()?;
    let triggers = manifest["trigger"]["http"].as_array();
    let routes = triggers.into_iter().flatten();
    Ok(routes
        .filter_map(|trigger| trigger.get("route")?.as_str())
        .map(str::to_owned)
        .collect())
}

/// Whether requests for a path of the document reach the component of this route. The component of `/...` answers `/`; for
/// all other paths it has a 404.
fn serves(route: &str, path: &str) -> bool {
    match route.strip_suffix("/...") {
        Some("") => path == "/",
        Some(base) => path
            .strip_prefix(base)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        None => path == route,
    }
}

/// Removes the schemas to which nothing refers.
fn remove_unused_schemas(document: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        references(document, &mut used);
        let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
            return;
        };
        let before = schemas.len();
        schemas.retain(|name, _| used.contains(name));
        if schemas.len() == before {
            return;
        }
    }
}

/// The names of the schemas that are referred to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str);
            let name = target.and_then(|target| target.strip_prefix("#/components/schemas/"));
            found.extend(name.map(str::to_owned));
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| references(element, found)),
        _ => {}
    }
}
