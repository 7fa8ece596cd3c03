use std::collections::HashMap;
use std::str::FromStr;

use tract_onnx::pb::ModelProto;

/// A model's description, from the `metadata_props` of its ONNX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The sample rate that it expects, in Hz.
    pub sample_rate: u32,
    /// Samples from one frame of logits to the next.
    pub stride: u32,
    /// The fewest samples it takes.
    pub minimum_samples: u32,
    /// The token of each logit of a frame.
    pub vocabulary: Vec<String>,
}

/// A property of the model is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is not in `metadata_props`.
    #[error("the model's metadata_props have no '{0}'")]
    Missing(&'static str),
    /// It does not have the expected form.
    #[error("'{property}' in the model's metadata_props is '{value}', expected {expected}")]
    Invalid {
        /// The property.
        property: &'static str,
        /// Its value in the file.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Metadata {
    pub(crate) fn read(model: &ModelProto) -> Result<Self, MetadataError> {
        let properties: HashMap<&str, &str> = model
            .metadata_props
            .iter()
            .map(|property| (property.key.as_str(), property.value.as_str()))
            .collect();
        let text = |property| {
            properties
                .get(property)
                .copied()
                .ok_or(MetadataError::Missing(property))
        };
        Ok(Self {
            name: text("name")?.to_owned(),
            created: number("created", text("created")?, 0)?,
            sample_rate: number("sample_rate", text("sample_rate")?, 1)?,
            stride: number("stride", text("stride")?, 1)?,
            minimum_samples: number("minimum_samples", text("minimum_samples")?, 1)?,
            vocabulary: vocabulary(text("vocabulary")?)?,
        })
    }
}

fn number<T: FromStr + PartialOrd + Copy>(
    property: &'static str,
    value: &str,
    least: T,
) -> Result<T, MetadataError> {
    value
        .parse()
        .ok()
        .filter(|number| *number >= least)
        .ok_or_else(|| MetadataError::Invalid {
            property,
            value: value.to_owned(),
            expected: "a whole number",
        })
}

fn vocabulary(value: &str) -> Result<Vec<String>, MetadataError> {
    serde_json::from_str(value)
        .ok()
        .filter(|tokens: &Vec<String>| !tokens.is_empty())
        .ok_or_else(|| MetadataError::Invalid {
            property: "vocabulary",
            value: value.to_owned(),
            expected: "a JSON array of the tokens",
        })
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::StringStringEntryProto;

    use super::*;

    const PROPERTIES: [(&str, &str); 6] = [
        ("name", "toy"),
        ("created", "1700000000"),
        ("sample_rate", "16000"),
        ("stride", "320"),
        ("minimum_samples", "400"),
        ("vocabulary", r#"["<pad>", "|", "é"]"#),
    ];

    fn read(properties: &[(&str, &str)]) -> Result<Metadata, MetadataError> {
        let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        Metadata::read(&ModelProto {
            metadata_props: properties.iter().map(entry).collect(),
            ..ModelProto::default()
        })
    }

    #[test]
    fn all_properties_are_read() {
        let expected = Metadata {
            name: "toy".into(),
            created: 1_700_000_000,
            sample_rate: 16_000,
            stride: 320,
            minimum_samples: 400,
            vocabulary: vec!["<pad>".into(), "|".into(), "é".into()],
        };
        assert_eq!(read(&PROPERTIES), Ok(expected));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (index, (property, _)) in PROPERTIES.iter().enumerate() {
            let mut properties = PROPERTIES.to_vec();
            properties.remove(index);
            let message = read(&properties).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("the model's metadata_props have no '{property}'")
            );
        }
        for (property, value) in [
            ("created", "-1"),
            ("created", "today"),
            ("sample_rate", "0"),
            ("stride", "0"),
            ("stride", "4294967296"),
            ("minimum_samples", ""),
            ("vocabulary", "[]"),
            ("vocabulary", "[1]"),
            ("vocabulary", "A B C"),
        ] {
            let mut properties = PROPERTIES.to_vec();
            properties.retain(|(key, _)| *key != property);
            properties.push((property, value));
            let message = read(&properties).unwrap_err().to_string();
            let expected = format!("'{property}' in the model's metadata_props is '{value}', ");
            assert!(message.starts_with(&expected), "{message}");
        }
    }
}
