//! Why arguments are refused.

use std::fmt;

use serde_json::Value;

/// The longest value that a reason shows, in characters.
const LONGEST: usize = 40;

/// The part of the arguments that a function does not take, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {reason}", self.name())]
pub struct Refusal {
    /// From the outside in.
    path: Vec<String>,
    reason: String,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            reason: reason.into(),
        }
    }

    /// A value that is not what was expected.
    pub(crate) fn unexpected(expected: impl fmt::Display, found: &Value) -> Self {
        Self::new(format!("must be {expected}, not {}", shown(found)))
    }

    /// The refusal of what is around the part.
    #[must_use]
    pub fn within(mut self, member: impl fmt::Display) -> Self {
        self.path.insert(0, member.to_string());
        self
    }

    /// The part as a JSON Pointer (RFC 6901); empty for the whole.
    #[must_use]
    pub fn pointer(&self) -> String {
        let escaped =
            |member: &String| format!("/{}", member.replace('~', "~0").replace('/', "~1"));
        self.path.iter().map(escaped).collect()
    }

    /// The argument that the part belongs to, if it belongs to one.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.path.first().map(String::as_str)
    }

    /// What is wrong with the part, as a predicate: `must be a number, not "x"`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn name(&self) -> String {
        match self.path.as_slice() {
            [] => "the body".to_owned(),
            path => format!("'{}'", path.join("/").escape_debug()),
        }
    }
}

/// A value as a reason shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => {
            let text = scalar.to_string();
            match text.char_indices().nth(LONGEST) {
                None => text,
                Some((end, _)) => format!("{}…", &text[..end]),
            }
        }
    }
}
