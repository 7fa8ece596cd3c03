//! The OpenAPI document of the API.
//!
//! `cargo xtask openapi` writes `openapi.json` from the annotations of the components. It is committed, so that changes of the
//! contract appear in reviews. The build script removes the routes that the manifest does not have: an application without speech
//! has other routes. Those of Python functions and
//! of the models of the user are added, from the `contract.json` of each and from `function.json` and `model.json`, which hold
//! what all of them share.

/// The document, OpenAPI 3.1 as JSON.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The paths of the document, one in each line.
const PATHS: &str = include_str!(concat!(env!("OUT_DIR"), "/paths.txt"));

/// Whether the application has this path of the document, such as `/hello/{name}`.
#[must_use]
pub fn has(path: &str) -> bool {
    PATHS.lines().any(|other| other == path)
}

/// The models of the Open Inference Protocol that the application has.
pub fn models() -> impl Iterator<Item = &'static str> {
    let models = PATHS
        .lines()
        .filter_map(|path| path.strip_prefix("/v2/models/"));
    models.filter(|rest| !rest.contains('/'))
}

#[cfg(test)]
#[path = "../functions.rs"]
#[allow(dead_code, reason = "the build reads a folder, and tests do not")]
mod functions;

#[cfg(test)]
#[path = "../models.rs"]
mod models;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn with(arguments: &Value) -> Value {
        let operations = serde_json::from_str(include_str!("../function.json")).unwrap();
        let contract = json!({
            "route": "two-words",
            "function": "two_words",
            "summary": "Says.",
            "description": "More.",
            "arguments": {"type": "object", "properties": arguments, "required": ["a"]},
            "result": {"type": "number"},
            "examples": [{"arguments": {"a": 1}, "result": 2}],
        });
        let mut document = json!({"paths": {}});
        super::functions::add(&mut document, &operations, &contract);
        document["paths"]["/two-words"].take()
    }

    #[test]
    fn a_function_has_its_operations() {
        let item = with(&json!({
            "a": {"type": "integer", "description": "First."},
            "b": {"type": "array", "items": {"type": "string"}, "default": []},
        }));
        let (get, post) = (&item["get"], &item["post"]);
        assert_eq!(get["operationId"], "two_words_get");
        assert_eq!(
            (&post["summary"], &post["description"]),
            (&json!("Says."), &json!("More."))
        );
        let answer = json!({"schema": {"type": "number"}, "example": 2});
        assert_eq!(
            get["responses"]["200"]["content"]["application/json"],
            answer
        );
        assert_eq!(
            get["parameters"],
            json!([
                {"name": "a", "in": "query", "required": true, "schema": {"type": "integer"}, "description": "First.", "example": 1},
                {"name": "b", "in": "query", "required": false, "schema": {"type": "array", "items": {"type": "string"}, "default": []}},
            ])
        );
        let body = &post["requestBody"]["content"]["application/json"];
        assert_eq!(body["schema"]["required"], json!(["a"]));
        assert_eq!(body["example"], json!({"a": 1}));
        assert!(post["responses"]["422"]["content"]["application/problem+json"]["examples"]["invalid-input"].is_object());
    }

    #[test]
    fn what_fits_no_query_has_no_get() {
        for argument in [
            json!({"type": "object"}),
            json!({"type": ["object", "null"]}),
            json!({}),
            json!({"type": "array"}),
            json!({"type": "array", "items": {"type": "array"}}),
        ] {
            let item = with(&json!({"a": argument}));
            assert!(
                item.get("get").is_none() && item["post"].is_object(),
                "{argument}"
            );
        }
    }

    #[test]
    fn a_model_has_its_operations_and_its_schemas_with_the_shared_ones() {
        let shared = serde_json::from_str(include_str!("../model.json")).unwrap();
        let contract = json!({
            "route": "two-words",
            "function": "two_words",
            "summary": "Says.",
            "description": "",
            "arguments": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
            "result": {"type": "object"},
            "examples": [{"arguments": {"x": 1, "y, z": [2.5, "a \"b\""]}, "result": {"y": 2}}],
            "model": {"inputs": [{"name": "x", "shape": [-1, 1]}, {"name": "y, z", "shape": [-1, 2]}]},
        });
        let mut document = json!({"paths": {}, "components": {"schemas": {}}});
        super::models::add(&mut document, &shared, &contract);
        let paths = &document["paths"];
        let body = &paths["/two-words"]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(body["schema"]["oneOf"][1]["items"], contract["arguments"]);
        assert_eq!(body["example"]["x"], 1);
        assert_eq!(paths["/two-words"]["get"]["parameters"][0]["name"], "x");
        let content = &paths["/two-words"]["post"]["requestBody"]["content"];
        assert_eq!(
            content["text/csv"]["example"],
            "x,\"y, z[0]\",\"y, z[1]\"\n1,2.5,\"a \"\"b\"\"\"\n"
        );
        assert!(paths["/two-words"]["post"]["responses"]["401"].is_object());
        let infer = &paths["/v2/models/two-words/infer"]["post"];
        assert_eq!(infer["operationId"], "two_words_infer");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            let is_known = name == "Problem" || document["components"]["schemas"][name].is_object();
            assert!(is_known, "{name}");
        }
    }

    #[test]
    fn what_is_no_table_has_no_csv() {
        let shared = serde_json::from_str(include_str!("../model.json")).unwrap();
        for shape in [json!([-1, -1]), json!([-1, 3, 2])] {
            let contract = json!({
                "route": "a",
                "function": "a",
                "arguments": {},
                "model": {"inputs": [{"name": "x", "shape": shape}]},
            });
            let mut document = json!({"paths": {}, "components": {"schemas": {}}});
            super::models::add(&mut document, &shared, &contract);
            let content = &document["paths"]["/a"]["post"]["requestBody"]["content"];
            assert!(content["application/json"].is_object() && content.get("text/csv").is_none());
        }
    }

    #[test]
    fn models_are_named() {
        let names: Vec<_> = super::models().collect();
        assert!(
            names.contains(&"iris") && names.iter().all(|name| !name.contains('/')),
            "{names:?}"
        );
    }

    #[test]
    fn each_function_and_model_of_this_repository_is_in_the_document() {
        let document: Value = serde_json::from_str(super::OPENAPI).unwrap();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for folder in ["functions", "models"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let folder = entry.unwrap().path();
                if folder.join("contract.json").exists() {
                    let name = folder.file_name().unwrap().to_string_lossy();
                    let item = &document["paths"][format!("/{name}")];
                    assert!(item["post"].is_object(), "{name}");
                }
            }
        }
    }

    /// The document has the routes of the manifest, and the schemas that they use.
    #[test]
    fn what_is_not_served_is_not_documented() {
        let document: Value = serde_json::from_str(super::OPENAPI).unwrap();
        let path = |path: &str| document["paths"].get(path).is_some();
        let schema = |name: &str| document["components"]["schemas"].get(name).is_some();
        let speech = cfg!(feature = "speech");
        assert_eq!(path("/asr"), speech);
        assert_eq!(path("/v1/audio/transcriptions"), speech);
        assert_eq!(path("/v1/audio/translations"), speech);
        assert_eq!(path("/v1/models/{model}"), speech);
        assert_eq!(super::has("/asr"), speech);
        for served in [
            "/",
            "/factorize",
            "/jobs/{id}",
            "/v2/models/iris",
            "/about/problems",
            "/openapi.json",
        ] {
            assert!(path(served) && super::has(served), "{served}");
        }
        assert_eq!(schema("Transcription"), speech);
        assert!(schema("Problem"));
    }
}
