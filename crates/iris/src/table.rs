//! Measurements as CSV (RFC 4180), with or without a header line.

mod separator;

use csv::ByteRecord;
use http_api::encoding::{OtherEncoding, utf8};
pub use separator::Separator;

use crate::{Feature, InvalidMeasurement, MAX_ROWS, Measurement};

/// Why a table was refused. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No line of measurements.
    #[error("the table has no rows")]
    Empty,
    /// More rows than [`MAX_ROWS`].
    #[error("the table has more than {MAX_ROWS} rows")]
    TooManyRows,
    /// The header lacks a measurement.
    #[error("line {line}: the header has no column {column}")]
    MissingColumn {
        /// Line of the header.
        line: u64,
        /// The measurement that is missing.
        column: Feature,
    },
    /// Two columns of the header are the same measurement.
    #[error("line {line}: the header has two columns {column}")]
    DuplicateColumn {
        /// Line of the header.
        line: u64,
        /// The measurement with two columns.
        column: Feature,
    },
    /// Without a header, a line has other than four columns.
    #[error(
        "line {line}: {found} comma-separated columns instead of the four measurements; \
         a table with other columns needs a header line"
    )]
    NotFourColumns {
        /// Line of the row.
        line: u64,
        /// Columns in it.
        found: usize,
    },
    /// Without a header, the columns are not separated by commas.
    #[error(
        "line {line}: the columns are separated by {separator} instead of commas; \
         {}", .separator.advice()
    )]
    Separator {
        /// Line of the row.
        line: u64,
        /// What separates its columns.
        separator: Separator,
    },
    /// The text is not UTF-8.
    #[error("the table is {0}")]
    Encoding(#[from] OtherEncoding),
    /// A row has more or fewer columns than the header.
    #[error("line {line}: {found} columns, where the header has {expected}")]
    ColumnCount {
        /// Line of the row.
        line: u64,
        /// Columns of the header.
        expected: usize,
        /// Columns of the row.
        found: usize,
    },
    /// A measurement is not a number.
    #[error("line {line}: {column} is not a number: {value:?}")]
    NotANumber {
        /// Line of the row.
        line: u64,
        /// The measurement.
        column: Feature,
        /// The beginning of the text that is not a number.
        value: String,
    },
    /// A measurement is out of range.
    #[error("line {line}: {source}")]
    OutOfRange {
        /// Line of the row.
        line: u64,
        /// Which measurement, and its value.
        source: InvalidMeasurement,
    },
    /// The text could not be read.
    #[error("the table could not be read")]
    Read(#[from] csv::Error),
}

/// Reads at most [`MAX_ROWS`] flowers from comma-separated text.
///
/// A first line is a header when it names a measurement, or has four columns or more and no number. Then columns may come in any order, their
/// names in any usual spelling (`sepal_length`, `sepal length (cm)`, `SepalLengthCm`, `Sepal.Length`), and columns
/// that do not name a measurement are ignored. Where its names are separated by semicolons or tabs, so are the rows, and a
/// number may have a decimal comma. Without a header each line is four numbers in the order of [`Feature::ALL`],
/// separated by commas. Blank lines are skipped; a byte order mark and any line ending are accepted.
///
/// # Errors
/// The first fault found, with its line and column.
pub fn parse(text: &[u8]) -> Result<Vec<Measurement>, TableError> {
    let text = utf8(text)?;
    let separator = Separator::of_header(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.byte())
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text);
    let mut lines = LineCounter {
        text,
        offset: 0,
        line: 1,
    };
    let mut record = ByteRecord::new();
    let mut layout = None;
    let mut flowers = Vec::new();
    while reader.read_byte_record(&mut record)? {
        if record.len() == 1 && record[0].is_empty() {
            continue;
        }
        let line = lines.line_of(&record);
        let layout = match &layout {
            Some(layout) => layout,
            None if is_header(&record) => {
                layout = Some(Layout::of_header(&record, line, separator)?);
                continue;
            }
            None => layout.insert(Layout::WITHOUT_HEADER),
        };
        if flowers.len() == MAX_ROWS {
            return Err(TableError::TooManyRows);
        }
        flowers.push(layout.read(&record, line)?);
    }
    if flowers.is_empty() {
        Err(TableError::Empty)
    } else {
        Ok(flowers)
    }
}

