//! Merges the components' parts into the OpenAPI document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use http_api::problem::ACCESS;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Every component that documents routes.
const COMPONENTS: &[fn() -> OpenApiRouter] = &[
    about::routes,
    asr_routes::routes,
    async_factorize::routes,
    docs::routes,
    factorize_routes::routes,
    hello::routes,
    index::routes,
    jobs_api::routes,
    monitor::routes,
    mult::routes,
    ping::routes,
    prediction::routes,
    sum::routes,
    token::routes,
];

/// Writes the document to its place, and beside it what all Python functions and all models of the user share.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (path, text) in files(root)? {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Fails when what is committed is something else.
pub(crate) fn check(root: &Path) -> Result<()> {
    for (path, text) in files(root)? {
        let committed = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            committed == text,
            "{} is not what the components document: run `cargo xtask openapi` and review the change",
            path.display()
        );
    }
    Ok(())
}

fn files(root: &Path) -> Result<[(PathBuf, String); 3]> {
    let folder = root.join("crates/contract");
    Ok([
        (folder.join("openapi.json"), document()?),
        (folder.join("function.json"), function()?),
        (folder.join("model.json"), model()?),
    ])
}

/// The path item of a Python function, whose contract fills in the rest.
fn function() -> Result<String> {
    let mut document = serde_json::to_value(function_routes::operations().into_openapi())?;
    protect(&mut document)?;
    let item = document["paths"]["/{function}"].take();
    ensure!(item.is_object(), "functions have no operations");
    Ok(serde_json::to_string_pretty(&item)? + "\n")
}

/// The path items of a model, whose contract fills in the rest, and the schemas that they refer to.
fn model() -> Result<String> {
    let mut document = serde_json::to_value(model::operations().into_openapi())?;
    protect(&mut document)?;
    let shared = serde_json::json!({
        "paths": document["paths"],
        "schemas": document["components"]["schemas"],
    });
    ensure!(
        shared["paths"]["/{model}"].is_object(),
        "models have no operations"
    );
    Ok(serde_json::to_string_pretty(&shared)? + "\n")
}

fn document() -> Result<String> {
    let mut document = OpenApi::default();
    let mut schemas = BTreeMap::new();
    for routes in COMPONENTS {
        let part = routes().into_openapi();
        check_schemas(&part, &mut schemas)?;
        document.merge(part);
    }
    let mut document = serde_json::to_value(document)?;
    document["info"] = json!({
        "title": "Routelets",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "An HTTP API in which every route is its own WebAssembly component. \
                        Every error is a problem document (RFC 9457) with a stable `code`.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/"}]);
    document["components"]["schemas"]["Problem"] = http_api::openapi::problem_schema();
    protect(&mut document)?;
    check_operation_ids(&document)?;
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Fails when a component means something else by the name of a schema than those before it: merging would keep one of them.
fn check_schemas(part: &OpenApi, known: &mut BTreeMap<String, Value>) -> Result<()> {
    for (name, schema) in part.components.iter().flat_map(|it| &it.schemas) {
        let schema = serde_json::to_value(schema)?;
        let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
        ensure!(
            *first == schema,
            "two components have different schemas '{name}'"
        );
    }
    Ok(())
}

/// Says how an operation is called that is not declared open, and what it answers those who may not.
fn protect(document: &mut Value) -> Result<()> {
    document["components"]["securitySchemes"] = json!({
        "api_key": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "One of the `api_keys` that the operator has named. Without any, everybody may call.",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The same key, where clients of OpenAI send it, or a token.",
        },
        "password": {
            "type": "oauth2",
            "flows": {"password": {"tokenUrl": "/token", "scopes": {}}},
            "description": "A token for a name and a password.",
        },
    });
    document["security"] = json!([{"api_key": []}, {"bearer": []}, {"password": []}]);
    let problems = serde_json::to_value(http_api::openapi::problem_responses(ACCESS))?;
    let errors = serde_json::to_value(asr_routes::error_responses(ACCESS))?;
    for (path, item) in object(&mut document["paths"]) {
        let denials = match path.starts_with("/v1/") {
            true => &errors,
            false => &problems,
        };
        for (_, operation) in object(item) {
            if operation.get("security").is_none() {
                add_responses(&mut operation["responses"], denials);
            }
        }
    }
    Ok(())
}

/// Adds responses; where there is one of the same status, its description and its examples.
fn add_responses(responses: &mut Value, more: &Value) {
    for (status, response) in more.as_object().into_iter().flatten() {
        let Some(present) = responses.get_mut(status) else {
            responses[status] = response.clone();
            continue;
        };
        let text = |response: &Value| response["description"].as_str().map(str::to_owned);
        let texts: Vec<_> = [text(present), text(response)]
            .into_iter()
            .flatten()
            .collect();
        present["description"] = texts.join("; ").into();
        for (media_type, content) in response["content"].as_object().into_iter().flatten() {
            for (name, example) in content["examples"].as_object().into_iter().flatten() {
                present["content"][media_type]["examples"][name] = example.clone();
            }
        }
    }
}

fn object(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// An operation id must be unique in the whole document (OpenAPI 3.1, 4.8.10), but each component names its handlers
/// independently.
fn check_operation_ids(document: &Value) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if let Some(id) = operation["operationId"].as_str() {
                ensure!(
                    seen.insert(id.to_owned()),
                    "{method} {path}: '{id}' names another operation too"
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_document_is_the_one_the_components_make() {
        super::check(crate::root()).expect("the same document");
    }
}
