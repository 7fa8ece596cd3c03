//! The document: version, application, application variables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Error};
use crate::id::check_lower_snake;
use crate::model::{Application, Manifest, Variable};
use crate::reader::{Document, Table, Value};
use crate::{component, resolve, trigger};

impl Manifest {
    /// Reads a manifest from a file, or `spin.toml` from a folder.
    ///
    /// # Errors
    /// The file cannot be read, or what it says is wrong.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let path = if path.is_dir() {
            path.join("spin.toml")
        } else {
            path.to_owned()
        };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// Reads a manifest from `text`, which was found at `path`.
    ///
    /// Does not check whether other files exist, such as sources.
    ///
    /// # Errors
    /// All errors at once.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let root = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', "; ");
            Error::Invalid(vec![Diagnostic::at(path, text, at, message)])
        })?;
        let document = Document::new(path, text);
        let mut root = Table::new(&document, "the manifest".into(), 0, root.into_inner());
        read_version(&mut root);
        stop_on_errors(&document)?;

        let variables = read_variables(&mut root);
        let (application, settings) = read_application(&mut root, &variables);
        let drafts = component::read_all(&mut root, &variables);
        let triggers = trigger::read_all(&mut root, &settings, &drafts, &variables);
        let components = resolve::resolve_all(&document, drafts);
        root.finish();
        stop_on_errors(&document)?;
        Ok(Self {
            path: path.to_owned(),
            application,
            variables,
            http_triggers: triggers.http,
            redis_triggers: triggers.redis,
            components,
            warnings: triggers.warnings,
        })
    }
}

fn stop_on_errors(document: &Document<'_>) -> Result<(), Error> {
    let findings = document.take_findings();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(findings))
    }
}

fn read_version(root: &mut Table<'_>) {
    if let Some(version) = root.require("spin_manifest_version")
        && version.as_integer() != Some(2)
    {
        root.document
            .error(version.at, "'spin_manifest_version' must be 2");
    }
}

fn read_application(
    root: &mut Table<'_>,
    variables: &BTreeMap<String, Variable>,
) -> (Application, trigger::Settings) {
    let Some(mut table) = root
        .require("application")
        .and_then(|value| value.table("[application]"))
    else {
        return Default::default();
    };
    let name = table
        .require_string("name")
        .map(|name| name.value)
        .unwrap_or_default();
    let application = Application {
        name,
        version: table.text("version"),
        description: table.text("description"),
        authors: table
            .strings("authors")
            .into_iter()
            .map(|author| author.value)
            .collect(),
    };
    // For tools alone: `tool` by definition, `targets` for `spin build`'s check.
    table.take("tool");
    table.take("targets");
    let triggers = table.table("trigger", "[application.trigger]");
    let settings = triggers.map(|triggers| trigger::read_settings(triggers, variables));
    table.finish();
    (application, settings.unwrap_or_default())
}

fn read_variables(root: &mut Table<'_>) -> BTreeMap<String, Variable> {
    let Some(table) = root.table("variables", "[variables]") else {
        return BTreeMap::new();
    };
    let document = table.document;
    let mut variables = BTreeMap::new();
    for (name, value) in table.entries() {
        if let Err(reason) = check_lower_snake(&name.value) {
            document.error(
                name.at,
                format!("'{}' is not a variable name: {reason}", name.value),
            );
        }
        if let Some(table) = value.table(format!("variable '{}'", name.value)) {
            variables.insert(name.value, read_variable(table));
        }
    }
    variables
}

fn read_variable(mut table: Table<'_>) -> Variable {
    let has_default = table.has("default");
    // `None` after an error, which is enough.
    let required = table.take("required").map_or(Some(false), Value::bool);
    let variable = Variable {
        description: table.text("description"),
        default: table.string("default").map(|default| default.value),
        secret: table.bool("secret").unwrap_or(false),
    };
    if required == Some(has_default) {
        let message = format!(
            "{} must have either 'default' or 'required = true'",
            table.heading
        );
        table.document.error(table.at, message);
    }
    table.finish();
    variable
}

#[cfg(test)]
mod tests;
