//! Errors in the middle of a file, before their time is known.

use std::io::ErrorKind;

use symphonia::core::errors::Error;

use super::AudioError;

/// Why something cannot be decoded.
pub(super) enum Fault {
    Corrupt(String),
    Unsupported(String),
}

impl Fault {
    /// The error of a header.
    pub(super) fn of_header(self) -> AudioError {
        match self {
            Self::Unsupported(what) => AudioError::UnsupportedLayout { what },
            Self::Corrupt(message) => AudioError::Corrupt { at: 0.0, message },
        }
    }

    pub(super) fn message(self) -> String {
        match self {
            Self::Unsupported(what) => format!("{what} is not supported"),
            Self::Corrupt(message) => message,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Self::Corrupt("the file ends too early".into())
            }
            // Symphonia has several errors for a missing part.
            Error::Unsupported(what) if what.contains("missing") => Self::Corrupt(what.into()),
            Error::Unsupported(what) => Self::Unsupported(what.into()),
            Error::DecodeError(what) | Error::LimitError(what) => Self::Corrupt(what.into()),
            error => Self::Corrupt(error.to_string()),
        }
    }
}
