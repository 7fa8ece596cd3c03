//! Rows of numbers, read into lists of their own type without a value for each number.
//!
//! A value of JSON keeps the text of each of its numbers, so that a check can show it. Where a body has thousands of numbers and
//! all are as they must be, that is most of the work.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::Schema;
use crate::schema::Kind;

/// The type that the numbers of a member are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
    /// 64 bits, signed.
    Integer,
}

/// Numbers of one type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as in NumberType")]
pub enum Numbers {
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Integers(Vec<i64>),
}

/// What the rows have under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The lengths of the nested arrays of a row, the outermost first; none where a row has a number.
    pub lengths: Vec<usize>,
    /// The numbers of all rows, the innermost array varying fastest.
    pub numbers: Numbers,
    /// Rows that were read.
    rows: usize,
}

/// Rows that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Whether they were in an array, and not one row alone.
    pub are_listed: bool,
    /// How many there are.
    pub count: usize,
    /// Their members, in the order in which they were asked for.
    pub columns: Vec<Column>,
}

/// Reads rows whose members are numbers, or nested arrays of numbers.
#[derive(Clone, Debug)]
pub struct RowReader {
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    kind: NumberType,
    form: Form,
}

/// A schema of numbers.
#[derive(Clone, Debug)]
enum Form {
    Number,
    Integer {
        least: i64,
        most: i64,
    },
    List {
        least: usize,
        most: usize,
        items: Box<Form>,
    },
}

impl RowReader {
    /// A reader for rows that have exactly these members; none where the schema allows what is not a number.
    #[must_use]
    pub fn new<'a>(
        row: &Schema,
        members: impl IntoIterator<Item = (&'a str, NumberType)>,
    ) -> Option<Self> {
        let members = members.into_iter().map(|(name, kind)| {
            let form = Form::of(row.property(name)?, kind)?;
            let name = name.to_owned();
            Some(Member { name, kind, form })
        });
        let members = members.collect::<Option<Vec<_>>>()?;
        let is_member = |name: &String| members.iter().any(|member| member.name == *name);
        let is_read = row.is_plain(Kind::Object) && row.required().iter().all(is_member);
        is_read.then_some(Self { members })
    }

    /// The rows in a text: an object, or an array of `most` objects or fewer. None where the text is anything else, whether the
    /// schema allows that or not.
    #[must_use]
    pub fn read(&self, text: &[u8], most: usize) -> Option<Rows> {
        let mut columns: Vec<_> = self.members.iter().map(Member::column).collect();
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let are_listed = text.trim_ascii_start().starts_with(b"[");
        let rows = RowsSeed {
            members: &self.members,
            columns: &mut columns,
            most,
        };
        let count = match are_listed {
            true => deserializer.deserialize_seq(rows),
            false => deserializer.deserialize_map(rows),
        };
        let count = count.ok().filter(|count| *count > 0)?;
        deserializer.end().ok()?;
        Some(Rows {
            are_listed,
            count,
            columns,
        })
    }
}

impl Member {
    fn column(&self) -> Column {
        let mut lengths = Vec::new();
        let mut form = &self.form;
        while let Form::List { items, .. } = form {
            lengths.push(0);
            form = items;
        }
        Column {
            lengths,
            numbers: match self.kind {
                NumberType::Float => Numbers::Floats(Vec::new()),
                NumberType::Double => Numbers::Doubles(Vec::new()),
                NumberType::Integer => Numbers::Integers(Vec::new()),
            },
            rows: 0,
        }
    }
}

impl Form {
    fn of(schema: &Schema, kind: NumberType) -> Option<Self> {
        if schema.is_plain(Kind::Array) {
            let [least, most] = schema.counts();
            return Some(Self::List {
                least: usize::try_from(least.unwrap_or(0)).ok()?,
                most: usize::try_from(most.unwrap_or(u64::MAX)).unwrap_or(usize::MAX),
                items: Box::new(Self::of(schema.items()?, kind)?),
            });
        }
        if kind == NumberType::Integer && schema.is_plain(Kind::Integer) {
            let (least, most) = schema.integer_range()?;
            return Some(Self::Integer { least, most });
        }
        let is_number = kind != NumberType::Integer && schema.is_plain(Kind::Number);
        (is_number && schema.is_unbounded()).then_some(Self::Number)
    }
}

