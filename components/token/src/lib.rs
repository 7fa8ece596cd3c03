//! `POST /token`: a token for a user's password (OAuth 2.0, RFC 6749, section 4.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access::{Tokens, Users};
use access_settings::Rate;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use guest::{Busy, LocalFuture, Request, limits, variable};
use http_api::problem::{
    BODY, INVALID_CREDENTIALS, INVALID_PARAMETER, RATE_LIMITED, STORE_UNAVAILABLE,
};
use http_api::{Problem, UrlEncoded, problem_responses};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long a token is valid, in seconds, unless the variable `token_seconds` says otherwise.
const TOKEN_SECONDS: u64 = 3600;

/// How often one client may fail to sign in as one user, in ten minutes.
const FAILURES: u32 = 10;
/// How often all clients together may.
const ALL_FAILURES: u32 = 100;
/// How often one client may, whatever the names: a password costs as much to check for an unknown user.
const CLIENT_FAILURES: u32 = 30;

problem_responses!(
    Problems = BODY,
    &[
        INVALID_PARAMETER,
        INVALID_CREDENTIALS,
        RATE_LIMITED,
        STORE_UNAVAILABLE
    ]
);

/// A user's name and password, as OAuth 2.0 has them. Clients send more, such as `scope`, which is not looked at.
#[derive(Deserialize, ToSchema)]
struct Grant {
    /// `password`, if it is there.
    #[schema(nullable = false, pattern = "^password$", example = "password")]
    grant_type: Option<String>,
    #[schema(example = "ada")]
    username: String,
    #[schema(format = Password)]
    password: String,
}

/// A token, for `Authorization: Bearer`.
#[derive(Serialize, ToSchema)]
struct Token {
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds from now.
    #[schema(example = 3600)]
    expires_in: u64,
}

/// A token for a user's password.
#[utoipa::path(
    post,
    path = "/token",
    tag = "access",
    request_body(content = Grant, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Token), Problems),
    security(())
)]
async fn token(
    headers: HeaderMap,
    UrlEncoded(grant): UrlEncoded<Grant>,
) -> Result<Response, Problem> {
    LocalFuture::new(async {
        if grant.grant_type.is_some_and(|kind| kind != "password") {
            return Err(Problem::parameter("grant_type", "must be 'password'")
                .with("error", "unsupported_grant_type"));
        }
        let text = async |name| variable(name).await.unwrap_or_default();
        let tokens = Tokens::new(
            &text("jwt_secrets").await,
            &text("jwt_issuer").await,
            &text("jwt_audience").await,
        );
        let tokens = tokens.map_err(Problem::internal)?;
        let users = Users::new(&text("users").await).map_err(Problem::internal)?;
        // Without users there is nothing to guess.
        if users.is_empty() {
            return Err(refused());
        }
        let buckets = buckets(&grant.username, &headers).await;
        for (bucket, rate) in &buckets {
            limits::take(bucket, *rate).await?;
        }
        if !users.verify(&grant.username, &grant.password) {
            return Err(refused());
        }
        for (bucket, rate) in &buckets {
            limits::put_back(bucket, *rate).await;
        }
        let seconds = text("token_seconds").await.parse().unwrap_or(TOKEN_SECONDS);
        let token = tokens
            .issue(&grant.username, now(), seconds)
            .ok_or_else(|| Problem::internal("there are users, but jwt_secrets is empty"))?;
        let token = Token {
            access_token: token,
            token_type: "bearer",
            expires_in: seconds,
        };
        // RFC 6749, section 5.1.
        Ok(([(header::CACHE_CONTROL, "no-store")], Json(token)).into_response())
    })
    .await
}

/// What counts failures to sign in: of the client as this user, of the client, and of all clients as this user. What one refuses does
/// not count in those after it. A name may be anything that was sent.
async fn buckets(user: &str, headers: &HeaderMap) -> Vec<(String, Rate)> {
    let name: String = user
        .bytes()
        .take(64)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let client = limits::client(headers).await;
    let window = Duration::from_secs(600);
    [
        (format!("sign-in:{name}:{client}"), FAILURES),
        // Names are written in hexadecimal, so none of them is `from`.
        (format!("sign-in:from:{client}"), CLIENT_FAILURES),
        (format!("sign-in:{name}"), ALL_FAILURES),
    ]
    .into_iter()
    .filter_map(|(bucket, count)| Some((bucket, Rate::new(count, window)?)))
    .collect()
}

/// The same, whether the name or the password is wrong. `error` is for clients of OAuth (RFC 6749, section 5.2).
fn refused() -> Problem {
    let challenge = HeaderValue::from_static(r#"Bearer realm="routelets""#);
    Problem::new(INVALID_CREDENTIALS, "the name or the password is wrong")
        .with("error", "invalid_grant")
        .header(header::WWW_AUTHENTICATE, challenge)
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(token))
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    // A password takes some 50 ms of a core.
    let _busy = Busy::new();
    guest::serve(routes, request).await
}
