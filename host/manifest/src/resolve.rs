//! Dependencies on other components of the application.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::component::{Draft, Drafts};
use crate::model::{Component, Dependency};
use crate::reader::{At, Document};

/// Resolves each dependency on a component to that component's file.
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
