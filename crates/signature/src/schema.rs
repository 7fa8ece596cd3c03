//! The subset of JSON Schema (2020-12) that signatures become.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::{ContractError, Refusal};

/// A type of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "true or false",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }

    fn is_of(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::String, Value::String(_))
            | (Self::Array, Value::Array(_))
            | (Self::Object, Value::Object(_)) => true,
            (Self::Integer, Value::Number(number)) => is_integer(number),
            _ => false,
        }
    }
}

/// What a value may be. Without any keyword, everything.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    kinds: Vec<Kind>,
    choices: Option<Vec<Value>>,
    minimum: Option<Number>,
    maximum: Option<Number>,
    exclusive_minimum: Option<Number>,
    exclusive_maximum: Option<Number>,
    lengths: [Option<u64>; 2],
    counts: [Option<u64>; 2],
    items: Option<Box<Schema>>,
    properties: BTreeMap<String, Schema>,
    required: Vec<String>,
    others: Others,
}

/// What the members of an object may be that are not among its properties.
#[derive(Clone, Debug, Default)]
enum Others {
    #[default]
    Anything,
    Nothing,
    Of(Box<Schema>),
}

impl Schema {
    /// Reads a schema. Keywords that it does not know are taken for documentation.
    ///
    /// # Errors
    /// When the value of a keyword that it knows is not understood.
    pub fn read(value: &Value) -> Result<Self, ContractError> {
        let number = |keyword: &'static str| match value.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(_) => Err(ContractError::Keyword(keyword)),
        };
        let count = |keyword: &'static str| match value.get(keyword) {
            None => Ok(None),
            Some(found) => found
                .as_u64()
                .map(Some)
                .ok_or(ContractError::Keyword(keyword)),
        };
        let list = |keyword: &'static str| match value.get(keyword) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list.clone())),
            Some(_) => Err(ContractError::Keyword(keyword)),
        };
        let kinds = match value.get("type") {
            None => Vec::new(),
            Some(Value::Array(kinds)) => read_all(kinds, Kind::read, "type")?,
            Some(kind) => read_all(std::slice::from_ref(kind), Kind::read, "type")?,
        };
        let properties = match value.get("properties") {
            None => BTreeMap::new(),
            Some(Value::Object(members)) => members
                .iter()
                .map(|(name, schema)| Ok((name.clone(), Self::read(schema)?)))
                .collect::<Result<_, ContractError>>()?,
            Some(_) => return Err(ContractError::Keyword("properties")),
        };
        let name = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            kinds,
            choices: list("enum")?,
            minimum: number("minimum")?,
            maximum: number("maximum")?,
            exclusive_minimum: number("exclusiveMinimum")?,
            exclusive_maximum: number("exclusiveMaximum")?,
            lengths: [count("minLength")?, count("maxLength")?],
            counts: [count("minItems")?, count("maxItems")?],
            items: match value.get("items") {
                None => None,
                Some(items) => Some(Box::new(Self::read(items)?)),
            },
            properties,
            required: read_all(&list("required")?.unwrap_or_default(), name, "required")?,
            others: match value.get("additionalProperties") {
                None | Some(Value::Bool(true)) => Others::Anything,
                Some(Value::Bool(false)) => Others::Nothing,
                Some(schema) => Others::Of(Box::new(Self::read(schema)?)),
            },
        })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// Names the first part of it that is not as it must be.
    pub fn check(&self, value: &Value) -> Result<(), Refusal> {
        if let Some(choices) = &self.choices {
            if choices.contains(value) {
                return Ok(());
            }
            let choices: Vec<_> = choices.iter().map(Value::to_string).collect();
            let one_of = if choices.len() == 1 { "" } else { "one of " };
            return Err(Refusal::unexpected(
                format_args!("{one_of}{}", choices.join(", ")),
                value,
            ));
        }
        if !self.kinds.is_empty() && !self.kinds.iter().any(|kind| kind.is_of(value)) {
            let nouns: Vec<_> = self.kinds.iter().map(|kind| kind.noun()).collect();
            return Err(Refusal::unexpected(nouns.join(" or "), value));
        }
        match value {
            Value::Number(number) => self.check_number(number, value),
            Value::String(text) => {
                let length = text.chars().count();
                in_range(length, self.lengths, "character")
            }
            Value::Array(items) => {
                in_range(items.len(), self.counts, "item")?;
                let any = Self::default();
                let schema = self.items().unwrap_or(&any);
                let mut items = items.iter().enumerate();
                items
                    .try_for_each(|(index, item)| schema.check(item).map_err(|it| it.within(index)))
            }
            Value::Object(members) => {
                let missing = self
                    .required
                    .iter()
                    .find(|name| !members.contains_key(*name));
                if let Some(name) = missing {
                    return Err(Refusal::new("is missing").within(name));
                }
                let mut members = members.iter();
                members.try_for_each(|(name, member)| {
                    let checked = match (self.properties.get(name), &self.others) {
                        (Some(schema), _) => schema.check(member),
                        (None, Others::Of(schema)) => schema.check(member),
                        (None, Others::Anything) => Self::default().check(member),
                        (None, Others::Nothing) => Err(self.unknown()),
                    };
                    checked.map_err(|it| it.within(name))
                })
            }
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn check_number(&self, number: &Number, value: &Value) -> Result<(), Refusal> {
        // Python reads other numbers as infinite, but for integers of any length.
        let is_whole = self.kinds == [Kind::Integer] && is_integer(number);
        if !is_whole && !number.as_f64().is_some_and(f64::is_finite) {
            return Err(Refusal::unexpected("a number that a float can hold", value));
        }
        let bounds = [
            (&self.minimum, "at least", [false, true, true]),
            (&self.maximum, "at most", [true, true, false]),
            (
                &self.exclusive_minimum,
                "greater than",
                [false, false, true],
            ),
            (&self.exclusive_maximum, "less than", [true, false, false]),
        ];
        for (bound, words, allowed) in bounds {
            let Some(bound) = bound else { continue };
            let order = compare(number, bound) as i8;
            let is_allowed =
                usize::try_from(order + 1).is_ok_and(|at| allowed.get(at) == Some(&true));
            if !is_allowed {
                return Err(Refusal::unexpected(format_args!("{words} {bound}"), value));
            }
        }
        Ok(())
    }

    /// The refusal of a member that is not among the properties.
    pub(crate) fn unknown(&self) -> Refusal {
        let names: Vec<_> = self.properties.keys().map(String::as_str).collect();
        Refusal::new(match names.as_slice() {
            [] => "is not known: there are no parameters".to_owned(),
            names => format!("is not known: there are {}", names.join(", ")),
        })
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Self> {
        self.properties.get(name)
    }

    pub(crate) fn properties(&self) -> impl Iterator<Item = &Self> {
        self.properties.values()
    }

    pub(crate) fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    pub(crate) fn required(&self) -> &[String] {
        &self.required
    }

    /// How many items there may be.
    pub(crate) fn counts(&self) -> [Option<u64>; 2] {
        self.counts
    }

    /// Whether it allows this type alone, and not only some values that it lists.
    pub(crate) fn is_plain(&self, kind: Kind) -> bool {
        self.kinds == [kind] && self.choices.is_none()
    }

    /// Whether each number is allowed.
    pub(crate) fn is_unbounded(&self) -> bool {
        [
            &self.minimum,
            &self.maximum,
            &self.exclusive_minimum,
            &self.exclusive_maximum,
        ]
        .into_iter()
        .all(Option::is_none)
    }

    /// The least and the greatest integer; none where the bounds are others.
    pub(crate) fn integer_range(&self) -> Option<(i64, i64)> {
        let bound = |bound: &Option<Number>, default| match bound {
            None => Some(default),
            Some(bound) => bound.as_i64(),
        };
        let is_closed = self.exclusive_minimum.is_none() && self.exclusive_maximum.is_none();
        let least = bound(&self.minimum, i64::MIN)?;
        let most = bound(&self.maximum, i64::MAX)?;
        is_closed.then_some((least, most))
    }

    pub(crate) fn allows(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Whether a query string can hold an object of this schema: each member is a scalar or a list of scalars.
    #[must_use]
    pub fn fits_a_query(&self) -> bool {
        let mut members = self.properties();
        members.all(|schema| schema.is_scalar() || schema.items().is_some_and(Self::is_scalar))
    }

    /// Whether it has neither members nor items.
    pub(crate) fn is_scalar(&self) -> bool {
        !self.kinds.is_empty() && !self.allows(Kind::Array) && !self.allows(Kind::Object)
    }
}

fn read_all<T>(
    values: &[Value],
    read: impl Fn(&Value) -> Option<T>,
    keyword: &'static str,
) -> Result<Vec<T>, ContractError> {
    let read = |value| read(value).ok_or(ContractError::Keyword(keyword));
    values.iter().map(read).collect()
}

fn in_range(found: usize, [least, most]: [Option<u64>; 2], noun: &str) -> Result<(), Refusal> {
    let found = found as u64;
    let (words, bound) = match (least, most) {
        (Some(least), _) if found < least => ("at least", least),
        (_, Some(most)) if found > most => ("at most", most),
        _ => return Ok(()),
    };
    let plural = if bound == 1 { "" } else { "s" };
    Err(Refusal::new(format!(
        "must have {words} {bound} {noun}{plural}, not {found}"
    )))
}

/// Whether a number is an integer: JSON Schema counts 1.0 among them (2020-12, section 6.1.1 of validation).
fn is_integer(number: &Number) -> bool {
    let text = number.to_string();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        || number
            .as_f64()
            .is_some_and(|value| value.is_finite() && value.fract() == 0.0)
}

/// Compares two numbers, exactly where both are integers of up to 128 bits.
fn compare(one: &Number, other: &Number) -> std::cmp::Ordering {
    let exact = |number: &Number| number.to_string().parse::<i128>().ok();
    let float = |number: &Number| number.to_string().parse::<f64>().unwrap_or(f64::NAN);
    match (exact(one), exact(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => float(one)
            .partial_cmp(&float(other))
            .unwrap_or(std::cmp::Ordering::Equal),
    }
}
