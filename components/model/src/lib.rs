//! The HTTP side of a model that another component provides: `POST /NAME` with a row or many, `GET /NAME` with a row, and the
//! Open Inference Protocol under `/v2/models/NAME`.

mod contract;
mod kserve;
mod rows;
mod table;

use std::sync::Arc;

use axum::extract::{FromRequest, Request as HttpRequest};
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Extension, Json};
use bindings::routelets::model::model::{self, Tensor};
use guest::{Busy, LocalFuture, Request, Response};
use http_api::extract::{content_type, is_json, parse_json, unsupported_media_type};
use http_api::problem::{BODY, INVALID_BODY, INVALID_CSV, INVALID_PARAMETER, JSON, extended};
use http_api::{Body, Problem, problem_responses};
use serde_json::{Map, Value};
use utoipa_axum::{router::OpenApiRouter, routes};

use contract::Contract;
use table::Columns;

interfaces::import!("../../wit/model");

/// The most rows that one request may bring.
const MAX_ROWS: usize = 10_000;

problem_responses!(QueryProblems = &[INVALID_PARAMETER]);
problem_responses!(BodyProblems = BODY, JSON, &[INVALID_CSV]);

/// What the model makes of the row in the query.
#[utoipa::path(get, path = "/{model}", tag = "models", responses((status = 200, body = Value), QueryProblems))]
async fn predict_one(
    Extension(contract): Extension<Arc<Contract>>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let query = uri.query().unwrap_or_default();
    let row = signature::read_query(&contract.row, query).map_err(|refusal| {
        match refusal.argument() {
            Some(name) => Problem::parameter(name, refusal.reason()),
            None => Problem::new(INVALID_PARAMETER, refusal.to_string()),
        }
    })?;
    let mut answers = predict(&contract, &[&row]).await?;
    Ok(Json(answers.pop().unwrap_or_default()))
}

/// What the model makes of a row, which is an object, of an array of rows, or of a table.
///
/// An array and a table are answered with an array in the same order. At most 10,000 rows.
#[utoipa::path(
    post,
    path = "/{model}",
    tag = "models",
    request_body(content((Value = "application/json"), (String = "text/csv"))),
    responses((status = 200, body = Value), BodyProblems)
)]
async fn predict_many(
    Extension(contract): Extension<Arc<Contract>>,
    request: HttpRequest,
) -> Result<Json<Value>, Problem> {
    let headers = request.headers();
    if !is_json(headers) {
        let columns = Columns::of(&contract);
        let is_csv = content_type(headers).is_some_and(|it| it.essence_str() == "text/csv");
        if let Some(columns) = columns.as_ref().filter(|_| is_csv) {
            return predict_table(&contract, columns, request).await;
        }
        let expected = match columns {
            Some(_) => "application/json or text/csv",
            None => "application/json",
        };
        return Err(unsupported_media_type(headers, expected));
    }
    let Body(bytes) = Body::from_request(request, &()).await?;
    if let Some(rows) = read_numbers(&contract, &bytes) {
        let (are_listed, count) = (rows.are_listed, rows.count);
        let answers = answers(&contract, rows::numeric(&contract, rows), count).await?;
        return Ok(Json(listed(answers, are_listed)));
    }
    let body: Value = parse_json(&bytes)?;
    let rows = match &body {
        Value::Array(rows) if rows.len() > MAX_ROWS => {
            let detail = format!(
                "the body must have at most {MAX_ROWS} rows, not {}",
                rows.len()
            );
            return Err(Problem::new(INVALID_BODY, detail).with("pointer", ""));
        }
        Value::Array(rows) => rows.iter().enumerate().collect(),
        row => vec![(0, row)],
    };
    let many = body.is_array();
    let mut objects = Vec::with_capacity(rows.len());
    for (index, row) in rows {
        contract.row.check(row).map_err(|refusal| {
            let refusal = if many { refusal.within(index) } else { refusal };
            Problem::new(INVALID_BODY, refusal.to_string()).with("pointer", refusal.pointer())
        })?;
        objects.extend(row.as_object());
    }
    let answers = predict(&contract, &objects).await?;
    Ok(Json(listed(answers, many)))
}

/// The rows of a body in which all is as the contract says, and a number. None where it is not, and the contract says why.
fn read_numbers(contract: &Contract, body: &[u8]) -> Option<signature::Rows> {
    let rows = contract.reader.as_ref()?.read(body, MAX_ROWS)?;
    (rows.count == 1 || !contract.is_single()).then_some(rows)
}

/// Answers as the rows came: as an array, or one alone.
fn listed(mut answers: Vec<Value>, are_listed: bool) -> Value {
    match are_listed {
        true => Value::Array(answers),
        false => answers.pop().unwrap_or_default(),
    }
}

async fn predict_table(
    contract: &Contract,
    columns: &Columns<'_>,
    request: HttpRequest,
) -> Result<Json<Value>, Problem> {
    let Body(bytes) = Body::from_request(request, &()).await?;
    let rows = columns.read(&bytes)?;
    let mut objects = Vec::with_capacity(rows.len());
    for (line, row) in &rows {
        let checked = contract.row.check(row);
        checked.map_err(|refusal| Problem::new(INVALID_CSV, format!("line {line}: {refusal}")))?;
        objects.extend(row.as_object());
    }
    Ok(Json(Value::Array(predict(contract, &objects).await?)))
}

/// An answer for each row, in the same order.
async fn predict(contract: &Contract, rows: &[&Map<String, Value>]) -> Result<Vec<Value>, Problem> {
    let at_once = match contract.is_single() {
        true => 1,
        false => rows.len().max(1),
    };
    let mut found = Vec::with_capacity(rows.len());
    for rows in rows.chunks(at_once) {
        found.extend(answers(contract, rows::tensors(contract, rows)?, rows.len()).await?);
    }
    Ok(found)
}

/// An answer for each row of the tensors.
async fn answers(
    contract: &Contract,
    inputs: Vec<Tensor>,
    rows: usize,
) -> Result<Vec<Value>, Problem> {
    let outputs = infer(inputs).await?;
    let found = rows::answers(contract, &outputs, rows);
    found.ok_or_else(|| Problem::internal("the model gave other rows"))
}

async fn infer(inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Problem> {
    let outputs = LocalFuture::new(async { model::infer(inputs).await }).await;
    outputs.map_err(Problem::internal)
}

/// The operations that each model has, as the OpenAPI document shows them before its contract is filled in.
#[must_use]
pub fn operations() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(predict_one, predict_many))
        .merge(kserve::operations())
}

fn model_routes() -> OpenApiRouter {
    let contract = match Contract::parse(&model::describe()) {
        Ok(contract) => Arc::new(contract),
        Err(error) => {
            let reason = error.to_string();
            let broken = any(|| async { Problem::internal(reason) });
            return OpenApiRouter::new().fallback_service(broken);
        }
    };
    let methods = if contract.row.fits_a_query() {
        get(predict_one).post(predict_many)
    } else {
        post(predict_many)
    };
    // What is declared is protected by keys.
    let (_, declared) = operations().split_for_parts();
    OpenApiRouter::with_openapi(declared)
        .route(&format!("/{}", contract.route), methods)
        .merge(kserve::routes(&contract.route))
        .layer(Extension(contract))
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let _busy = Busy::new();
    let is_inference = request.uri().path().starts_with("/v2/");
    let response = guest::serve(model_routes, request).await;
    if !is_inference {
        return response.into_response();
    }
    // The protocol has an error as a text of its own.
    extended(response, |problem| {
        let message = problem.detail().to_owned();
        problem.with("error", message)
    })
}
