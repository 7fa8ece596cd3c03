use std::fmt;

use csv::ByteRecord;

use super::feature_named;

/// What separates columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Separator {
    Comma,
    Semicolon,
    Tab,
    Bar,
    Space,
}

impl Separator {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Bar => b'|',
            Self::Space => b' ',
        }
    }

    /// Comma, semicolon or tab: the one that separates the names of measurements in the first line that is not blank.
    pub(super) fn of_header(text: &[u8]) -> Self {
        let mut lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
        let header = lines.find(|line| !line.trim_ascii().is_empty());
        let header = header.unwrap_or_default();
        let names = |separator: &Self| {
            let columns = header.split(|byte| *byte == separator.byte());
            columns.filter(|name| feature_named(name).is_some()).count()
        };
        // The last one wins where several are as good.
        [Self::Tab, Self::Semicolon, Self::Comma]
            .into_iter()
            .max_by_key(names)
            .unwrap_or(Self::Comma)
    }

    /// What separates the columns of a row that was read as if it were commas.
    pub(super) fn in_row(row: &ByteRecord) -> Option<Self> {
        let contains = |separator: &Self| row.iter().any(|field| field.contains(&separator.byte()));
        let other = [Self::Semicolon, Self::Tab, Self::Bar];
        let spaced = || {
            let columns = row
                .iter()
                .flat_map(|field| field.split(u8::is_ascii_whitespace));
            row.len() == 1 && columns.filter(|column| !column.is_empty()).count() > 1
        };
        other
            .into_iter()
            .find(contains)
            .or_else(|| spaced().then_some(Self::Space))
    }

    /// What to do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Semicolon | Self::Tab => "add a header line, or use commas",
            Self::Comma | Self::Bar | Self::Space => "use commas",
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Comma => "commas",
            Self::Semicolon => "semicolons",
            Self::Tab => "tabs",
            Self::Bar => "vertical bars",
            Self::Space => "spaces",
        })
    }
}