fn is_header(record: &ByteRecord) -> bool {
    record.iter().any(|name| feature_named(name).is_some())
        || record.len() >= 4 && record.iter().all(|field| number(field).is_none())
}

/// Where a row's measurements are.
struct Layout {
    columns: usize,
    /// Indices of the columns of [`Feature::ALL`].
    positions: [usize; 4],
    /// That of the header, if there is one.
    header: Option<Separator>,
}

impl Layout {
    const WITHOUT_HEADER: Self = Self {
        columns: 4,
        positions: [0, 1, 2, 3],
        header: None,
    };

    fn of_header(header: &ByteRecord, line: u64, separator: Separator) -> Result<Self, TableError> {
        let mut positions = [0; 4];
        for (position, column) in positions.iter_mut().zip(Feature::ALL) {
            let mut found = header
                .iter()
                .enumerate()
                .filter(|(_, name)| feature_named(name) == Some(column));
            let Some((index, _)) = found.next() else {
                return Err(TableError::MissingColumn { line, column });
            };
            if found.next().is_some() {
                return Err(TableError::DuplicateColumn { line, column });
            }
            *position = index;
        }
        Ok(Self {
            columns: header.len(),
            positions,
            header: Some(separator),
        })
    }

    fn read(&self, row: &ByteRecord, line: u64) -> Result<Measurement, TableError> {
        if row.len() != self.columns {
            let found = row.len();
            return Err(if self.header.is_some() {
                TableError::ColumnCount {
                    line,
                    expected: self.columns,
                    found,
                }
            } else if let Some(separator) = Separator::in_row(row) {
                TableError::Separator { line, separator }
            } else {
                TableError::NotFourColumns { line, found }
            });
        }
        let mut centimetres = [0.0; 4];
        for ((value, position), column) in
            centimetres.iter_mut().zip(self.positions).zip(Feature::ALL)
        {
            let field = &row[position];
            let number = match self.header {
                None | Some(Separator::Comma) => number(field),
                Some(_) => number(field).or_else(|| with_decimal_comma(field)),
            };
            *value = number.ok_or_else(|| TableError::NotANumber {
                line,
                column,
                value: beginning(field),
            })?;
        }
        Measurement::new(centimetres).map_err(|source| TableError::OutOfRange { line, source })
    }
}

/// The measurement that a column's name means; case, punctuation and a mention of centimetres do not matter.
fn feature_named(name: &[u8]) -> Option<Feature> {
    let letters = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase);
    // No spelling of a measurement is this long.
    let letters: Vec<u8> = letters.take(32).collect();
    let feature = match ["incm", "cm"]
        .into_iter()
        .find_map(|unit| letters.strip_suffix(unit.as_bytes()))
    {
        Some(feature) => feature,
        None => &letters,
    };
    match feature {
        b"sepallength" => Some(Feature::SepalLength),
        b"sepalwidth" => Some(Feature::SepalWidth),
        b"petallength" => Some(Feature::PetalLength),
        b"petalwidth" => Some(Feature::PetalWidth),
        _ => None,
    }
}

fn number(field: &[u8]) -> Option<f64> {
    str::from_utf8(field).ok()?.parse().ok()
}

/// A number such as `5,1`.
fn with_decimal_comma(field: &[u8]) -> Option<f64> {
    let (whole, fraction) = str::from_utf8(field).ok()?.split_once(',')?;
    if whole.contains('.') {
        return None;
    }
    format!("{whole}.{fraction}").parse().ok()
}

/// Enough of a field for an error message.
fn beginning(field: &[u8]) -> String {
    String::from_utf8_lossy(field).chars().take(40).collect()
}

/// Finds the line on which a record starts. (The reader's own count is that of where the search for the record
/// started, which is too low after a blank line or a CRLF.)
struct LineCounter<'t> {
    text: &'t [u8],
    offset: usize,
    line: u64,
}

impl LineCounter<'_> {
    fn line_of(&mut self, record: &ByteRecord) -> u64 {
        let start = record
            .position()
            .map_or(0, |position| position.byte() as usize);
        while let Some(&byte) = self.text.get(self.offset) {
            let line_end = byte == b'\n' || byte == b'\r';
            if self.offset >= start && !line_end {
                break;
            }
            // A CR before a LF is half of one line end.
            if byte == b'\n' || (byte == b'\r' && self.text.get(self.offset + 1) != Some(&b'\n')) {
                self.line += 1;
            }
            self.offset += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests;
