//! Iris classification by a random forest: `/prediction`.

mod model;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use guest::LocalFuture;
use http_api::problem::{BODY, DEFERRAL, INVALID_CSV, INVALID_PARAMETER, JSON};
use http_api::{Body, Problem, Query, extract, problem_responses};
use iris::{Measurement, OneOrMany, Prediction, table};
use jobs::{Mode, Progress, Task, Whole};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

interfaces::import!("../../wit/predictor");

problem_responses!(QueryProblems = &[INVALID_PARAMETER]);
problem_responses!(BodyProblems = BODY, JSON, DEFERRAL, &[INVALID_CSV]);

/// Classifies one flower.
#[utoipa::path(
    get,
    path = "/prediction",
    tag = "prediction",
    params(Measurement),
    responses((status = 200, body = Prediction), QueryProblems)
)]
async fn predict_one(Query(flower): Query<Measurement>) -> Result<axum::Json<Prediction>, Problem> {
    let mut predictions = predict(&[flower]).await?;
    predictions
        .pop()
        .map(axum::Json)
        .ok_or_else(|| Problem::internal("the model gave no prediction"))
}

/// Classifies a flower or many: a JSON object, a JSON array, or CSV with or without a header line.
///
/// An object is answered with an object, an array or CSV with an array in the same order. At most 10,000 flowers.
#[utoipa::path(
    post,
    path = "/prediction",
    tag = "prediction",
    params(jobs::DeferralHeaders, jobs::DeferralQuery),
    request_body(content(
        (OneOrMany<Measurement> = "application/json", example = json!(
            {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
        )),
        (CsvTable = "text/csv", example = "5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n"),
    )),
    responses(
        (status = 200, body = OneOrMany<Prediction>),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
        BodyProblems
    )
)]
async fn predict_body(request: Request) -> Response {
    guest::jobs::answer::<Predict>(request).await
}

/// The classification of a flower or many.
pub struct Predict;

impl Task for Predict {
    const NAME: &'static str = "prediction";
    type Input = OneOrMany<Measurement>;

    async fn check(request: Request, _: Mode) -> Result<Self::Input, Problem> {
        let format = Format::of(request.headers())?;
        let Body(bytes) = Body::from_request(request, &()).await?;
        match format {
            Format::Json => extract::parse_json(&bytes),
            Format::Csv => table::parse(&bytes)
                .map(OneOrMany::Many)
                .map_err(|error| Problem::new(INVALID_CSV, error.to_string())),
        }
    }
}

impl Whole for Predict {
    async fn compute(flowers: Self::Input, _: &Progress) -> Result<Response, Problem> {
        Ok(match flowers {
            OneOrMany::One(flower) => {
                let predictions = predict(&[flower]).await?;
                axum::Json(predictions.first()).into_response()
            }
            OneOrMany::Many(flowers) => axum::Json(predict(&flowers).await?).into_response(),
        })
    }
}

/// A table of flowers as CSV (RFC 4180): the four measurements in centimetres, with or without a header line.
/// With one, columns may come in any order, and others are ignored.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    pattern = r"^(sepal_length,sepal_width,petal_length,petal_width\n)?((([1-9][0-9]?(\.[0-9]{1,2})?|0\.[0-9]?[1-9]),){3}([1-9][0-9]?(\.[0-9]{1,2})?|0\.[0-9]?[1-9])\n)+$"
)]
#[allow(dead_code)] // Describes the body in the OpenAPI document.
struct CsvTable(String);

/// The format of a request body.
enum Format {
    Json,
    Csv,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let is_csv = |mime: mime::Mime| mime.essence_str() == "text/csv";
        if extract::is_json(headers) {
            Ok(Self::Json)
        } else if extract::content_type(headers).is_some_and(is_csv) {
            Ok(Self::Csv)
        } else {
            let expected = "application/json or text/csv";
            Err(extract::unsupported_media_type(headers, expected))
        }
    }
}

/// The prediction for each flower, in the same order.
///
/// # Errors
/// When the model fails, which no client can cause.
pub async fn predict(flowers: &[Measurement]) -> Result<Vec<Prediction>, Problem> {
    LocalFuture::new(model::predict(flowers)).await
}

/// The routes, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(predict_one, predict_body))
}
