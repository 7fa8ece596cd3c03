//! Forms of the page, for browsers without scripts: `GET /go/sum?a=1&b=2` leads to `/sum/1/2`.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use guest::Response;
use http_api::problem::NOT_FOUND;
use http_api::{Path, Problem, Query};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// The fields of all forms.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    n: Option<String>,
    a: Option<String>,
    b: Option<String>,
    name: Option<String>,
}

/// Redirects to the route of a form, with the fields in its path.
pub(crate) async fn redirect(
    Path(route): Path<String>,
    Query(fields): Query<Fields>,
) -> Result<Response, Problem> {
    let fields = match &*route {
        "factorize" => [("n", fields.n)].to_vec(),
        "hello" => [("name", fields.name)].to_vec(),
        "sum" | "mult" => [("a", fields.a), ("b", fields.b)].to_vec(),
        _ => {
            return Err(Problem::new(
                NOT_FOUND,
                format!("the page has no form '{route}'"),
            ));
        }
    };
    let mut address = format!("/{route}");
    for (name, value) in fields {
        let value = value
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Problem::parameter(name, "is missing"))?;
        address.push('/');
        address.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
    }
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response())
}
