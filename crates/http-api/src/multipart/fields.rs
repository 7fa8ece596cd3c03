//! Forms as structs: a serde deserializer over the parts of a form.

use std::fmt;
use std::str::FromStr;
use std::vec::IntoIter;

use axum::body::Bytes;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Form, Part};
use crate::problem::{DUPLICATE_FIELD, MISSING_FILE, Problem};
use crate::wording::plain;

impl Form {
    /// Reads the form into a struct.
    ///
    /// - A field takes the part of its name. A `Vec` takes all parts of its name; its name may end in `[]`, in the struct
    ///   and in the form.
    /// - An `Option` is `None` where the part is absent, or empty and not a file.
    /// - Numbers and `bool` are read from text. A struct with the fields `name` and `bytes` is read from a file.
    /// - Parts of other names are ignored, unless the name is a misspelling of a field.
    ///
    /// # Errors
    /// `missing-file`, `duplicate-field`, those of [`Part::text`], and `invalid-parameter` for a value that does not fit or
    /// a name that is misspelt. Each names its field in the member `parameter`.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        T::deserialize(Parts(self.0)).map_err(|error| match error {
            FieldError::Problem(problem) => problem,
            // Serde reports these of a field, whose name is added there.
            FieldError::Value(reason) => Problem::parameter("form", reason),
        })
    }
}

/// Why a form does not fit the struct.
#[derive(Debug, thiserror::Error)]
enum FieldError {
    #[error("{}", .0.detail())]
    Problem(Problem),
    /// The value of a field; the sentence goes on after the field's name.
    #[error("{0}")]
    Value(String),
}

impl serde::de::Error for FieldError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Value(reason.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        let detail = format!("the form has no '{field}'; send the file in a field of this name");
        Self::Problem(Problem::new(MISSING_FILE, detail).with("parameter", field))
    }
}

struct Parts(Vec<Part>);

impl<'de> Deserializer<'de> for Parts {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldError> {
        Err(serde::de::Error::custom("is read into a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let mut fields: Vec<Field> = names.iter().map(|name| Field::new(name)).collect();
        for part in self.0 {
            let exact = fields.iter().position(|field| field.is_named(&part.name));
            let field =
                exact.or_else(|| fields.iter().position(|field| field.resembles(&part.name)));
            if let Some(field) = field.and_then(|index| fields.get_mut(index)) {
                field.parts.push(part);
            }
        }
        fields.retain(|field| !field.parts.is_empty());
        visitor.visit_map(Fields {
            rest: fields.into_iter(),
            current: None,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields for which there are parts.
struct Fields {
    rest: IntoIter<Field>,
    current: Option<Field>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FieldError> {
        let Some(field) = self.rest.next() else {
            return Ok(None);
        };
        let name = field.name;
        self.current = Some(field);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, FieldError> {
        let field = self.current.take().unwrap_or(Field::new(""));
        let name = stem(field.name);
        seed.deserialize(field).map_err(|error| match error {
            FieldError::Value(reason) => {
                FieldError::Problem(Problem::parameter(name, plain(&reason)))
            }
            problem @ FieldError::Problem(_) => problem,
        })
    }
}

/// A field of the struct, with its parts.
struct Field {
    /// As the struct has it.
    name: &'static str,
    parts: Vec<Part>,
}

impl Field {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            parts: Vec::new(),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        stem(name) == stem(self.name)
    }

    /// Whether `name` differs only in case, hyphens, brackets and, for a list, in number.
    fn resembles(&self, name: &str) -> bool {
        let is_list = self.name.ends_with("[]");
        let [name, own] = [letters(name), letters(self.name)];
        name == own || is_list && singular(&name) == singular(&own)
    }

    /// A client would wonder what became of a field that is misspelt: it is refused.
    fn check(&self, part: &Part, is_list: bool) -> Result<(), FieldError> {
        let own = stem(self.name);
        if part.name == own || is_list && stem(&part.name) == own {
            return Ok(());
        }
        let reason = match is_list {
            true => format!(
                "is not understood; send '{}', once for each value",
                self.name
            ),
            false => format!("is not understood; send '{own}'"),
        };
        Err(FieldError::Problem(Problem::parameter(&part.name, reason)))
    }

    /// The only part.
    fn single(mut self) -> Result<Part, FieldError> {
        for part in &self.parts {
            self.check(part, false)?;
        }
        match (self.parts.pop(), &*self.parts) {
            (Some(part), []) => Ok(part),
            _ => {
                let name = self.name;
                let detail = format!("the field '{name}' was sent more than once");
                let problem = Problem::new(DUPLICATE_FIELD, detail).with("parameter", name);
                Err(FieldError::Problem(problem))
            }
        }
    }

    fn text(self) -> Result<String, FieldError> {
        self.single()?.into_text()
    }

    fn parsed<T: FromStr>(self, expected: &str) -> Result<T, FieldError> {
        let parsed = self.text()?.to_ascii_lowercase().parse();
        parsed.map_err(|_| FieldError::Value(format!("must be {expected}")))
    }
}

impl Part {
    fn into_text(self) -> Result<String, FieldError> {
        self.text().map(str::to_owned).map_err(FieldError::Problem)
    }
}

impl<'de> Deserializer<'de> for Field {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_byte_buf(self.single()?.bytes.into())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            _ => Err(FieldError::Value("must be true or false".to_owned())),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_f32(self.parsed("a number")?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_f64(self.parsed("a number")?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_u64(self.parsed("a whole number")?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let text = self.text()?;
        if !variants.contains(&&*text) {
            let expected = alternatives(variants);
            let reason = format!("cannot be '{text:.100}'; send {expected}");
            return Err(FieldError::Value(reason));
        }
        visitor.visit_enum(text.into_deserializer())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match &*self.parts {
            [part] if part.bytes.is_empty() && part.file_name.is_none() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        for part in &self.parts {
            self.check(part, true)?;
        }
        let name = self.name;
        let items = self
            .parts
            .into_iter()
            .map(|part| Item { field: name, part });
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let Part {
            file_name, bytes, ..
        } = self.single()?;
        let members = [
            ("name", Member::Name(file_name)),
            ("bytes", Member::Bytes(bytes)),
        ];
        visitor.visit_map(MapDeserializer::new(members.into_iter()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 char str string unit unit_struct tuple tuple_struct map identifier
    }
}

/// One of the values of a list.
struct Item {
    field: &'static str,
    part: Part,
}

impl IntoDeserializer<'_, FieldError> for Item {
    type Deserializer = Field;

    fn into_deserializer(self) -> Field {
        // The list has checked how its parts are named.
        let name = stem(self.field);
        let part = Part {
            name: name.to_owned(),
            ..self.part
        };
        Field {
            name,
            parts: vec![part],
        }
    }
}

/// What is known of a file.
enum Member {
    Name(Option<String>),
    Bytes(Bytes),
}

impl IntoDeserializer<'_, FieldError> for Member {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Member {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Self::Name(None) => visitor.visit_none(),
            Self::Name(Some(name)) => visitor.visit_some(name.into_deserializer()),
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes.into()),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix("[]").unwrap_or(name)
}

/// The letters and digits of a name before its first bracket, in lower case.
fn letters(name: &str) -> String {
    name.chars()
        .take_while(|letter| *letter != '[')
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn singular(word: &str) -> String {
    match (word.strip_suffix("ies"), word.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, stem) => stem.unwrap_or(word).to_owned(),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn alternatives(words: &[&str]) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests;
