//! Who may call, and how often: asked of every request, before any route sees it.
//!
//! A component whose operations are all open reads no setting. The others read `api_keys`, `jwt_secrets` and `rate_limit`
//! once for an instance, and where all are empty nothing is asked.

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

/// What the operator has decided.
struct Gate {
    access: Access,
    /// How often each caller may call whose key does not say otherwise.
    rate: Option<Rate>,
}

thread_local! {
    static GATE: RefCell<Option<Rc<Gate>>> = const { RefCell::new(None) };
}

/// Lets a request pass, and tells the routes who sends it. Gives the headers that tell of a limit, if there is one.
///
/// # Errors
/// It is not from a known caller, or not one for this caller, or one too many; or the settings cannot be used. Nobody
/// passes then.
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
    let headers = match admitted.rate.or(gate.rate) {
        Some(rate) => {
            let bucket = match admitted.caller.id() {
                "" => format!("from:{}", limits::client(request.headers()).await),
                id => id.to_owned(),
            };
            count(&bucket, rate).await?
        }
        None => None,
    };
    request.extensions_mut().insert(admitted.caller);
    Ok(headers)
}

/// Counts a request. Where that fails it passes: the limit is there to keep the service up.
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
    // A component that does not know who may call must not take it that all may.
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
