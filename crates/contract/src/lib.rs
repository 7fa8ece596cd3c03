//! The OpenAPI document of the API.
//!
//! `cargo xtask openapi` writes `openapi.json` from the annotations of the components. It is committed, so that changes of the
//! contract appear in reviews. The build script removes the routes that the manifest does not have: an application without speech
//! has other routes.

/// The document, OpenAPI 3.1 as JSON.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The paths of the document, one in each line.
const PATHS: &str = include_str!(concat!(env!("OUT_DIR"), "/paths.txt"));

/// Whether the application has this path of the document, such as `/hello/{name}`.
#[must_use]
pub fn has(path: &str) -> bool {
    PATHS.lines().any(|other| other == path)
}

#[cfg(test)]
mod tests {
    /// The document has the routes of the manifest, and the schemas that they use.
    #[test]
    fn what_is_not_served_is_not_documented() {
        let document: serde_json::Value = serde_json::from_str(super::OPENAPI).unwrap();
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