/// Reads one row or many; the value is how many.
struct RowsSeed<'a> {
    members: &'a [Member],
    columns: &'a mut [Column],
    most: usize,
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<usize, A::Error> {
        RowSeed::from(self).visit_map(map)?;
        Ok(1)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<usize, A::Error> {
        let Self {
            members,
            columns,
            most,
        } = self;
        let mut count = 0;
        loop {
            let row = RowSeed {
                members,
                columns: &mut *columns,
                row: count,
            };
            if rows.next_element_seed(row)?.is_none() {
                return Ok(count);
            }
            count += 1;
            if count > most {
                return Err(A::Error::custom("more rows than are read"));
            }
        }
    }
}

struct RowSeed<'a> {
    members: &'a [Member],
    columns: &'a mut [Column],
    /// Rows before it.
    row: usize,
}

impl<'a> From<RowsSeed<'a>> for RowSeed<'a> {
    fn from(rows: RowsSeed<'a>) -> Self {
        Self {
            members: rows.members,
            columns: rows.columns,
            row: 0,
        }
    }
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut read = 0;
        // Rows mostly have their members in the order of the contract.
        while let Some(place) = map.next_key_seed(NameSeed(self.members, read))? {
            let (Some(member), Some(column)) =
                (self.members.get(place), self.columns.get_mut(place))
            else {
                return Err(A::Error::custom("an unknown member"));
            };
            if column.rows != self.row {
                return Err(A::Error::custom("a member comes twice"));
            }
            map.next_value_seed(NumbersSeed {
                form: &member.form,
                lengths: &mut column.lengths,
                numbers: &mut column.numbers,
            })?;
            column.rows += 1;
            read += 1;
        }
        match read == self.members.len() {
            true => Ok(()),
            false => Err(A::Error::custom("a member is missing")),
        }
    }
}

/// The place of the member with a name, looked for from a place on.
struct NameSeed<'a>(&'a [Member], usize);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let Self(members, from) = self;
        let is_named = |place: &usize| members.get(*place).is_some_and(|it| it.name == name);
        (from..members.len())
            .chain(0..from)
            .find(is_named)
            .ok_or_else(|| E::custom("an unknown member"))
    }
}

/// Reads a number or an array, and adds what it holds.
struct NumbersSeed<'a> {
    form: &'a Form,
    /// Those of this array and of what is in it; 0 before the first one was read.
    lengths: &'a mut [usize],
    numbers: &'a mut Numbers,
}

impl<'de> DeserializeSeed<'de> for NumbersSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.form {
            Form::Number => deserializer.deserialize_f64(self),
            Form::Integer { .. } => deserializer.deserialize_i64(self),
            Form::List { .. } => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for NumbersSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self {
            form,
            lengths,
            numbers,
        } = self;
        let (Form::List { least, most, items }, Some((length, inner))) =
            (form, lengths.split_first_mut())
        else {
            return Err(A::Error::custom("an array in place of a number"));
        };
        let mut count = 0;
        loop {
            let item = NumbersSeed {
                form: items,
                lengths: &mut *inner,
                numbers: &mut *numbers,
            };
            if list.next_element_seed(item)?.is_none() {
                break;
            }
            count += 1;
        }
        // Nobody can say how long the arrays in an empty one are.
        if count == 0 || !(*least..=*most).contains(&count) {
            return Err(A::Error::custom("an array of another length"));
        }
        if *length == 0 {
            *length = count;
        }
        match *length == count {
            true => Ok(()),
            false => Err(A::Error::custom("arrays of different lengths")),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.numbers {
            Numbers::Floats(numbers) => numbers.push(value as f32),
            Numbers::Doubles(numbers) => numbers.push(value),
            Numbers::Integers(_) => return Err(E::custom("a fraction")),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match (self.numbers, self.form) {
            (Numbers::Integers(numbers), Form::Integer { least, most })
                if (*least..=*most).contains(&value) =>
            {
                numbers.push(value);
            }
            (Numbers::Integers(_), _) => return Err(E::custom("out of range")),
            // Through a double, as every other number.
            (Numbers::Floats(numbers), _) => numbers.push(value as f64 as f32),
            (Numbers::Doubles(numbers), _) => numbers.push(value as f64),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
