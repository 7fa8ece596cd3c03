//! `[component.<id>]`

use std::collections::{BTreeMap, BTreeSet};

use crate::dependencies;
use crate::id::{check_kebab, check_lower_snake};
use crate::model::{Build, Component, Dependency, FilesEntry, Variable};
use crate::outbound;
use crate::reader::{At, Document, StringOrTable, Table, Value, unsupported};
use crate::template::Template;

/// Keys of Spin's components that this host does not support.
const UNSUPPORTED: [&str; 3] = ["ai_models", "key_value_stores", "profile"];

/// A component whose dependencies on other components are not resolved yet.
pub(crate) struct Draft {
    /// `None` if it is too malformed for further checks.
    pub(crate) component: Option<Component>,
    pub(crate) dependencies: Vec<At<Dependency>>,
}

pub(crate) type Drafts = BTreeMap<String, Draft>;

pub(crate) fn read_all(root: &mut Table<'_>, variables: &BTreeMap<String, Variable>) -> Drafts {
    let Some(table) = root.table("component", "[component]") else {
        return Drafts::new();
    };
    let document = table.document;
    let mut drafts = Drafts::new();
    for (id, value) in table.entries() {
        if let Err(reason) = check_kebab(&id.value) {
            document.error(
                id.at,
                format!("'{}' is not a component id: {reason}", id.value),
            );
        }
        let draft = match value.table(format!("[component.{}]", id.value)) {
            Some(table) => read(table, variables),
            None => Draft {
                component: None,
                dependencies: Vec::new(),
            },
        };
        drafts.insert(id.value, draft);
    }
    drafts
}

fn read(mut table: Table<'_>, variables: &BTreeMap<String, Variable>) -> Draft {
    let document = table.document;
    let source = table
        .require("source")
        .and_then(|value| read_source(document, value));
    // For tools alone: `tool` by definition, `targets` for `spin build`'s check.
    table.take("tool");
    table.take("targets");
    table.unsupported(&UNSUPPORTED);
    if let Some(old) = table.take("allowed_http_hosts") {
        let message = "'allowed_http_hosts' is deprecated in Spin: use 'allowed_outbound_hosts'";
        document.error(old.at, message);
    }
    let fields = Component {
        source: document.under_folder(source.as_deref().unwrap_or_default()),
        description: table.text("description"),
        variables: read_variables(&mut table, variables),
        environment: read_environment(&mut table),
        files: read_files(&mut table),
        exclude_files: read_excluded(&mut table),
        allowed_outbound_hosts: read_hosts(&mut table, variables),
        sqlite_databases: read_databases(&mut table),
        dependencies: Vec::new(),
        build: read_build(&mut table),
    };
    let dependencies = dependencies::read(&mut table);
    table.finish();
    Draft {
        component: source.map(|_| fields),
        dependencies,
    }
}

fn read_source(document: &Document<'_>, value: Value<'_>) -> Option<String> {
    match value.string_or_table("'source'")? {
        StringOrTable::String(path) => Some(path.value),
        StringOrTable::Table(table) => {
            unsupported(document, table.at, "a 'source' that is not a file's path");
            None
        }
    }
}

fn read_variables(
    table: &mut Table<'_>,
    declared: &BTreeMap<String, Variable>,
) -> BTreeMap<String, Template> {
    let heading = format!("the variables of {}", table.heading);
    let Some(table) = table.table("variables", &heading) else {
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
        let template = value
            .string()
            .and_then(|text| read_template(document, &text, declared));
        if let Some(template) = template {
            variables.insert(name.value, template);
        }
    }
    variables
}

/// A template that names only variables that are `declared`.
pub(crate) fn read_template(
    document: &Document<'_>,
    text: &At<String>,
    declared: &BTreeMap<String, Variable>,
) -> Option<Template> {
    let template = Template::parse(&text.value)
        .map_err(|error| document.error(text.at, format!("in '{}', {error}", text.value)))
        .ok()?;
    let mut known = true;
    for name in template
        .variables()
        .filter(|name| !declared.contains_key(*name))
    {
        let message = format!("there is no variable '{name}' in [variables]");
        document.error(text.at, message);
        known = false;
    }
    known.then_some(template)
}

fn read_environment(table: &mut Table<'_>) -> BTreeMap<String, String> {
    let heading = format!("the environment of {}", table.heading);
    let Some(table) = table.table("environment", &heading) else {
        return BTreeMap::new();
    };
    let read = |(name, value): (At<String>, Value<'_>)| Some((name.value, value.string()?.value));
    table.entries().filter_map(read).collect()
}

fn read_files(table: &mut Table<'_>) -> Vec<FilesEntry> {
    let document = table.document;
    let heading = format!("a 'files' entry of {}", table.heading);
    let read = |value: Value<'_>| match value.string_or_table(heading.clone())? {
        StringOrTable::String(pattern) => {
            check_glob(document, &pattern);
            Some(FilesEntry::Pattern(pattern.value))
        }
        StringOrTable::Table(mut table) => {
            let source = table.require_string("source");
            let destination = table.require_string("destination");
            table.finish();
            Some(FilesEntry::Placement {
                source: source?.value,
                destination: destination?.value,
            })
        }
    };
    let entries = table
        .take("files")
        .and_then(Value::array)
        .unwrap_or_default();
    entries.into_iter().filter_map(read).collect()
}

fn read_excluded(table: &mut Table<'_>) -> Vec<String> {
    let patterns = table.strings("exclude_files");
    for pattern in &patterns {
        check_glob(table.document, pattern);
    }
    patterns.into_iter().map(|pattern| pattern.value).collect()
}

fn check_glob(document: &Document<'_>, pattern: &At<String>) {
    if let Err(error) = glob::Pattern::new(&pattern.value) {
        document.error(
            pattern.at,
            format!("'{}' is not a glob pattern: {error}", pattern.value),
        );
    }
}

fn read_hosts(table: &mut Table<'_>, declared: &BTreeMap<String, Variable>) -> Vec<Template> {
    let document = table.document;
    let mut hosts = Vec::new();
    for entry in table.strings("allowed_outbound_hosts") {
        let Some(template) = read_template(document, &entry, declared) else {
            continue;
        };
        // Where a variable has no default the entry can only be checked at the start.
        let default = |name: &str| declared.get(name)?.default.as_deref();
        if let Ok(host) = template.expand(default)
            && let Err(error) = outbound::check(&template, &host)
        {
            document.error(entry.at, error.to_string());
        }
        hosts.push(template);
    }
    hosts
}

fn read_databases(table: &mut Table<'_>) -> BTreeSet<String> {
    let labels = table.strings("sqlite_databases");
    labels.into_iter().map(|label| label.value).collect()
}

fn read_build(table: &mut Table<'_>) -> Option<Build> {
    let document = table.document;
    let heading = format!("the build of {}", table.heading);
    let mut table = table.table("build", &heading)?;
    let commands = table
        .require("command")
        .map(Value::string_or_strings)
        .unwrap_or_default();
    let build = Build {
        commands: commands.into_iter().map(|command| command.value).collect(),
        workdir: document.under_folder(&table.text("workdir")),
        watch: table
            .strings("watch")
            .into_iter()
            .map(|glob| glob.value)
            .collect(),
    };
    table.finish();
    Some(build)
}
