//! Why a recording could not be decoded.

use std::time::Duration;

/// Why bytes could not be decoded. Each message tells the client what to change.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AudioError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Something other than audio.
    #[error(
        "the file is not audio{}; send {SUPPORTED}",
        .found.map(|found| format!(" but {found}")).unwrap_or_default()
    )]
    NotAudio {
        /// What it seems to be, if that is known.
        found: Option<&'static str>,
    },
    /// A container without sound, such as a film without an audio track.
    #[error("the {container} file has no audio track")]
    NoAudioTrack {
        /// Name of the container.
        container: &'static str,
    },
    /// Audio that cannot be decoded here.
    #[error("{codec} is not supported; convert the recording to {SUPPORTED}")]
    UnsupportedCodec {
        /// Name of the codec or container.
        codec: String,
    },
    /// The codec is supported, but not the layout that its header declares.
    #[error("the audio has {what}, which is not supported")]
    UnsupportedLayout {
        /// What it is.
        what: String,
    },
    /// The data violate their format, or end early.
    #[error("the audio is corrupt at {at:.2} s: {message}")]
    Corrupt {
        /// Position in seconds from the beginning.
        at: f64,
        /// The error there.
        message: String,
    },
    /// The audio goes on for longer than the limit.
    #[error("the audio is longer than {} s; send it in parts", .limit.as_secs())]
    TooLong {
        /// The limit.
        limit: Duration,
    },
    /// A valid file with no samples in it.
    #[error("the recording has no samples: it is 0 s long")]
    NoSamples,
}

/// What [`AudioError`] recommends.
const SUPPORTED: &str = "WAV, FLAC, MP3, OGG Vorbis, Opus, WebM or M4A/AAC";
