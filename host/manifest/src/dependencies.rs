//! `[component.<id>.dependencies]`

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::dependency::DependencyName;
use crate::model::Dependency;
use crate::reader::{At, Document, StringOrTable, Table, Value, unsupported};

/// Reads `dependencies` and `dependencies_inherit_configuration` of a component's table. The source
/// of one that names a component stays empty until [`resolve_all`](crate::resolve::resolve_all).
pub(crate) fn read(component: &mut Table<'_>) -> Vec<At<Dependency>> {
    let document = component.document;
    let for_all = component
        .take("dependencies_inherit_configuration")
        .and_then(|value| {
            Some(At {
                at: value.at,
                value: value.bool()?,
            })
        });
    let heading = format!("the dependencies of {}", component.heading);
    let Some(table) = component.table("dependencies", &heading) else {
        return Vec::new();
    };
    let mut dependencies = Vec::new();
    let mut packages = BTreeSet::new();
    for (name, value) in table.entries() {
        let parsed = match name.value.parse::<DependencyName>() {
            Ok(parsed) => parsed,
            Err(error) => {
                document.error(name.at, error.to_string());
                continue;
            }
        };
        if !packages.insert(parsed.package().to_owned()) {
            let package = parsed.package();
            document.error(
                name.at,
                format!("a second dependency for the WIT package '{package}'"),
            );
        }
        if let Some(draft) = read_one(document, parsed, value, for_all.as_ref()) {
            dependencies.push(At {
                at: name.at,
                value: draft,
            });
        }
    }
    dependencies
}

fn read_one(
    document: &Document<'_>,
    name: DependencyName,
    value: Value<'_>,
    for_all: Option<&At<bool>>,
) -> Option<Dependency> {
    let mut table = match value.string_or_table(format!("dependency '{name}'"))? {
        StringOrTable::Table(table) => table,
        StringOrTable::String(version) => {
            unsupported(document, version.at, "a dependency from a registry");
            return None;
        }
    };
    let at = table.at;
    for (keys, what) in [
        (
            ["version", "registry", "package"].as_slice(),
            "a dependency from a registry",
        ),
        (["url", "digest"].as_slice(), "a dependency from a URL"),
    ] {
        let present = keys
            .iter()
            .filter_map(|key| table.take(key))
            .map(|value| value.at)
            .min();
        if let Some(at) = present {
            unsupported(document, at, what);
            return None;
        }
    }
    let path = table.string("path");
    let component = table.string("component");
    let export = table.string("export");
    let inherits_configuration = read_inherit(&mut table, for_all);
    table.finish();
    if let (
        Some(export),
        DependencyName::Package {
            interface: None, ..
        },
    ) = (&export, &name)
    {
        let message = "'export' needs a dependency whose name ends in an interface";
        document.error(export.at, message);
    }
    let (source, component) = match (path, component) {
        (Some(path), None) => (document.under_folder(&path.value), None),
        (None, Some(component)) => (PathBuf::new(), Some(component.value)),
        _ => {
            document.error(
                at,
                format!("dependency '{name}' needs either 'component' or 'path'"),
            );
            return None;
        }
    };
    let export = export.map(|export| export.value);
    Some(Dependency {
        name,
        source,
        component,
        export,
        inherits_configuration,
    })
}

fn read_inherit(table: &mut Table<'_>, for_all: Option<&At<bool>>) -> bool {
    let for_all_value = for_all.is_some_and(|for_all| for_all.value);
    let Some(value) = table.take("inherit_configuration") else {
        return for_all_value;
    };
    if let Some(for_all) = for_all {
        let message = "'dependencies_inherit_configuration' and 'inherit_configuration' exclude \
                       each other";
        table.document.error(for_all.at, message);
    }
    if value.is_array() {
        unsupported(
            table.document,
            value.at,
            "inheriting a part of the configuration",
        );
        return false;
    }
    value.bool().unwrap_or(false)
}
