//! `[component.<id>.dependencies]`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::component::{Draft, Drafts};
use crate::dependency::DependencyName;
use crate::model::{Component, Dependency};
use crate::parse::under_folder;
use crate::reader::{At, Document, StringOrTable, Table, Value, unsupported};

/// Reads `dependencies` and `dependencies_inherit_configuration` of a component's table. The source
/// of one that names a component stays empty until [`resolve_all`].
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
        (Some(path), None) => (under_folder(document, &path.value), None),
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

/// Puts each dependency on a component to that component's file.
///
/// As in Spin, a component that others depend on has no dependencies itself, so that there are no
/// cycles, and no permissions, which would have no effect.
pub(crate) fn resolve_all(document: &Document<'_>, drafts: Drafts) -> BTreeMap<String, Component> {
    let provider = |draft: &Draft| {
        let component = draft.component.as_ref()?;
        Some((component.source.clone(), own_resources(component, draft)))
    };
    let providers: BTreeMap<String, Option<(PathBuf, Vec<&str>)>> = drafts
        .iter()
        .map(|(id, draft)| (id.clone(), provider(draft)))
        .collect();

    let resolve = |user: &str,
                   At {
                       at,
                       value: mut dependency,
                   }: At<Dependency>| {
        let Some(id) = &dependency.component else {
            return dependency;
        };
        match providers.get(id) {
            None => document.error(at, format!("there is no component '{id}'")),
            Some(None) => {}
            Some(Some((_, resources))) if !resources.is_empty() => {
                let resources = resources.join(", ");
                let message = format!(
                    "'{id}' cannot be a dependency of '{user}', because a dependency has no \
                     resources of its own, and '{id}' has: {resources}"
                );
                document.error(at, message);
            }
            Some(Some((source, _))) => dependency.source.clone_from(source),
        }
        dependency
    };
    let resolve_component = |(id, draft): (String, Draft)| {
        let mut component = draft.component?;
        let resolved = draft
            .dependencies
            .into_iter()
            .map(|dependency| resolve(&id, dependency));
        component.dependencies = resolved.collect();
        Some((id, component))
    };
    drafts.into_iter().filter_map(resolve_component).collect()
}

fn own_resources(component: &Component, draft: &Draft) -> Vec<&'static str> {
    [
        ("variables", component.variables.is_empty()),
        ("environment", component.environment.is_empty()),
        ("files", component.files.is_empty()),
        (
            "allowed_outbound_hosts",
            component.allowed_outbound_hosts.is_empty(),
        ),
        ("dependencies", draft.dependencies.is_empty()),
    ]
    .into_iter()
    .filter_map(|(name, absent)| (!absent).then_some(name))
    .collect()
}
