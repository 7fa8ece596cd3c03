//! Who calls, for the handlers; and what those are answered who may not.

use std::convert::Infallible;

use access::{Caller, Denied};
use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use crate::problem::{
    INVALID_CREDENTIALS, MISSING_CREDENTIALS, Problem, ProblemType, ROUTE_NOT_ALLOWED,
};

/// Extracts the caller of a request; nobody in particular where the access is open.
#[derive(Clone, Debug)]
pub struct CalledBy(pub Caller);

impl<S: Sync> FromRequestParts<S> for CalledBy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(caller(&parts.extensions)))
    }
}

/// Who sends the request that has these extensions; nobody in particular where the access is open.
#[must_use]
pub fn caller(extensions: &Extensions) -> Caller {
    extensions.get::<Caller>().cloned().unwrap_or_default()
}

/// The answer to a request that was denied.
#[must_use]
pub fn refusal(denied: &Denied) -> Problem {
    let kind = match denied {
        Denied::Missing => MISSING_CREDENTIALS,
        Denied::Repeated(_) | Denied::Unknown | Denied::Expired | Denied::Token(_) => {
            INVALID_CREDENTIALS
        }
        Denied::OtherRoute => ROUTE_NOT_ALLOWED,
    };
    let problem = Problem::new(kind, denied.to_string());
    match challenge(kind) {
        Some(challenge) => problem.header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        ),
        None => problem,
    }
}

/// What a client is asked for (RFC 6750, section 3).
fn challenge(kind: ProblemType) -> Option<&'static str> {
    match kind {
        MISSING_CREDENTIALS => Some(r#"Bearer realm="routelets""#),
        INVALID_CREDENTIALS => Some(r#"Bearer realm="routelets", error="invalid_token""#),
        _ => None,
    }
}
