//! Routes: the patterns of paths that triggers answer.

use http::HeaderName;
use routefinder::{RouteSpec, Segment};

/// A pattern of paths: exact (`/a/b`), with parameters (`/a/:b`), or everything below (`/a/...`).
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) raw: String,
    /// With a leading slash and without a trailing one, so that `/` is empty.
    pub(crate) based: String,
    pub(crate) spec: RouteSpec,
}

/// A route is not well formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{route}' is not a route: {reason}")]
pub struct RouteError {
    route: String,
    reason: String,
}

impl Route {
    /// Parses a route as it is written in the manifest. A missing leading slash is added.
    ///
    /// # Errors
    /// The pattern could match no path, or has a wildcard or a nameless parameter where there can
    /// be none.
    pub fn parse(raw: &str) -> Result<Self, RouteError> {
        let fail = |reason: String| RouteError {
            route: raw.into(),
            reason,
        };
        let absolute = if raw.starts_with('/') {
            raw.into()
        } else {
            format!("/{raw}")
        };
        let based = absolute.strip_suffix('/').unwrap_or(&absolute);
        let pattern = match based.strip_suffix("/...") {
            Some(prefix) => format!("{prefix}/*"),
            None => based.into(),
        };
        // Paths are ASCII; in other routes the router takes byte positions for those of characters.
        let stray = |c: &char| !c.is_ascii_graphic() || matches!(c, '?' | '#');
        if let Some(stray) = pattern.chars().find(stray) {
            return Err(fail(format!("a path has no {stray:?} (percent-encode it)")));
        }
        if pattern.contains("...") {
            return Err(fail("'...' must be all of the last segment".into()));
        }
        let spec: RouteSpec = pattern.parse().map_err(fail)?;
        check_segments(spec.segments()).map_err(fail)?;
        Ok(Self {
            raw: raw.into(),
            based: based.into(),
            spec,
        })
    }

    /// The route as written in the manifest.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// Equal for two routes that match the same paths.
    pub(crate) fn shape(&self) -> String {
        let segment = |segment: &Segment| match segment {
            Segment::Slash => "/".to_owned(),
            Segment::Dot => ".".to_owned(),
            Segment::Exact(text) => text.to_string(),
            Segment::Param(_) => ":".to_owned(),
            Segment::Wildcard => "*".to_owned(),
        };
        self.spec.segments().iter().map(segment).collect()
    }
}

/// The header for the parameter `:name` of a route.
pub(crate) fn param_header(name: &str) -> String {
    let name = name.replace('_', "-").to_ascii_lowercase();
    format!("spin-path-match-{name}")
}

/// Refuses what the router parses but panics on when it matches a path, and parameters that
/// cannot be passed on as headers.
fn check_segments(segments: &[Segment]) -> Result<(), String> {
    for (i, segment) in segments.iter().enumerate() {
        match (segment, segments.get(i + 1)) {
            (Segment::Wildcard, Some(_)) => return Err("a wildcard must come last".into()),
            (Segment::Param(name), next) => {
                if !matches!(next, None | Some(Segment::Slash | Segment::Dot)) {
                    return Err(format!("':{name}' must fill its segment"));
                }
                if HeaderName::from_bytes(param_header(name).as_bytes()).is_err() {
                    return Err(format!("':{name}' cannot be part of a header's name"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
