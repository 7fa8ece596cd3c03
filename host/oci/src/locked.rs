//! The application as Spin locks it: `LockedApp` of its `crates/locked-app`, in JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use manifest::{
    Application, Build, Component, Handler, HttpTrigger, Manifest, RedisTrigger, StaticResponse,
    TriggerRoute, Variable, requires_chaining,
};
use serde_json::{Map, Value, json};

/// Where the bytes of a component or file are.
pub(crate) struct Content {
    /// Their digest.
    pub(crate) digest: String,
    /// The bytes themselves, if they are few.
    pub(crate) inline: Option<Vec<u8>>,
}

/// The application, its components by [`component`].
pub(crate) fn application(manifest: &Manifest, components: Vec<Value>) -> Value {
    let chaining = manifest.components.values().any(requires_chaining);
    let must_understand: &[&str] = if chaining {
        &["component_host_requirements"]
    } else {
        &[]
    };
    let triggers: Vec<Value> = manifest
        .http_triggers
        .iter()
        .map(http_trigger)
        .chain(manifest.redis_triggers.iter().map(redis_trigger))
        .collect();
    let types = [
        ("http", !manifest.http_triggers.is_empty()),
        ("redis", !manifest.redis_triggers.is_empty()),
    ];
    let mut types = types.iter().filter(|(_, used)| *used);
    let single = match (types.next(), types.next()) {
        (Some((kind, _)), None) => Some(*kind),
        _ => None,
    };
    object([
        // Features that a host of the first version would ignore need the second version.
        ("spin_lock_version", json!(u8::from(chaining))),
        ("must_understand", json!(must_understand)),
        ("metadata", metadata(&manifest.application, single)),
        ("variables", variables(&manifest.variables)),
        // Required even if empty.
        ("triggers", Value::Array(triggers)),
        ("components", Value::Array(components)),
    ])
}

/// A component: its program, and its files by their paths.
pub(crate) fn component(
    manifest: &Manifest,
    id: &str,
    component: &Component,
    source: &Content,
    files: &BTreeMap<PathBuf, Content>,
) -> Value {
    let hosts = component.allowed_outbound_hosts.iter();
    let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
    let config: BTreeMap<_, _> = component
        .variables
        .iter()
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    let files: Vec<Value> = files
        .iter()
        .map(|(path, file)| content(file, [("path", json!(path))]))
        .collect();
    let requirements = if requires_chaining(component) {
        json!({"local_service_chaining": "required"})
    } else {
        Value::Null
    };
    let build = component.build.as_ref();
    object([
        ("id", json!(id)),
        (
            "metadata",
            object([
                ("description", json!(component.description)),
                ("allowed_outbound_hosts", json!(hosts)),
                ("databases", json!(component.sqlite_databases)),
                ("build", build.map_or(Value::Null, |it| steps(manifest, it))),
            ]),
        ),
        (
            "source",
            content(source, [("content_type", json!("application/wasm"))]),
        ),
        ("env", json!(component.environment)),
        ("files", Value::Array(files)),
        ("config", json!(config)),
        ("host_requirements", requirements),
    ])
}

fn metadata(application: &Application, trigger: Option<&str>) -> Value {
    let mut metadata = json!({"triggers": {}});
    if let Some(trigger) = trigger {
        metadata["trigger"] = json!({"type": trigger});
    }
    for (key, value) in [
        ("name", json!(application.name)),
        ("version", json!(application.version)),
        ("description", json!(application.description)),
        ("authors", json!(application.authors)),
    ] {
        if !is_nothing(&value) {
            metadata[key] = value;
        }
    }
    metadata
}

fn variables(variables: &BTreeMap<String, Variable>) -> Value {
    let locked = variables.iter().map(|(name, variable)| {
        let mut locked = Map::new();
        if !variable.description.is_empty() {
            locked.insert("description".into(), json!(variable.description));
        }
        // An empty default is one.
        if let Some(default) = &variable.default {
            locked.insert("default".into(), json!(default));
        }
        if variable.secret {
            locked.insert("secret".into(), json!(true));
        }
        (name.clone(), Value::Object(locked))
    });
    Value::Object(locked.collect())
}

fn http_trigger(trigger: &HttpTrigger) -> Value {
    let route = match &trigger.route {
        TriggerRoute::Public(route) => json!(route.as_str()),
        TriggerRoute::Private => json!({"private": true}),
    };
    let config = match &trigger.handler {
        Handler::Component(id) => json!({"route": route, "component": id}),
        Handler::Static(response) => {
            json!({"route": route, "static_response": static_response(response)})
        }
    };
    json!({"id": trigger.id, "trigger_type": "http", "trigger_config": config})
}

fn redis_trigger(trigger: &RedisTrigger) -> Value {
    let config = json!({
        "address": trigger.address.to_string(),
        "channel": trigger.channel.to_string(),
        "component": trigger.component,
    });
    json!({"id": trigger.id, "trigger_type": "redis", "trigger_config": config})
}

fn static_response(response: &StaticResponse) -> Value {
    let headers: BTreeMap<_, _> = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    json!({
        "status_code": response.status.as_u16(),
        "headers": headers,
        "body": response.body,
    })
}

fn steps(manifest: &Manifest, build: &Build) -> Value {
    let command = match build.commands.as_slice() {
        [single] => json!(single),
        several => json!(several),
    };
    let workdir = build.workdir.strip_prefix(manifest.folder());
    object([
        ("command", command),
        ("workdir", json!(workdir.unwrap_or(&build.workdir))),
        ("watch", json!(build.watch)),
    ])
}

fn content<const N: usize>(content: &Content, rest: [(&str, Value); N]) -> Value {
    let inline = content.inline.as_ref();
    let mut reference = json!({"digest": content.digest});
    if let Some(bytes) = inline {
        reference["inline"] = json!(BASE64_STANDARD_NO_PAD.encode(bytes));
    }
    for (key, value) in rest {
        reference[key] = value;
    }
    reference
}

/// An object of the non-empty fields; Spin also leaves out empty ones.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields
        .into_iter()
        .filter(|(key, value)| matches!(*key, "triggers" | "components") || !is_nothing(value))
        .map(|(key, value)| (key.to_owned(), value));
    Value::Object(fields.collect())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
