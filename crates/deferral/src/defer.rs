//! `Prefer: respond-async`.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts,
};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use guest::LocalFuture;
use http_api::{Problem, Work, passed_checks};
use jobs::{Key, NewJob};
use url::form_urlencoded;
use utoipa_axum::router::OpenApiRouter;

use crate::desk::Desk;
use crate::fingerprint::fingerprint;
use crate::prefer::prefers_async;
use crate::settings::Settings;
use crate::view::JobView;
use crate::webhook;

/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 255;

/// `routes`, answering now or, where the client prefers that, later.
pub fn deferrable(routes: OpenApiRouter) -> OpenApiRouter {
    routes.layer(from_fn(|request, next| {
        LocalFuture::new(answer(request, next))
    }))
}

async fn answer(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let key = match key_of(request.headers()) {
        Ok(key) => key,
        Err(problem) => return problem.into_response(),
    };
    if !prefers_async(request.headers()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    // Under the limit of the routes, which read it once more for their checks.
    let body = match http_api::Body::from_request(request, &()).await {
        Ok(http_api::Body(body)) => body,
        Err(problem) => return problem.into_response(),
    };
    parts.extensions.insert(Work::check());
    let checked = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let response = next.run(checked).await;
    if !passed_checks(&response) {
        return response;
    }
    match Deferred::new(&parts, key, body).await {
        Ok(deferred) => deferred.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// A request that was kept to be answered later: 202 with its job.
pub(crate) struct Deferred(JobView);

impl Deferred {
    async fn new(parts: &Parts, key: Option<String>, body: Bytes) -> Result<Self, Problem> {
        let settings = Settings::load().await;
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let route = format!("{} {}", parts.method, parts.uri.path());
        let webhook = webhook_of(&parts.uri);
        if let Some(address) = &webhook {
            webhook::check(address, &settings.webhook_origin)?;
        }
        let key = key.map(|key| Key {
            name: format!("{route} {key}"),
            fingerprint: fingerprint(target, &parts.headers, &body),
        });
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let job = NewJob {
            id: uuid::Uuid::new_v4().to_string(),
            route,
            request: jobs::Request {
                method: parts.method.to_string(),
                target: target.to_owned(),
                content_type: content_type
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned),
                body: body.into(),
            },
            key,
            interest: None,
            webhook,
            expires_after: settings.keep,
        };
        let desk = Desk::open(settings).await?;
        let job = desk.submit(job).await?;
        desk.wake().await;
        Ok(Self(JobView::new(job, None)))
    }
}

fn webhook_of(uri: &Uri) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(name, _)| name == "webhook")
        .map(|(_, address)| address.into_owned())
}

/// The idempotency key; one that cannot be used is refused, whether it is needed or not.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    key.to_str()
        .ok()
        .filter(|key| (1..=MAX_KEY).contains(&key.len()))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            let reason = format!("must be 1 to {MAX_KEY} printable ASCII characters");
            Problem::parameter("Idempotency-Key", reason)
        })
}

impl IntoResponse for Deferred {
    fn into_response(self) -> Response {
        let location = format!("/jobs/{}", self.0.id());
        let mut response = (StatusCode::ACCEPTED, Json(self.0)).into_response();
        let headers = response.headers_mut();
        // An id is of characters that a header may have.
        if let Ok(location) = HeaderValue::try_from(location) {
            headers.insert(header::LOCATION, location);
        }
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        headers.insert(
            HeaderName::from_static("preference-applied"),
            HeaderValue::from_static("respond-async"),
        );
        response
    }
}
