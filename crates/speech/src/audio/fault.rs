//! What goes wrong in the middle of a file, before the time is known.

use std::io::ErrorKind;

use symphonia::core::errors::Error;

use super::AudioError;

pub(super) enum Fault {
    Corrupt(String),
    Unsupported(String),
    /// A codec that is not decoded here.
    Codec(String),
    /// No track with audio.
    NoTrack,
    /// Another stream follows, with a header of its own.
    Restart,
}

impl Fault {
    /// The error `at` seconds from the beginning.
    pub(super) fn at(self, at: f64) -> AudioError {
        let message = match self {
            Self::Unsupported(what) => return AudioError::UnsupportedLayout { what },
            Self::Codec(codec) => return AudioError::UnsupportedCodec { codec },
            Self::NoTrack => return AudioError::NoAudioTrack { container: "Ogg" },
            Self::Corrupt(message) => message,
            Self::Restart => "another stream begins".into(),
        };
        AudioError::Corrupt { at, message }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Self::Corrupt("the file ends too early".into())
            }
            Error::ResetRequired => Self::Restart,
            // A part that is missing is missing, whatever symphonia calls it.
            Error::Unsupported(what) if what.contains("missing") => Self::Corrupt(what.into()),
            Error::Unsupported(what) => Self::Unsupported(what.into()),
            Error::DecodeError(what) | Error::LimitError(what) => Self::Corrupt(what.into()),
            error => Self::Corrupt(error.to_string()),
        }
    }
}
