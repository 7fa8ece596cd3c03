//! Reads a parsed TOML document key by key, with the positions of keys and values.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;

/// The document being read, and the errors so far.
///
/// Reading goes on after an error, so that one run reports them all.
pub(crate) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    findings: RefCell<Vec<(usize, String)>>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            findings: RefCell::default(),
        }
    }

    /// Reports an error at a byte offset of the document.
    pub(crate) fn error(&self, at: usize, message: impl Into<String>) {
        self.findings.borrow_mut().push((at, message.into()));
    }

    /// Puts a path of the manifest under the manifest's folder.
    pub(crate) fn under_folder(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// A finding that is not an error.
    pub(crate) fn diagnostic(&self, at: usize, message: String) -> Diagnostic {
        Diagnostic::at(self.file, self.text, at, message)
    }

    /// What was reported since the last call, in the order of the document.
    pub(crate) fn take_findings(&self) -> Vec<Diagnostic> {
        let mut findings = self.findings.take();
        findings.sort();
        findings
            .into_iter()
            .map(|(at, message)| self.diagnostic(at, message))
            .collect()
    }
}

/// A value and its byte offset, for errors.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// A value that is not checked yet, and its name in messages.
pub(crate) struct Value<'a> {
    pub(crate) document: &'a Document<'a>,
    name: String,
    /// The position of its key; for an element of an array, its own position.
    pub(crate) at: usize,
    inner: DeValue<'a>,
}

impl<'a> Value<'a> {
    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = self.inner.type_str();
        self.document.error(
            self.at,
            format!("{} must be {expected}, not {found}", self.name),
        );
        None
    }

    pub(crate) fn is_array(&self) -> bool {
        self.inner.is_array()
    }

    /// The integer, if it is one that fits.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        let integer = self.inner.as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    pub(crate) fn bool(self) -> Option<bool> {
        self.inner
            .as_bool()
            .or_else(|| self.wrong_type("true or false"))
    }

    pub(crate) fn string(self) -> Option<At<String>> {
        match self.inner {
            DeValue::String(value) => Some(At {
                value: value.into_owned(),
                at: self.at,
            }),
            _ => self.wrong_type("a string"),
        }
    }

    pub(crate) fn array(self) -> Option<Vec<Value<'a>>> {
        let DeValue::Array(array) = self.inner else {
            return self.wrong_type("an array");
        };
        let element = |value: Spanned<DeValue<'a>>| Value {
            document: self.document,
            name: format!("an element of {}", self.name),
            at: value.span().start,
            inner: value.into_inner(),
        };
        Some(array.into_iter().map(element).collect())
    }

    pub(crate) fn strings(self) -> Vec<At<String>> {
        self.array()
            .into_iter()
            .flatten()
            .filter_map(Value::string)
            .collect()
    }

    /// A string, or a table called `heading` in messages.
    pub(crate) fn string_or_table(self, heading: impl Into<String>) -> Option<StringOrTable<'a>> {
        if self.inner.is_str() {
            self.string().map(StringOrTable::String)
        } else if self.inner.is_table() {
            self.table(heading).map(StringOrTable::Table)
        } else {
            self.wrong_type("a string or a table")
        }
    }

    /// A string, or an array of them.
    pub(crate) fn string_or_strings(self) -> Vec<At<String>> {
        if self.inner.is_str() {
            self.string().into_iter().collect()
        } else {
            self.strings()
        }
    }

    /// A table, called `heading` in messages.
    pub(crate) fn table(self, heading: impl Into<String>) -> Option<Table<'a>> {
        match self.inner {
            DeValue::Table(entries) => {
                Some(Table::new(self.document, heading.into(), self.at, entries))
            }
            _ => self.wrong_type("a table"),
        }
    }
}

/// A value of a key that takes a string for the plain case and a table for the others.
pub(crate) enum StringOrTable<'a> {
    String(At<String>),
    Table(Table<'a>),
}

/// A table whose keys are taken out one by one; [`finish`](Self::finish) reports those left over.
pub(crate) struct Table<'a> {
    pub(crate) document: &'a Document<'a>,
    /// How the table is called in messages, such as `[component.ping]`.
    pub(crate) heading: String,
    /// Where the table begins.
    pub(crate) at: usize,
    entries: DeTable<'a>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(
        document: &'a Document<'a>,
        heading: String,
        at: usize,
        entries: DeTable<'a>,
    ) -> Self {
        Self {
            document,
            heading,
            at,
            entries,
        }
    }

    fn value(&self, key: &str, at: usize, inner: DeValue<'a>) -> Value<'a> {
        let name = format!("'{key}' in {}", self.heading);
        Value {
            document: self.document,
            name,
            at,
            inner,
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value<'a>> {
        let (spanned_key, value) = self.entries.remove_entry(key)?;
        Some(self.value(key, spanned_key.span().start, value.into_inner()))
    }

    pub(crate) fn require(&mut self, key: &str) -> Option<Value<'a>> {
        let value = self.take(key);
        if value.is_none() {
            self.document
                .error(self.at, format!("{} needs '{key}'", self.heading));
        }
        value
    }

    pub(crate) fn string(&mut self, key: &str) -> Option<At<String>> {
        self.take(key)?.string()
    }

    /// An optional string; empty if it is absent.
    pub(crate) fn text(&mut self, key: &str) -> String {
        self.string(key)
            .map(|found| found.value)
            .unwrap_or_default()
    }

    pub(crate) fn require_string(&mut self, key: &str) -> Option<At<String>> {
        self.require(key)?.string()
    }

    pub(crate) fn bool(&mut self, key: &str) -> Option<bool> {
        self.take(key)?.bool()
    }

    /// An optional array of strings; empty if it is absent.
    pub(crate) fn strings(&mut self, key: &str) -> Vec<At<String>> {
        self.take(key).map(Value::strings).unwrap_or_default()
    }

    pub(crate) fn table(&mut self, key: &str, heading: &str) -> Option<Table<'a>> {
        self.take(key)?.table(heading)
    }

    /// Reports each present key of `keys` as a feature of Spin that is missing here.
    pub(crate) fn unsupported(&mut self, keys: &[&str]) {
        for key in keys {
            if let Some(value) = self.take(key) {
                unsupported(self.document, value.at, &format!("'{key}'"));
            }
        }
    }

    /// The remaining entries, whose keys are names that the manifest's author chose.
    pub(crate) fn entries(mut self) -> impl Iterator<Item = (At<String>, Value<'a>)> {
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().map(move |(key, value)| {
            let at = key.span().start;
            let key = key.into_inner().into_owned();
            let value = self.value(&key, at, value.into_inner());
            (At { value: key, at }, value)
        })
    }

    /// Reports every key that was not taken.
    pub(crate) fn finish(self) {
        for key in self.entries.keys() {
            let message = format!("unknown key '{}' in {}", key.get_ref(), self.heading);
            self.document.error(key.span().start, message);
        }
    }
}

/// Reports a feature that Spin has and this host does not.
pub(crate) fn unsupported(document: &Document<'_>, at: usize, what: &str) {
    document.error(
        at,
        format!("{what} is a Spin feature that this host does not have"),
    );
}
