//! Who calls.

use std::fmt;
use std::sync::Arc;

/// Who sends a request. By default nobody in particular: the access is open, or so is the route.
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

    /// A text that is this caller's alone, such as `key:ci` or `user:ada`; empty for nobody in particular.
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
