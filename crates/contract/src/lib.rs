//! The OpenAPI document of the whole API.
//!
//! `openapi.json` is made from the components' own annotations by `cargo xtask openapi` and committed, so that a change of the
//! contract shows up in review. An application without speech documents no routes of speech.

/// The document, OpenAPI 3.1 as JSON.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

#[cfg(test)]
mod tests {
    /// The routes of speech are there where they are served, and nothing else goes with them.
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
        assert!(path("/factorize") && path("/jobs/{id}") && path("/v2/models/iris"));
        assert_eq!(schema("Transcription"), speech);
        assert!(schema("Problem"));
    }
}
