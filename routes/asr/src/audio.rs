//! Decoding of uploads, with the limits on their duration.

use std::time::Duration;

use axum::body::Bytes;
use http_api::Problem;
use http_api::problem::{
    AUDIO_TOO_LONG, CORRUPT_AUDIO, EMPTY_FILE, NOT_AUDIO, ProblemType, UNSUPPORTED_CODEC,
};
use jobs::Mode;
use speech::audio::{AudioError, Channels, Reader, Recording};

/// Seconds of audio in a request, unless the variable `asr_max_audio_seconds` says otherwise.
const DEFAULT_MAX_SECONDS: f64 = 600.0;
/// The same for a job, and the variable `asr_job_max_audio_seconds`.
const DEFAULT_JOB_MAX_SECONDS: f64 = 7200.0;

/// How much audio a request may have, and how much of that is left.
pub(crate) struct Allowance {
    limit: Duration,
    left: Duration,
}

impl Allowance {
    /// The allowance that the variables give.
    pub(crate) async fn new(mode: Mode) -> Self {
        let (name, default) = match mode {
            Mode::Job => ("asr_job_max_audio_seconds", DEFAULT_JOB_MAX_SECONDS),
            Mode::Now => ("asr_max_audio_seconds", DEFAULT_MAX_SECONDS),
        };
        let limit = Duration::from_secs_f64(guest::seconds(name, default).await);
        Self { limit, left: limit }
    }

    /// Decodes the first second of a file.
    pub(crate) async fn probe(&self, file: &Bytes, channels: Channels) -> Result<(), Problem> {
        let probe = speech::audio::probe(file.clone(), channels, guest::pause).await;
        probe.map_err(|error| self.refused(&error)).map(drop)
    }

    /// Decodes a file whose channels are mixed.
    pub(crate) async fn decode(&self, file: Bytes) -> Result<Recording, Problem> {
        let pause = async |_| guest::pause().await;
        let decoded = speech::audio::decode(file, self.left, Channels::Mixed, pause).await;
        decoded.map_err(|error| self.refused(&error))
    }

    /// Opens a file, to be read within the allowance.
    pub(crate) fn open(&self, file: Bytes, channels: Channels) -> Result<Reader, Problem> {
        let reader = Reader::open(file, self.left, channels);
        reader.map_err(|error| self.refused(&error))
    }

    /// Takes what a file had from the allowance.
    pub(crate) fn take(&mut self, work: Duration) {
        self.left = self.left.saturating_sub(work);
    }

    /// The problem of a file.
    pub(crate) fn refused(&self, error: &AudioError) -> Problem {
        let problem = |kind: ProblemType| Problem::new(kind, error.to_string());
        match error {
            AudioError::Empty | AudioError::NoSamples => problem(EMPTY_FILE),
            AudioError::NotAudio { .. } | AudioError::NoAudioTrack { .. } => problem(NOT_AUDIO),
            AudioError::UnsupportedCodec { codec } => {
                problem(UNSUPPORTED_CODEC).with("codec", codec.as_str())
            }
            AudioError::UnsupportedLayout { .. } => problem(UNSUPPORTED_CODEC),
            AudioError::Corrupt { at, .. } => problem(CORRUPT_AUDIO).with("at", *at),
            AudioError::TooLong { .. } => {
                let limit = self.limit.as_secs_f64();
                Problem::new(
                    AUDIO_TOO_LONG,
                    format!(
                        "a request may have at most {limit} s of audio; send longer recordings in parts"
                    ),
                )
                .with("limit", limit)
            }
        }
    }
}
