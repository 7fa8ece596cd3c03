//! Errors and warnings about a manifest, with their positions.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One finding about a manifest. Displays as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The manifest's path, as it was given.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What was found.
    pub message: String,
}

impl Diagnostic {
    /// Places `message` at the byte `offset` of `text`; an offset outside `text` is its end.
    pub(crate) fn at(file: &Path, text: &str, offset: usize, message: String) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
        } = self;
        write!(f, "{}:{line}:{column}: {message}", file.display())
    }
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened, or is not UTF-8.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The manifest's path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The manifest was read and found wrong. Never empty; in the order of the file.
    #[error("{}", one_a_line(.0))]
    Invalid(Vec<Diagnostic>),
}

fn one_a_line(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics.iter().map(Diagnostic::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_lines_and_characters_from_one() {
        let text = "a\nhé = 1\n";
        for (offset, line, column) in [(0, 1, 1), (1, 1, 2), (2, 2, 1), (6, 2, 4), (999, 3, 1)] {
            let found = Diagnostic::at(Path::new("spin.toml"), text, offset, String::new());
            assert_eq!(
                (found.line, found.column),
                (line, column),
                "offset {offset}"
            );
        }
    }
}
