//! What a request to a model of the user asks: rows in a body, checked by the model's contract.
//!
//! The component `model` computes the answer. It is composed with the model, and also computes the jobs: the worker sends them
//! to its private path.

mod contract;
mod rows;
mod table;

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use bytes::Bytes;
use http_api::extract::{content_type, is_json, unsupported_media_type};
use http_api::{Body, Problem, RequestId, X_REQUEST_ID};
use jobs::{Mode, Progress, Task, Whole};
use serde::{Deserialize, Serialize};

pub use contract::Contract;
pub use rows::{Checked, Rows};

use table::Columns;

/// The most rows that one request may bring.
const MAX_ROWS: usize = 10_000;

/// Seconds that a job may take, unless the variable `model_job_time_limit` says otherwise.
const JOB_TIME_LIMIT: f64 = 600.0;

/// The path of the component `model` at which it computes jobs. No trigger has it, so that only other components reach it.
const JOB: &str = "/";

/// The answer of a model to rows.
pub struct Infer;

/// Rows as they came.
#[derive(Debug, Serialize, Deserialize)]
pub struct InferInput {
    /// The route of the model.
    route: String,
    /// The id of the request, which lines of the log begin with.
    request: String,
    format: Format,
    body: Bytes,
}

/// The media type of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "application/json")]
    Json,
    #[serde(rename = "text/csv")]
    Csv,
}

impl Format {
    /// The format of a body with these headers, if the model reads it.
    fn of(headers: &HeaderMap, contract: &Contract) -> Result<Self, Problem> {
        if is_json(headers) {
            return Ok(Self::Json);
        }
        let has_columns = Columns::of(contract).is_some();
        let is_csv = content_type(headers).is_some_and(|it| it.essence_str() == "text/csv");
        match has_columns {
            true if is_csv => Ok(Self::Csv),
            true => Err(unsupported_media_type(
                headers,
                "application/json or text/csv",
            )),
            false => Err(unsupported_media_type(headers, "application/json")),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
        }
    }
}

impl InferInput {
    /// The rows.
    ///
    /// # Errors
    /// `invalid-json`, `invalid-body` or `invalid-csv` if they are not as the contract says.
    pub fn rows(&self, contract: &Contract) -> Result<Checked, Problem> {
        match self.format {
            Format::Json => rows::from_json(contract, &self.body),
            Format::Csv => rows::from_csv(contract, &self.body),
        }
    }
}

impl Task for Infer {
    const NAME: &'static str = "model";
    type Input = InferInput;

    /// Needs the contract and the id among the extensions of the request. A client that waits gets the problems of the rows
    /// from the computation.
    async fn check(request: Request, mode: Mode) -> Result<InferInput, Problem> {
        let contract = request.extensions().get::<Arc<Contract>>().cloned();
        let id = request.extensions().get::<RequestId>().cloned();
        let (Some(contract), Some(id)) = (contract, id) else {
            return Err(Problem::internal("a request without a contract"));
        };
        let format = Format::of(request.headers(), &contract)?;
        let Body(body) = Body::from_request(request, &()).await?;
        let input = InferInput {
            route: contract.route.clone(),
            request: id.to_string(),
            format,
            body,
        };
        if mode == Mode::Job {
            input.rows(&contract)?;
        }
        Ok(input)
    }
}

impl Whole for Infer {
    /// Has the component of the model compute a job.
    async fn compute(input: InferInput, _: &Progress) -> Result<Response, Problem> {
        let seconds = guest::seconds("model_job_time_limit", JOB_TIME_LIMIT).await;
        let request =
            axum::http::Request::post(format!("http://{}.spin.internal{JOB}", input.route))
                .header(X_REQUEST_ID, input.request)
                .header(header::CONTENT_TYPE, input.format.media_type())
                .body(input.body)
                .map_err(Problem::internal)?;
        guest::exchange_within(seconds, "model", request).await
    }
}
