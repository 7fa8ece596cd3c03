//! Counts the requests and the uploads of callers, for the components that check access. Private: only they can reach it.

use guest::{Request, Response};

/// Answers a question of another component.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    guest::limiter::answer(request.headers()).await
}
