//! Access control and rate limits, before a request reaches the routes.
//!
//! A component whose operations are all open reads no settings. The others read `api_keys`, `jwt_secrets` and `rate_limit`
//! once per instance. If all are empty, every request passes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use access::{Access, Settings};
use access_settings::Rate;
use axum::body::Body;
use axum::http::Request;
use http_api::{Operations, Problem, refusal};
use spin_sdk::variables;

use crate::limits::{self, Headers};

/// The operator's settings.
struct Gate {
    access: Access,
    /// The rate limit of callers whose key has none of its own.
    rate: Option<Rate>,
}

thread_local! {
    static GATE: RefCell<Option<Rc<Gate>>> = const { RefCell::new(None) };
}

/// Admits a request, and adds its caller to its extensions: that is known even if the request is refused by a rate limit. Returns
/// the headers of the rate limit, if there is one.
///
/// # Errors
/// When the caller is unknown, may not use this route or has reached its rate limit, or when the settings are invalid.
pub(crate) async fn admit(
    operations: &Operations,
    request: &mut Request<Body>,
) -> Result<Option<Headers>, Problem> {
    if operations.are_all_open() {
        return Ok(None);
    }
    let gate = load().await?;
    let path = request.uri().path();
    if gate.access.is_open() && gate.rate.is_none() || operations.is_open(request.method(), path) {
        return Ok(None);
    }
    let admitted = gate
        .access
        .admit(request.headers(), path, SystemTime::now())
        .map_err(|denied| refusal(&denied))?;
    request.extensions_mut().insert(admitted.caller.clone());
    match admitted.rate.or(gate.rate) {
        Some(rate) => {
            let bucket = limits::counted_as(&admitted.caller, request.headers()).await;
            count(&bucket, rate).await
        }
        None => Ok(None),
    }
}

/// Counts a request. If that fails, the request passes: limits exist to keep the service up.
async fn count(bucket: &str, rate: Rate) -> Result<Option<Headers>, Problem> {
    match limits::ask(bucket, rate).await {
        Ok(verdict) => verdict.map(Some),
        Err(problem) => {
            problem.log("a request is not counted");
            Ok(None)
        }
    }
}

async fn load() -> Result<Rc<Gate>, Problem> {
    if let Some(gate) = GATE.with_borrow(Clone::clone) {
        return Ok(gate);
    }
    // A missing variable is an error: access must not be open by mistake.
    let setting = async |name| variables::get(name).await.map_err(Problem::internal);
    let (api_keys, jwt_secrets) = (setting("api_keys").await?, setting("jwt_secrets").await?);
    let (mut jwt_issuer, mut jwt_audience) = (String::new(), String::new());
    if !jwt_secrets.is_empty() {
        jwt_issuer = setting("jwt_issuer").await?;
        jwt_audience = setting("jwt_audience").await?;
    }
    let settings = Settings {
        api_keys: &api_keys,
        jwt_secrets: &jwt_secrets,
        jwt_issuer: &jwt_issuer,
        jwt_audience: &jwt_audience,
    };
    let rate = match setting("rate_limit").await?.trim() {
        "" => None,
        text => Some(text.parse::<Rate>().map_err(Problem::internal)?),
    };
    let gate = Rc::new(Gate {
        access: Access::new(&settings).map_err(Problem::internal)?,
        rate,
    });
    GATE.set(Some(Rc::clone(&gate)));
    Ok(gate)
}
