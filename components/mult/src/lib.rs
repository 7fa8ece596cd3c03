//! `GET /mult/{a}/{b}`: the exact product of two numbers.

use arithmetic::Decimal;
use arithmetic_routes::{Calculation, Operands};
use axum::Json;
use http_api::problem::{INVALID_PARAMETER, INVALID_PATH};
use http_api::{Path, Problem, problem_responses};
use utoipa_axum::{router::OpenApiRouter, routes};

problem_responses!(Problems = &[INVALID_PATH, INVALID_PARAMETER]);

/// The exact product of two numbers.
///
/// Integers of any size and decimals; nothing is rounded.
#[utoipa::path(
    get,
    path = "/mult/{a}/{b}",
    tag = "arithmetic",
    params(Operands),
    responses(
        (status = 200, body = Calculation, example = json!({"a": 0.1, "b": 0.2, "result": 0.02})),
        Problems
    )
)]
async fn mult(Path((a, b)): Path<(String, String)>) -> Result<Json<Calculation>, Problem> {
    Calculation::answer(&a, &b, Decimal::times)
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    arithmetic_routes::routes("/mult", Decimal::times, routes!(mult))
}

guest::component!(routes);
