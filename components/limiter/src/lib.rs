//! Counts how often callers call, for the components that ask who calls. Private: nobody else can reach it.

use guest::{Request, Response};

/// Answers a question of another component.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    guest::limits::answer(request.headers()).await
}
