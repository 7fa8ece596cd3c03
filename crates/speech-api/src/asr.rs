//! The query and the answers of `POST /asr`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use speech::audio::Channels;
use speech::transcript::Transcript;
use utoipa::ToSchema;
use utoipa::openapi::Ref;

use crate::text::TimedWord;
use crate::warning::AudioWarning;

/// The format of the answer and what is in it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsrOptions {
    /// With `word`, JSON has the words with their times and confidences.
    #[param(inline, nullable = false)]
    pub timestamps: Option<Timestamps>,
    /// With `split`, each channel is recognised on its own, as for a recorded call: `channels` has the text of
    /// each, and words and cues are labelled.
    #[serde(default)]
    #[param(inline)]
    pub channels: ChannelOption,
    /// The format of the answer. Several `files` are answered in JSON only.
    #[serde(default)]
    #[param(inline)]
    pub output: Output,
}

/// The parts of the transcript that have times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Timestamps {
    /// Each word.
    Word,
}

/// How several channels are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOption {
    /// They are mixed into one.
    #[default]
    Mixed,
    /// Each is recognised on its own.
    Split,
}

impl From<ChannelOption> for Channels {
    fn from(option: ChannelOption) -> Self {
        match option {
            ChannelOption::Mixed => Self::Mixed,
            ChannelOption::Split => Self::Split,
        }
    }
}

/// The format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// JSON with the text, and more.
    #[default]
    Json,
    /// The text.
    Text,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// Cues as tab-separated values.
    Tsv,
}

/// The transcript of one recording, or of each of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum AsrAnswer {
    /// The transcript of one recording.
    One(Transcription),
    /// The transcripts of several recordings.
    Many(Transcriptions),
}

/// The transcript of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct Transcription {
    /// The words; empty where nobody speaks.
    #[schema(example = "Please write a letter to my friend.")]
    pub transcription: String,
    /// Seconds with one decimal.
    #[schema(example = "20.7", pattern = r"^[0-9]+\.[0-9]$")]
    pub duration: String,
    /// The words with their times, with `timestamps=word`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<TimedWord>>,
    /// The text of each channel, with `channels=split`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<ChannelTranscription>>,
    /// What is missing from the recording or damaged, if anything is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<AudioWarning>,
}

/// The transcript of a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelTranscription {
    /// 0 is the left one.
    pub channel: usize,
    /// The words; empty where nobody speaks.
    pub transcription: String,
}

/// The transcript of each of several recordings.
#[derive(Debug, Serialize, ToSchema)]
pub struct Transcriptions {
    /// One for each of `files`, in their order.
    pub results: Vec<FileResult>,
}

/// The transcript of one of several recordings, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FileResult {
    /// The transcript.
    Recognised {
        /// Name of the file, as it was sent.
        #[serde(rename = "file")]
        name: Option<String>,
        /// The transcript.
        #[serde(flatten)]
        transcription: Transcription,
    },
    /// Why there is no transcript.
    Refused {
        /// Name of the file, as it was sent.
        #[serde(rename = "file")]
        name: Option<String>,
        /// The problem.
        #[schema(schema_with = problem_schema)]
        problem: Value,
    },
}

fn problem_schema() -> Ref {
    Ref::from_schema_name("Problem")
}

impl FileResult {
    /// The warnings about the recording.
    #[must_use]
    pub fn warnings(&self) -> &[AudioWarning] {
        match self {
            Self::Recognised { transcription, .. } => &transcription.warnings,
            Self::Refused { .. } => &[],
        }
    }
}

impl Transcription {
    /// The transcript with what `options` ask for.
    #[must_use]
    pub fn new(options: AsrOptions, transcript: &Transcript, warnings: Vec<AudioWarning>) -> Self {
        let words = || transcript.words.iter().map(TimedWord::from).collect();
        Self {
            transcription: transcript.text(),
            duration: transcript.duration_text(),
            words: options.timestamps.map(|Timestamps::Word| words()),
            channels: (options.channels == ChannelOption::Split).then(|| channels(transcript)),
            warnings,
        }
    }
}

fn channels(transcript: &Transcript) -> Vec<ChannelTranscription> {
    let channel = |number: usize| {
        let words = transcript.words.iter();
        let words = words.filter(|word| word.channel == Some(number));
        ChannelTranscription {
            channel: number,
            transcription: speech::text(&words.cloned().collect::<Vec<_>>()),
        }
    };
    (0..transcript.channels).map(channel).collect()
}
