//! Rows as CSV (RFC 4180).
//!
//! An input that is a scalar is a column of its name. An input that is a list of a known length has a column for each element,
//! `x[0]`, `x[1]` and so on. With a header that names all of them columns may come in any order, and others are ignored.

use csv::{ReaderBuilder, StringRecord, Trim};
use http_api::Problem;
use http_api::problem::INVALID_CSV;
use model_contract::{Datatype, Port};
use serde_json::{Map, Number, Value};

use crate::MAX_ROWS;
use crate::contract::Contract;

/// The columns of a table, in the order of the inputs.
pub(crate) struct Columns<'a>(Vec<Column<'a>>);

struct Column<'a> {
    port: &'a Port,
    name: String,
}

impl<'a> Columns<'a> {
    /// Those of a model, if each input has as many elements in every row.
    pub(crate) fn of(contract: &'a Contract) -> Option<Self> {
        let mut columns = Vec::new();
        for port in &contract.model.inputs {
            match port.row() {
                _ if port.is_scalar() => columns.push(Column {
                    port,
                    name: port.name.clone(),
                }),
                [length] if *length >= 0 => columns.extend((0..*length).map(|index| Column {
                    port,
                    name: format!("{}[{index}]", port.name),
                })),
                _ => return None,
            }
        }
        Some(Self(columns))
    }

    /// The rows of a table with the lines that they begin in. What they hold is not checked.
    ///
    /// # Errors
    /// `invalid-csv`.
    pub(crate) fn read(&self, text: &[u8]) -> Result<Vec<(u64, Value)>, Problem> {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text);
        let mut lines = Lines {
            text,
            counted: 0,
            line: 1,
        };
        let mut places: Option<Places> = None;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| refusal(&error.to_string()))?;
            let line = lines.of(&record);
            let places = match &places {
                Some(places) => places,
                None => {
                    let (found, is_header) = self.places(&record)?;
                    let found = places.insert(found);
                    if is_header {
                        continue;
                    }
                    found
                }
            };
            if record.len() != places.columns {
                return Err(refusal(&format!(
                    "line {line} has {} columns, not {}",
                    record.len(),
                    places.columns
                )));
            }
            if rows.len() == MAX_ROWS {
                return Err(refusal(&format!("there are more than {MAX_ROWS} rows")));
            }
            rows.push((line, self.row(&record, &places.of)));
        }
        if rows.is_empty() {
            return Err(refusal("there is no row"));
        }
        Ok(rows)
    }

    /// Where the columns are, by the first line; and whether it is a header.
    fn places(&self, first: &StringRecord) -> Result<(Places, bool), Problem> {
        let place = |column: &Column<'_>| first.iter().position(|name| name == column.name);
        let of: Option<Vec<usize>> = self.0.iter().map(place).collect();
        if let Some(of) = of {
            let columns = first.len();
            return Ok((Places { columns, of }, true));
        }
        let holds_numbers = self.0.iter().any(Column::is_number);
        let is_header = holds_numbers && first.iter().all(|name| number(name).is_none());
        // The elements of a list have no names of their own.
        let is_named = self.0.iter().any(|column| column.port.is_scalar());
        if is_header && is_named {
            let missing = self.0.iter().find(|column| place(column).is_none());
            let name = missing.map_or("", |column| &column.name);
            return Err(refusal(&format!("the header has no column '{name}'")));
        }
        let columns = self.0.len();
        let of = (0..columns).collect();
        Ok((Places { columns, of }, is_header))
    }

    fn row(&self, record: &StringRecord, places: &[usize]) -> Value {
        let mut row = Map::new();
        for (column, place) in self.0.iter().zip(places) {
            let value = column.value(record.get(*place).unwrap_or_default());
            let name = column.port.name.clone();
            if column.port.is_scalar() {
                row.insert(name, value);
            } else if let Value::Array(elements) =
                row.entry(name).or_insert_with(|| Value::Array(Vec::new()))
            {
                elements.push(value);
            }
        }
        Value::Object(row)
    }
}

/// Where a table has the columns of the inputs.
struct Places {
    /// How many columns it has.
    columns: usize,
    of: Vec<usize>,
}

/// Counts lines. The reader's own count is that of the blank lines before a record.
struct Lines<'a> {
    text: &'a [u8],
    /// Bytes.
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line that a record begins in, which follows those asked for before.
    fn of(&mut self, record: &StringRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = self.text.get(start..).unwrap_or_default();
        let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let start = start.saturating_add(rest.iter().take_while(is_end).count());
        let passed = self.text.get(self.counted..start).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = start;
        self.line
    }
}

