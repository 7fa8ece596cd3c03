//! Transcripts as text.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use speech::Word;
use speech::pipeline::Progress;
use speech::subtitle;
use speech::transcript::Transcript;
use utoipa::ToSchema;

/// The formats that are not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// The words alone.
    Plain,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// Cues as tab-separated values.
    Tsv,
}

impl TextFormat {
    /// The transcript in this format, with its media type.
    #[must_use]
    pub fn respond(self, transcript: &Transcript) -> Response {
        let (media_type, text) = match self {
            Self::Plain => ("text/plain; charset=utf-8", transcript.text() + "\n"),
            Self::Srt => (
                "application/x-subrip; charset=utf-8",
                subtitle::srt(transcript),
            ),
            Self::Vtt => ("text/vtt; charset=utf-8", subtitle::vtt(transcript)),
            Self::Tsv => (
                "text/tab-separated-values; charset=utf-8",
                subtitle::tsv(transcript),
            ),
        };
        ([(header::CONTENT_TYPE, media_type)], text).into_response()
    }
}

/// A word and its times.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TimedWord {
    /// The word, with its punctuation.
    #[schema(example = "letter")]
    pub word: String,
    /// When it begins, in seconds from the beginning of the recording.
    #[schema(example = 1.24)]
    pub start: f64,
    /// When it ends, in seconds from the beginning of the recording.
    #[schema(example = 1.58)]
    pub end: f64,
    /// How sure the model is, from 0 to 1.
    #[schema(example = 0.98, minimum = 0, maximum = 1)]
    pub confidence: f64,
    /// The channel, with `channels=split`: 0 is the left one.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<usize>,
}

impl From<&Word> for TimedWord {
    fn from(word: &Word) -> Self {
        Self {
            word: word.text.trim().to_owned(),
            start: rounded(word.start, 100.0),
            end: rounded(word.end, 100.0),
            confidence: rounded(word.confidence, 1000.0),
            channel: word.channel,
        }
    }
}

/// How far the recognition of a recording has come, for the progress of a job.
#[must_use]
pub fn progress(progress: Progress) -> Value {
    json!({
        "seconds_done": rounded(progress.seconds_done, 10.0),
        "seconds": rounded(progress.seconds, 10.0),
        "chunks_done": progress.chunks_done,
        "chunks": progress.chunks,
    })
}

/// `value`, rounded to a multiple of `1 / unit`.
pub(crate) fn rounded(value: f64, unit: f64) -> f64 {
    (value * unit).round() / unit
}
