//! `GET /sum/{a}/{b}`: the exact sum of two numbers.

use arithmetic::Decimal;
use arithmetic_routes::{Calculation, Operands};
use axum::Json;
use http_api::problem::{INVALID_PARAMETER, INVALID_PATH};
use http_api::{Path, Problem, problem_responses};
use utoipa_axum::{router::OpenApiRouter, routes};

problem_responses!(Problems = &[INVALID_PATH, INVALID_PARAMETER]);

/// The exact sum of two numbers.
///
/// Integers of any size and decimals; nothing is rounded.
#[utoipa::path(
    get,
    path = "/sum/{a}/{b}",
    tag = "arithmetic",
    params(Operands),
    responses(
        (status = 200, body = Calculation, example = json!({"a": 0.1, "b": 0.2, "result": 0.3})),
        Problems
    )
)]
async fn sum(Path((a, b)): Path<(String, String)>) -> Result<Json<Calculation>, Problem> {
    Calculation::answer(&a, &b, Decimal::plus)
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    arithmetic_routes::routes("/sum", Decimal::plus, routes!(sum))
}

guest::component!(routes);