impl Column<'_> {
    fn is_number(&self) -> bool {
        !matches!(self.port.datatype, Datatype::Bool | Datatype::Bytes)
    }

    /// What a cell stands for: a text where it is nothing else, which the contract refuses.
    fn value(&self, cell: &str) -> Value {
        let found = match self.port.datatype {
            Datatype::Bytes => None,
            Datatype::Bool => match cell {
                "true" | "True" | "1" => Some(Value::Bool(true)),
                "false" | "False" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            _ => number(cell).map(Value::Number),
        };
        found.unwrap_or_else(|| Value::String(cell.to_owned()))
    }
}

fn number(cell: &str) -> Option<Number> {
    match cell.parse::<i64>() {
        Ok(integer) => Some(integer.into()),
        Err(_) => cell.parse().ok().and_then(Number::from_f64),
    }
}

fn refusal(reason: &str) -> Problem {
    Problem::new(INVALID_CSV, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract(inputs: &Value) -> Contract {
        let text = json!({
            "route": "trial",
            "arguments": {"type": "object", "properties": {}},
            "model": {"inputs": inputs, "outputs": []},
        });
        Contract::parse(&text.to_string()).unwrap()
    }

    fn read(inputs: &Value, text: &str) -> Result<Value, String> {
        let contract = contract(inputs);
        let columns = Columns::of(&contract).unwrap();
        let rows = columns.read(text.as_bytes());
        rows.map(|rows| rows.into_iter().map(|(_, row)| row).collect())
            .map_err(|problem| problem.detail().to_owned())
    }

    fn list() -> Value {
        json!([{"name": "x", "datatype": "FP32", "shape": [-1, 3]}])
    }

    fn scalars() -> Value {
        json!([
            {"name": "age", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "town", "datatype": "BYTES", "shape": [-1]},
            {"name": "new", "datatype": "BOOL", "shape": [-1, 1]},
        ])
    }

    #[test]
    fn a_list_has_a_column_for_each_element() {
        let expected = json!([{"x": [1, 2.5, -3]}, {"x": [4, 1000.0, 6]}]);
        let rows = "1,2.5,-3\r\n\n4, 1e3 ,6";
        for header in [
            "",
            "a,b,c\n",
            "x[0],x[1],x[2]\n",
            "\u{feff}x[0],x[1],x[2]\n",
        ] {
            assert_eq!(
                read(&list(), &format!("{header}{rows}")),
                Ok(expected.clone())
            );
        }
        let other_order = "other,x[2],x[1],x[0]\n0,-3,2.5,1\n";
        assert_eq!(read(&list(), other_order), Ok(json!([{"x": [1, 2.5, -3]}])));
    }

    #[test]
    fn a_scalar_is_a_column() {
        let expected = json!([{"age": 40, "town": "Ulm, \"old\"", "new": true}]);
        for text in [
            "40,\"Ulm, \"\"old\"\"\",1\n",
            "town,new,age\n\"Ulm, \"\"old\"\"\",true,40\n",
        ] {
            assert_eq!(read(&scalars(), text), Ok(expected.clone()), "{text}");
        }
        // The contract refuses them.
        let wrong = json!([{"age": "", "town": "7", "new": "yes"}]);
        assert_eq!(read(&scalars(), "age,town,new\n,7,yes"), Ok(wrong));
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        for (inputs, text, reason) in [
            (list(), "1,2,3\n1,2\n", "line 2 has 2 columns, not 3"),
            (
                list(),
                "\n1,2,3\r\n\r\n1,2\n",
                "line 4 has 2 columns, not 3",
            ),
            (list(), "", "there is no row"),
            (list(), "x[0],x[1],x[2]\n", "there is no row"),
            (
                scalars(),
                "age,town\n1,a\n",
                "the header has no column 'new'",
            ),
        ] {
            assert_eq!(read(&inputs, text), Err(reason.to_owned()), "{text}");
        }
        let many = "1,2,3\n".repeat(MAX_ROWS + 1);
        assert!(read(&list(), &many).unwrap_err().contains("10000"));
        let contract = contract(&list());
        let columns = Columns::of(&contract).unwrap();
        assert!(columns.read(b"\xff,1,2").is_err());
    }

    #[test]
    fn what_has_other_shapes_is_no_table() {
        for shape in [json!([-1, -1]), json!([-1, 3, 3])] {
            let inputs = json!([{"name": "x", "datatype": "FP32", "shape": shape}]);
            assert!(Columns::of(&contract(&inputs)).is_none(), "{shape}");
        }
    }
}
