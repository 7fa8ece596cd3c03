//! Who calls.

use std::fmt;
use std::sync::Arc;

/// Who sends a request. By default anonymous: access, or the route, is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Caller(Option<Arc<str>>);

impl Caller {
    /// Who has the API key of this name.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self(Some(format!("key:{name}").into()))
    }

    /// Whom a token names.
    #[must_use]
    pub fn user(subject: &str) -> Self {
        Self(Some(format!("user:{subject}").into()))
    }

    /// A text that identifies the caller, such as `key:ci` or `user:ada`; empty for an anonymous one.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
