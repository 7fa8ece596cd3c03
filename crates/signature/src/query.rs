//! Arguments from a query string.

use serde_json::{Map, Number, Value};

use crate::schema::Kind;
use crate::{Refusal, Schema};

/// The arguments in a query string, checked by the schema of their object.
pub(crate) fn read(arguments: &Schema, query: &str) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let refused = |refusal: Refusal| refusal.within(&name);
        let schema = arguments
            .property(&name)
            .ok_or_else(|| refused(arguments.unknown()))?;
        match (schema.items(), read.get_mut(name.as_ref())) {
            (Some(items), Some(Value::Array(list))) => list.push(value(items, &text)),
            (Some(items), _) => {
                read.insert(name.into_owned(), Value::Array(vec![value(items, &text)]));
            }
            (None, None) => {
                read.insert(name.into_owned(), value(schema, &text));
            }
            (None, Some(_)) => return Err(refused(Refusal::new("is there more than once"))),
        }
    }
    let read = Value::Object(read);
    arguments.check(&read)?;
    match read {
        Value::Object(read) => Ok(read),
        _ => Ok(Map::new()),
    }
}

/// The value that a text stands for in a place of a schema; the text itself where it stands for none, which the schema
/// refuses unless it takes text.
fn value(schema: &Schema, text: &str) -> Value {
    let is_number = schema.allows(Kind::Integer) || schema.allows(Kind::Number);
    if is_number && let Ok(number) = serde_json::from_str::<Number>(text) {
        let number = Value::Number(number);
        if !schema.allows(Kind::String) || schema.check(&number).is_ok() {
            return number;
        }
    }
    match text {
        "true" | "1" if schema.allows(Kind::Boolean) => Value::Bool(true),
        "false" | "0" if schema.allows(Kind::Boolean) => Value::Bool(false),
        "" if schema.allows(Kind::Null) && !schema.allows(Kind::String) => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}
