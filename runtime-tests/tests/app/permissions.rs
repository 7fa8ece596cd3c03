//! What each component may reach: a component that gains a permission fails this test until the table says so.

use std::collections::BTreeMap;

use runtime_tests::{application, worker_application};
use toml::{Table, Value};

/// The permissions of the components that have any, as they are named in the manifests.
const TABLE: &str = include_str!("permissions.toml");

/// Everything in a manifest that lets a component reach something, but for variables of its own.
const GRANTS: [&str; 7] = [
    "allowed_outbound_hosts",
    "allowed_http_hosts",
    "key_value_stores",
    "sqlite_databases",
    "ai_models",
    "files",
    "environment",
];

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Table(table) => table
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![format!("{other:?}")],
    }
}

/// Each component's permissions: `grant: what`, sorted.
fn permissions(manifest: &Table) -> BTreeMap<String, Vec<String>> {
    let components = manifest["component"].as_table().unwrap();
    let of = |component: &Value| {
        let component = component.as_table().unwrap();
        let mut all: Vec<String> = GRANTS
            .iter()
            .filter_map(|grant| Some((grant, component.get(*grant)?)))
            .flat_map(|(grant, value)| {
                texts(value)
                    .into_iter()
                    .map(move |text| format!("{grant}: {text}"))
            })
            .collect();
        if let Some(names) = component.get("variables").and_then(Value::as_table) {
            // What a component is told of secrets is a permission, too.
            let secret = |name: &&String| {
                let secrets = ["api_keys", "jwt_secrets", "users", "webhook_secret"];
                secrets.contains(&name.as_str())
            };
            all.extend(
                names
                    .keys()
                    .filter(secret)
                    .map(|name| format!("secret: {name}")),
            );
        }
        if component.contains_key("dependencies_inherit_configuration") {
            all.push("dependencies inherit".to_owned());
        }
        all.sort();
        all
    };
    let all = components
        .iter()
        .map(|(id, component)| (id.clone(), of(component)));
    all.collect()
}

#[test]
fn no_component_has_a_permission_that_is_not_listed() {
    let listed: Table = TABLE.parse().unwrap();
    for (name, path) in [
        ("spin.toml", application()),
        ("spin.worker.toml", worker_application()),
    ] {
        let manifest: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let listed = listed[name].as_table().unwrap();
        let mut listed: BTreeMap<String, Vec<String>> = listed
            .iter()
            .map(|(id, grants)| (id.clone(), texts(grants)))
            .collect();
        listed.values_mut().for_each(|grants| grants.sort());
        assert_eq!(
            permissions(&manifest),
            listed,
            "{name}: permissions.toml is another"
        );
    }
}

#[test]
fn every_component_that_asks_who_calls_has_the_limits_too() {
    let manifest: Table = std::fs::read_to_string(application())
        .unwrap()
        .parse()
        .unwrap();
    let mut checked = 0;
    for (id, component) in manifest["component"].as_table().unwrap() {
        let Some(variables) = component.get("variables").and_then(Value::as_table) else {
            continue;
        };
        let limits: &[_] = match (variables.get("api_keys"), variables.get("users")) {
            (Some(_), _) => &["rate_limit", "max_uploads_per_caller", "trusted_proxies"],
            (_, Some(_)) => &["max_uploads_per_caller", "trusted_proxies"],
            _ => continue,
        };
        for name in limits {
            assert!(variables.contains_key(*name), "{id} has no {name}");
        }
        let hosts = texts(&component["allowed_outbound_hosts"]);
        let limiter = "http://limiter.spin.internal".to_owned();
        assert!(hosts.contains(&limiter), "{id} cannot ask the limiter");
        checked += 1;
    }
    assert!(checked >= 8, "{checked} components");
}
