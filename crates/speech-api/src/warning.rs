//! What is missing in a recording, or broken, as it is told beside the text.

use axum::http::HeaderValue;
use axum::response::Response;
use http_api::AUDIO_WARNINGS;
use serde::Serialize;
use speech::audio::Warning;
use utoipa::ToSchema;

use crate::text::rounded;

/// What is missing in the recording, or broken: the text is that of the rest.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct AudioWarning {
    /// `truncated`: the file ends before what it promises. `missing`: a piece in the middle is not there. `damaged`: a piece
    /// cannot be decoded. `contradiction`: the header or the time stamps contradict the sound, which counts. `more`: there are
    /// more warnings than are listed.
    #[schema(example = "truncated")]
    code: &'static str,
    /// Seconds from the beginning.
    #[schema(example = 3.39)]
    at: f64,
    /// How many seconds of sound are concerned, where that is known.
    #[schema(nullable = false, example = 2.26)]
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// What is wrong, for people.
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
    pub(crate) fn all(warnings: &[Warning]) -> Vec<Self> {
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

/// Adds the header to an answer, if there is anything to tell. Of several files, each warning tells the number of its own.
pub(crate) fn tell<'w>(
    mut response: Response,
    warnings: impl IntoIterator<Item = (Option<usize>, &'w AudioWarning)>,
) -> Response {
    let members: Vec<_> = warnings
        .into_iter()
        .take(MOST)
        .map(|(file, warning)| warning.member(file))
        .collect();
    if members.is_empty() {
        return response;
    }
    if let Ok(value) = HeaderValue::try_from(members.join(", ")) {
        response.headers_mut().insert(AUDIO_WARNINGS, value);
    }
    response
}

/// The most warnings in the header: proxies limit how long headers are.
const MOST: usize = 50;

/// The same for one file.
pub(crate) fn tell_of_one(response: Response, warnings: &[AudioWarning]) -> Response {
    tell(response, warnings.iter().map(|warning| (None, warning)))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
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
        let header = |response: Response| {
            let value = response.headers().get("audio-warnings")?;
            Some(value.to_str().expect("text").to_owned())
        };
        let one = tell_of_one("text".into_response(), &warnings());
        assert_eq!(
            header(one).as_deref(),
            Some("missing;at=2.69;seconds=0.24, truncated;at=12.00")
        );
        let warnings = warnings();
        let many = tell("[]".into_response(), warnings.iter().map(|w| (Some(2), w)));
        assert_eq!(
            header(many).as_deref(),
            Some("missing;at=2.69;seconds=0.24;file=2, truncated;at=12.00;file=2")
        );
        assert_eq!(header(tell_of_one("text".into_response(), &[])), None);
    }
}
