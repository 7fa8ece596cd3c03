//! `[[trigger.http]]` and `[[trigger.redis]]`

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::component::{Drafts, read_template};
use crate::diagnostic::Diagnostic;
use crate::model::{Handler, HttpTrigger, RedisTrigger, StaticResponse, TriggerRoute, Variable};
use crate::reader::{At, Document, StringOrTable, Table, Value, unsupported};
use crate::route::Route;
use crate::router::Router;
use crate::template::Template;

/// `[application.trigger]`
#[derive(Default)]
pub(crate) struct Settings {
    /// The address of Redis triggers that have none.
    pub(crate) redis_address: Option<Template>,
}

/// `trigger`
#[derive(Default)]
pub(crate) struct Triggers {
    pub(crate) http: Vec<HttpTrigger>,
    pub(crate) redis: Vec<RedisTrigger>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// A trigger that may still need an id.
struct Draft {
    id: Option<At<String>>,
    route: At<TriggerRoute>,
    handler: Handler,
}

/// The same for Redis.
struct RedisDraft {
    id: Option<At<String>>,
    address: Template,
    channel: Template,
    component: String,
}

/// Reads `[application.trigger]`.
pub(crate) fn read_settings(
    mut triggers: Table<'_>,
    variables: &BTreeMap<String, Variable>,
) -> Settings {
    let document = triggers.document;
    let mut settings = Settings::default();
    if let Some(mut http) = triggers.table("http", "[application.trigger.http]") {
        if let Some(base) = http.string("base")
            && base.value != "/"
        {
            let message = "'base' is no longer part of Spin: put it in front of each route";
            document.error(base.at, message);
        }
        http.finish();
    }
    if let Some(mut redis) = triggers.table("redis", "[application.trigger.redis]") {
        settings.redis_address = redis
            .require_string("address")
            .and_then(|address| read_template(document, &address, variables));
        redis.finish();
    }
    refuse_others(triggers);
    settings
}

/// Reads `trigger`.
pub(crate) fn read_all(
    root: &mut Table<'_>,
    settings: &Settings,
    components: &Drafts,
    variables: &BTreeMap<String, Variable>,
) -> Triggers {
    let document = root.document;
    let Some(mut table) = root
        .require("trigger")
        .and_then(|value| value.table("[trigger]"))
    else {
        return Triggers::default();
    };
    let mut take = |kind| {
        let triggers = table.take(kind).and_then(Value::array);
        triggers.unwrap_or_default()
    };
    let (http, redis) = (take("http"), take("redis"));
    refuse_others(table);
    let drafts: Vec<Draft> = http
        .into_iter()
        .filter_map(|value| read(value.table("[[trigger.http]]")?, components))
        .collect();
    let redis_drafts: Vec<RedisDraft> = redis
        .into_iter()
        .filter_map(|value| {
            let table = value.table("[[trigger.redis]]")?;
            read_redis(table, settings, components, variables)
        })
        .collect();
    let positions: Vec<usize> = drafts.iter().map(|draft| draft.route.at).collect();
    let given = drafts.iter().map(|draft| &draft.id);
    let given = given.chain(redis_drafts.iter().map(|draft| &draft.id));
    let mut ids = Ids::given(document, given.flatten());
    let http: Vec<HttpTrigger> = drafts
        .into_iter()
        .map(|Draft { id, route, handler }| HttpTrigger {
            id: ids.of("http", id, handler.component()),
            route: route.value,
            handler,
        })
        .collect();
    let redis = redis_drafts
        .into_iter()
        .map(|draft| RedisTrigger {
            id: ids.of("redis", draft.id, Some(&draft.component)),
            address: draft.address,
            channel: draft.channel,
            component: draft.component,
        })
        .collect();
    let warnings = warn_unreachable(document, &http, &positions);
    Triggers {
        http,
        redis,
        warnings,
    }
}

fn refuse_others(triggers: Table<'_>) {
    let document = triggers.document;
    for (name, _) in triggers.entries() {
        unsupported(
            document,
            name.at,
            &format!("the trigger type '{}'", name.value),
        );
    }
}

fn read_redis(
    mut table: Table<'_>,
    settings: &Settings,
    components: &Drafts,
    variables: &BTreeMap<String, Variable>,
) -> Option<RedisDraft> {
    let document = table.document;
    table.unsupported(&["components", "dependencies"]);
    let id = table.string("id");
    let template = |text: At<String>| read_template(document, &text, variables);
    let channel = table.require_string("channel").and_then(template);
    let address = if table.has("address") {
        table.string("address").and_then(template)
    } else {
        if settings.redis_address.is_none() {
            let message = "[[trigger.redis]] needs 'address', or [application.trigger.redis]";
            document.error(table.at, message);
        }
        settings.redis_address.clone()
    };
    let component = table
        .require("component")
        .and_then(|value| read_component(value, "[[trigger.redis]]", components));
    table.finish();
    Some(RedisDraft {
        id,
        address: address?,
        channel: channel?,
        component: component?,
    })
}

fn read(mut table: Table<'_>, components: &Drafts) -> Option<Draft> {
    let document = table.document;
    table.unsupported(&["components", "dependencies"]);
    let id = table.string("id");
    let route = table
        .require("route")
        .and_then(|value| read_route(document, value));
    if let Some(executor) = table.table("executor", "'executor' in [[trigger.http]]") {
        read_executor(executor);
    }
    let component = table.take("component");
    let static_response = table.take("static_response");
    let handler = match (component, static_response) {
        (Some(component), None) => {
            read_component(component, "[[trigger.http]]", components).map(Handler::Component)
        }
        (None, Some(response)) => read_static_response(response).map(Handler::Static),
        _ => {
            let message = "[[trigger.http]] needs either 'component' or 'static_response'";
            document.error(table.at, message);
            None
        }
    };
    table.finish();
    Some(Draft {
        id,
        route: route?,
        handler: handler?,
    })
}

fn read_route(document: &Document<'_>, value: Value<'_>) -> Option<At<TriggerRoute>> {
    let mut table = match value.string_or_table("'route' in [[trigger.http]]")? {
        StringOrTable::Table(table) => table,
        StringOrTable::String(At { value: route, at }) => {
            let parsed = Route::parse(&route)
                .map_err(|error| document.error(at, error.to_string()))
                .ok()?;
            return Some(At {
                value: TriggerRoute::Public(parsed),
                at,
            });
        }
    };
    let at = table.at;
    let private = table.bool("private");
    table.finish();
    if private != Some(true) {
        document.error(at, "'route' must be a string or { private = true }");
        return None;
    }
    Some(At {
        value: TriggerRoute::Private,
        at,
    })
}

fn read_executor(mut table: Table<'_>) {
    let document = table.document;
    match table.require_string("type") {
        Some(kind) if kind.value == "wagi" => {
            unsupported(document, kind.at, "the executor 'wagi'");
            return;
        }
        Some(kind) if kind.value != "http" && kind.value != "spin" => {
            document.error(kind.at, format!("there is no executor '{}'", kind.value));
        }
        _ => {}
    }
    table.finish();
}

/// The id of an existing component.
fn read_component(value: Value<'_>, trigger: &str, components: &Drafts) -> Option<String> {
    let document = value.document;
    let id = match value.string_or_table(format!("'component' in {trigger}"))? {
        StringOrTable::String(id) => id,
        StringOrTable::Table(inline) => {
            unsupported(
                document,
                inline.at,
                "a component written inside its trigger",
            );
            return None;
        }
    };
    if !components.contains_key(&id.value) {
        document.error(id.at, format!("there is no component '{}'", id.value));
        return None;
    }
    Some(id.value)
}

fn read_static_response(value: Value<'_>) -> Option<StaticResponse> {
    let mut table = value.table("'static_response' in [[trigger.http]]")?;
    let status = match table.take("status_code") {
        None => Some(StatusCode::OK),
        Some(status) => read_status(table.document, &status),
    };
    let headers = table.table("headers", "'headers' of the static response");
    let headers = headers.map(read_headers).unwrap_or_default();
    let body = table.text("body");
    table.finish();
    Some(StaticResponse {
        status: status?,
        headers,
        body,
    })
}

/// RFC 9110, section 15: 1xx are interim responses, which cannot stand alone.
fn read_status(document: &Document<'_>, value: &Value<'_>) -> Option<StatusCode> {
    let status = value
        .as_integer()
        .and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| (200..600).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    if status.is_none() {
        document.error(value.at, "'status_code' must be an integer from 200 to 599");
    }
    status
}

fn read_headers(table: Table<'_>) -> HeaderMap {
    let document = table.document;
    let mut headers = HeaderMap::new();
    for (name, value) in table.entries() {
        let parsed_name = HeaderName::from_bytes(name.value.as_bytes());
        if parsed_name.is_err() {
            document.error(name.at, format!("'{}' is not a header name", name.value));
        }
        let Some(value) = value.string() else {
            continue;
        };
        let parsed_value = HeaderValue::from_str(&value.value);
        if parsed_value.is_err() {
            let message = format!(
                "the value of header '{}' is not printable ASCII",
                name.value
            );
            document.error(value.at, message);
        }
        if let (Ok(name), Ok(value)) = (parsed_name, parsed_value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The ids of the triggers; those without one are named as Spin does.
struct Ids(BTreeSet<String>);

impl Ids {
    fn given<'a>(document: &Document<'_>, given: impl Iterator<Item = &'a At<String>>) -> Self {
        let mut ids = BTreeSet::new();
        for id in given {
            if !ids.insert(id.value.clone()) {
                document.error(
                    id.at,
                    format!("a second trigger with the id '{}'", id.value),
                );
            }
        }
        Self(ids)
    }

    fn of(&mut self, kind: &str, given: Option<At<String>>, component: Option<&str>) -> String {
        if let Some(id) = given {
            return id.value;
        }
        if let Some(component) = component {
            let id = format!("{component}-{kind}-trigger");
            if self.0.insert(id.clone()) {
                return id;
            }
        }
        let mut number = 1;
        loop {
            let id = format!("{kind}-trigger{number}");
            if self.0.insert(id.clone()) {
                return id;
            }
            number += 1;
        }
    }
}

fn warn_unreachable(
    document: &Document<'_>,
    triggers: &[HttpTrigger],
    positions: &[usize],
) -> Vec<Diagnostic> {
    let router = Router::new(triggers);
    let place = |(trigger, reason): &(usize, String)| {
        document.diagnostic(
            positions.get(*trigger).copied().unwrap_or_default(),
            reason.clone(),
        )
    };
    router.unreachable().iter().map(place).collect()
}
