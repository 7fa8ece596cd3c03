//! Warnings about a recording, beside the transcript and in a header.

use axum::http::HeaderValue;
use serde::Serialize;
use speech::audio::Warning;
use utoipa::ToSchema;

use crate::text::rounded;

/// Something that is missing from the recording or damaged. The transcript is that of the rest.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AudioWarning {
    /// `truncated`: the file ends early. `missing`: a piece in the middle is not there. `damaged`: a piece cannot be decoded.
    /// `contradiction`: the header or the time stamps contradict the sound; the sound counts. `more`: there are more warnings
    /// than are listed.
    #[schema(example = "truncated")]
    code: &'static str,
    /// Seconds from the beginning.
    #[schema(example = 3.39)]
    at: f64,
    /// Seconds of sound that are affected, where that is known.
    #[schema(nullable = false, example = 2.26)]
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// What is wrong, for people to read.
    #[schema(example = "the file ends before the length in its header")]
    message: String,
}

impl From<&Warning> for AudioWarning {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.kind.code(),
            at: rounded(warning.at, 100.0),
            seconds: warning.seconds.map(|seconds| rounded(seconds, 100.0)),
            message: warning.message.clone(),
        }
    }
}

impl AudioWarning {
    /// The warnings of a decoder.
    #[must_use]
    pub fn all(warnings: &[Warning]) -> Vec<Self> {
        warnings.iter().map(Self::from).collect()
    }

    /// A member of a structured list (RFC 9651): a token with parameters.
    fn member(&self, file: Option<usize>) -> String {
        let mut member = format!("{};at={}", self.code, decimal(self.at));
        if let Some(seconds) = self.seconds {
            member += &format!(";seconds={}", decimal(seconds));
        }
        if let Some(file) = file {
            member += &format!(";file={file}");
        }
        member
    }
}

/// A decimal of RFC 9651, which has a point and no more than 12 digits before it.
fn decimal(number: f64) -> String {
    format!("{:.2}", number.clamp(0.0, 1e11))
}

/// The most warnings in the header: proxies limit how long headers are.
const MAX_MEMBERS: usize = 50;

/// The value of the header `Audio-Warnings`: a structured list (RFC 9651). Each warning about one of several files has the
/// number of the file. `None` where there are no warnings.
pub fn warning_header<'w>(
    warnings: impl IntoIterator<Item = (Option<usize>, &'w AudioWarning)>,
) -> Option<HeaderValue> {
    let members: Vec<_> = warnings
        .into_iter()
        .take(MAX_MEMBERS)
        .map(|(file, warning)| warning.member(file))
        .collect();
    if members.is_empty() {
        return None;
    }
    HeaderValue::try_from(members.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use speech::audio::WarningKind;

    use super::*;

    fn warnings() -> Vec<AudioWarning> {
        AudioWarning::all(&[
            Warning {
                kind: WarningKind::Missing,
                at: 2.6912,
                seconds: Some(0.2449),
                message: "Ogg pages are missing or damaged".into(),
            },
            Warning {
                kind: WarningKind::Truncated,
                at: 12.0,
                seconds: None,
                message: "the file ends within an Ogg page".into(),
            },
        ])
    }

    #[test]
    fn the_json_says_what_and_where() {
        assert_eq!(
            serde_json::to_value(warnings()).expect("JSON"),
            json!([
                {"code": "missing", "at": 2.69, "seconds": 0.24, "message": "Ogg pages are missing or damaged"},
                {"code": "truncated", "at": 12.0, "message": "the file ends within an Ogg page"},
            ])
        );
    }

    #[test]
    fn the_header_is_a_structured_list() {
        let warnings = warnings();
        let header = |file: Option<usize>, warnings: &[AudioWarning]| {
            let value = warning_header(warnings.iter().map(|warning| (file, warning)))?;
            Some(value.to_str().expect("text").to_owned())
        };
        assert_eq!(
            header(None, &warnings).as_deref(),
            Some("missing;at=2.69;seconds=0.24, truncated;at=12.00")
        );
        assert_eq!(
            header(Some(2), &warnings).as_deref(),
            Some("missing;at=2.69;seconds=0.24;file=2, truncated;at=12.00;file=2")
        );
        assert_eq!(header(None, &[]), None);
    }
}
