//! `GET /hello`, `GET /hello/{name}`: a greeting.

use axum::Json;
use http_api::problem::{INVALID_PARAMETER, INVALID_PATH};
use http_api::{Path, Problem, problem_responses};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest name, in characters.
const MAX_NAME: usize = 100;

problem_responses!(Problems = &[INVALID_PATH, INVALID_PARAMETER]);

/// A greeting.
#[derive(Serialize, ToSchema)]
struct Greeting {
    message: String,
}

/// Greets the world.
#[utoipa::path(
    get,
    path = "/hello",
    tag = "service",
    responses((status = 200, body = Greeting, example = json!({"message": "Hello, world!"})))
)]
async fn hello() -> Json<Greeting> {
    greet("world")
}

/// Greets a person by name.
#[utoipa::path(
    get,
    path = "/hello/{name}",
    tag = "service",
    params((
        "name" = String,
        Path,
        description = "The name to greet",
        min_length = 1,
        max_length = 100,
        example = "Ada"
    )),
    responses(
        (status = 200, body = Greeting, example = json!({"message": "Hello, Ada!"})),
        Problems
    )
)]
async fn hello_name(Path(name): Path<String>) -> Result<Json<Greeting>, Problem> {
    if name.chars().nth(MAX_NAME).is_some() {
        return Err(Problem::parameter(
            "name",
            format_args!("has more than {MAX_NAME} characters"),
        ));
    }
    Ok(greet(&name))
}

fn greet(whom: &str) -> Json<Greeting> {
    Json(Greeting {
        message: format!("Hello, {whom}!"),
    })
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(hello))
        .routes(routes!(hello_name))
}

guest::component!(routes);
