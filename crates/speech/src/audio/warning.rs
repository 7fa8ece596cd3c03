//! Warnings about a recording that was decoded despite faults.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most warnings of one recording; another one then says that there are more.
const MOST: usize = 20;
/// Warnings of the same kind that are at most this many seconds apart are merged.
const ADJACENT: f64 = 0.25;

/// Something that is missing from a recording or damaged, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// The kind of fault.
    pub kind: WarningKind,
    /// Where it is, in seconds from the beginning as a player shows it.
    pub at: f64,
    /// Seconds of sound that are affected, if that is known.
    pub seconds: Option<f64>,
    /// What is wrong, for people to read.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, message, .. } = self;
        match self.seconds {
            Some(seconds) => write!(f, "{message} ({seconds:.2} s at {at:.2} s)"),
            None => write!(f, "{message} (at {at:.2} s)"),
        }
    }
}

/// Kinds of [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WarningKind {
    /// The file ends early.
    Truncated,
    /// A piece in the middle is not there. Where its length is known, there is silence instead.
    Missing,
    /// A piece is there but cannot be decoded. Where its length is known, there is silence instead.
    Damaged,
    /// The header or the time stamps contradict the sound, which counts.
    Contradiction,
    /// There are more warnings than are listed.
    More,
}

impl WarningKind {
    /// The name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::Contradiction => "contradiction",
            Self::More => "more",
        }
    }
}

/// A fault without its time, which the caller knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    pub(super) kind: WarningKind,
    pub(super) seconds: Option<f64>,
    pub(super) message: String,
}

impl Note {
    pub(super) fn new(kind: WarningKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            seconds: None,
            message: message.into(),
        }
    }

    pub(super) fn truncated(message: impl Into<String>) -> Self {
        Self::new(WarningKind::Truncated, message)
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(WarningKind::Missing, message)
    }

    pub(super) fn damaged(message: impl Into<String>) -> Self {
        Self::new(WarningKind::Damaged, message)
    }

    pub(super) fn contradiction(message: impl Into<String>) -> Self {
        Self::new(WarningKind::Contradiction, message)
    }

    pub(super) fn lasting(self, seconds: f64) -> Self {
        Self {
            seconds: (seconds > 0.0).then_some(seconds),
            ..self
        }
    }
}

/// The warnings of a recording; those of one place are merged.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<Warning>);

impl Warnings {
    pub(super) fn push(&mut self, note: Note, at: f64) {
        let Note {
            kind,
            seconds,
            message,
        } = note;
        if let Some(last) = self.0.last_mut()
            && last.kind == kind
            && at - (last.at + last.seconds.unwrap_or(0.0)) < ADJACENT
            && kind != WarningKind::Contradiction
        {
            if seconds.is_some() {
                last.seconds = Some(at - last.at + seconds.unwrap_or(0.0));
            }
            return;
        }
        let (kind, seconds, message) = match self.0.len() {
            MOST => (
                WarningKind::More,
                None,
                "there are more warnings after this".into(),
            ),
            length if length > MOST => return,
            _ => (kind, seconds, message),
        };
        self.0.push(Warning {
            kind,
            at,
            seconds,
            message,
        });
    }

    pub(super) fn first(&self) -> Option<&Warning> {
        self.0.first()
    }

    pub(super) fn list(&self) -> &[Warning] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_one_place_are_one_and_many_are_bounded() {
        let mut warnings = Warnings::default();
        warnings.push(Note::damaged("a").lasting(0.02), 1.0);
        warnings.push(Note::damaged("b").lasting(0.02), 1.02);
        warnings.push(Note::damaged("c"), 1.1);
        let [one] = warnings.list() else {
            unreachable!("{warnings:?}");
        };
        assert_eq!(one.to_string(), "a (0.04 s at 1.00 s)");
        warnings.push(Note::missing("d"), 1.1);
        assert_eq!(warnings.list().len(), 2);
        for second in 2..100 {
            warnings.push(Note::damaged("e"), f64::from(second));
        }
        assert_eq!(warnings.list().len(), MOST + 1);
        let last = warnings.list().last().map(|last| last.kind);
        assert_eq!(last, Some(WarningKind::More));
    }
}
