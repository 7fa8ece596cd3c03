//! Rows of a body, which are checked by the contract.

use http_api::Problem;
use http_api::extract::parse_json;
use http_api::problem::{INVALID_BODY, INVALID_CSV};
use serde_json::{Map, Value};

use crate::MAX_ROWS;
use crate::contract::Contract;
use crate::table::Columns;

/// The rows of a request.
pub struct Checked {
    /// The rows.
    pub rows: Rows,
    /// Whether they are answered with an array: they came in one, or in a table.
    pub are_listed: bool,
}

/// Rows that are as the contract says.
pub enum Rows {
    /// Those of a model whose inputs are numbers, in the form of its tensors.
    Numbers(signature::Rows),
    /// All others: an object for each.
    Objects(Vec<Map<String, Value>>),
}

pub(crate) fn from_json(contract: &Contract, body: &[u8]) -> Result<Checked, Problem> {
    if let Some(rows) = numbers(contract, body) {
        let are_listed = rows.are_listed;
        let rows = Rows::Numbers(rows);
        return Ok(Checked { rows, are_listed });
    }
    let body: Value = parse_json(body)?;
    let are_listed = body.is_array();
    let rows = match body {
        Value::Array(rows) if rows.len() > MAX_ROWS => {
            let detail = format!(
                "the body must have at most {MAX_ROWS} rows, not {}",
                rows.len()
            );
            return Err(Problem::new(INVALID_BODY, detail).with("pointer", ""));
        }
        Value::Array(rows) => rows,
        row => vec![row],
    };
    let mut objects = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        contract.row.check(&row).map_err(|refusal| {
            let refusal = match are_listed {
                true => refusal.within(index),
                false => refusal,
            };
            Problem::new(INVALID_BODY, refusal.to_string()).with("pointer", refusal.pointer())
        })?;
        objects.extend(object(row));
    }
    let rows = Rows::Objects(objects);
    Ok(Checked { rows, are_listed })
}

pub(crate) fn from_csv(contract: &Contract, body: &[u8]) -> Result<Checked, Problem> {
    let columns = Columns::of(contract);
    let columns =
        columns.ok_or_else(|| Problem::internal("a table for a model without columns"))?;
    let mut objects = Vec::new();
    for (line, row) in columns.read(body)? {
        let checked = contract.row.check(&row);
        checked.map_err(|refusal| Problem::new(INVALID_CSV, format!("line {line}: {refusal}")))?;
        objects.extend(object(row));
    }
    Ok(Checked {
        rows: Rows::Objects(objects),
        are_listed: true,
    })
}

/// The rows of a body in which all is as the contract says, and a number. None where it is not, and the contract says why.
fn numbers(contract: &Contract, body: &[u8]) -> Option<signature::Rows> {
    let rows = contract.reader.as_ref()?.read(body, MAX_ROWS)?;
    (rows.count == 1 || !contract.is_single()).then_some(rows)
}

/// The object that a row is; the contract allows nothing else.
fn object(row: Value) -> Option<Map<String, Value>> {
    match row {
        Value::Object(row) => Some(row),
        _ => None,
    }
}
