//! `--sqlite`: statements to execute before any component starts.

use std::{fs, path::PathBuf, str::FromStr};

use anyhow::Context;

use crate::interfaces::sqlite::database::DEFAULT;

/// An argument of `--sqlite`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statements {
    /// The database that they are for.
    pub(crate) database: String,
    source: StatementSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum StatementSource {
    Given(String),
    File(PathBuf),
}

impl Statements {
    /// The statements themselves.
    ///
    /// # Errors
    /// When their file cannot be read.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        match &self.source {
            StatementSource::Given(text) => Ok(text.clone()),
            StatementSource::File(path) => fs::read_to_string(path)
                .with_context(|| format!("--sqlite: cannot read {}", path.display())),
        }
    }
}

impl FromStr for Statements {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(file) = text.strip_prefix('@') else {
            return Ok(Self {
                database: DEFAULT.to_owned(),
                source: StatementSource::Given(text.to_owned()),
            });
        };
        let (file, database) = file.split_once(':').unwrap_or((file, DEFAULT));
        let (file, database) = (file.trim(), database.trim());
        if file.is_empty() || database.is_empty() {
            return Err("a file is given as @file or @file:database");
        }
        Ok(Self {
            database: database.to_owned(),
            source: StatementSource::File(file.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_for_the_default_database_unless_it_is_said() {
        for (text, database, source) in [
            (
                "SELECT 1",
                "default",
                StatementSource::Given("SELECT 1".into()),
            ),
            ("@a.sql", "default", StatementSource::File("a.sql".into())),
            ("@a.sql:b", "b", StatementSource::File("a.sql".into())),
        ] {
            let database = database.to_owned();
            assert_eq!(text.parse(), Ok(Statements { database, source }), "{text}");
        }
        for text in ["@", "@:b", "@a:"] {
            assert!(text.parse::<Statements>().is_err(), "{text}");
        }
    }
}
