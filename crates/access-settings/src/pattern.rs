//! Which paths a key is for.

use std::str::FromStr;

/// A path, or with `/*` at its end all paths below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    path: String,
    below: bool,
}

/// A text is not a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a route such as /asr or /v1/*")]
pub struct PatternError(pub String);

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, below) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let is_path = text.starts_with('/') && !path.contains('*');
        is_path
            .then(|| Self {
                path: path.to_owned(),
                below,
            })
            .ok_or_else(|| PatternError(text.to_owned()))
    }
}

impl Pattern {
    /// Whether it is about this path, byte by byte: routers compare in the same way.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match path.strip_prefix(&*self.path) {
            Some(rest) if self.below => rest.starts_with('/'),
            Some(rest) => rest.is_empty(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_itself_and_a_star_what_is_below() {
        let matches =
            |pattern: &str, path| pattern.parse::<Pattern>().expect(pattern).matches(path);
        assert!(matches("/asr", "/asr"));
        assert!(matches("/v1/*", "/v1/models"));
        assert!(matches("/v1/*", "/v1/audio/transcriptions"));
        assert!(matches("/*", "/asr"));
        for (pattern, path) in [
            ("/asr", "/asr/"),
            ("/asr", "//asr"),
            ("/asr", "/ASR"),
            ("/asr", "/%61sr"),
            ("/asr", "/asrx"),
            ("/v1/*", "/v1"),
            ("/v1/*", "/v10/models"),
            ("/", "/asr"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in ["", "asr", "*", "/a*", "/*/b", "v1/*"] {
            let error = PatternError(text.to_owned());
            assert_eq!(text.parse::<Pattern>(), Err(error));
        }
    }
}
