//! Decoding of uploads, with the limits on their duration.

use std::time::Duration;

use axum::body::Bytes;
use http_api::Problem;
use http_api::problem::{
    AUDIO_TOO_LONG, CORRUPT_AUDIO, EMPTY_FILE, NOT_AUDIO, ProblemType, UNSUPPORTED_CODEC,
};
use jobs::Mode;
use serde_json::{Value, json};
use speech::audio::{AudioError, Channels};

use crate::hearing::{Decoded, Recorded};
use crate::model::Model;

/// Seconds of audio in a request, unless the variable `asr_max_audio_seconds` says otherwise.
const DEFAULT_MAX_SECONDS: f64 = 600.0;
/// The same for a job, and the variable `asr_job_max_audio_seconds`.
const DEFAULT_JOB_MAX_SECONDS: f64 = 7200.0;

/// Seconds of audio between two progress reports of decoding.
const REPORT_INTERVAL: u64 = 30;

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
        let limit = guest::variable(name)
            .await
            .and_then(|value| value.parse().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|limit| !limit.is_zero())
            .unwrap_or(Duration::from_secs_f64(default));
        Self { limit, left: limit }
    }

    /// Decodes the first second of a file.
    pub(crate) async fn probe(&self, file: &Bytes, channels: Channels) -> Result<(), Problem> {
        let probe = speech::audio::probe(file.clone(), channels, guest::pause).await;
        probe.map_err(|error| refused(&error, self.limit)).map(drop)
    }

    /// Decodes a file, and cuts it into windows. `report` is called with the progress.
    pub(crate) async fn decode(
        &mut self,
        file: Bytes,
        channels: Channels,
        report: impl Fn(Value),
    ) -> Decoded {
        let mut reported = 0;
        let pause = async |decoded: Duration| {
            let seconds = decoded.as_secs();
            if seconds >= reported + REPORT_INTERVAL {
                reported = seconds;
                report(json!({"seconds_decoded": seconds}));
            }
            guest::pause().await;
        };
        let decoded = speech::audio::decode(file, self.left, channels, pause).await;
        let recording = decoded.map_err(|error| refused(&error, self.limit))?;
        self.left = self.left.saturating_sub(recording.work());
        Ok(Recorded::new(recording, channels, &*Model::get().await?).await)
    }
}

fn refused(error: &AudioError, limit: Duration) -> Problem {
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
            let limit = limit.as_secs_f64();
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
