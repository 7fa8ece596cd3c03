use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

/// The name of the extension that sends tensors as bytes after the JSON.
pub const BINARY_EXTENSION: &str = "binary_tensor_data";

/// An extension of the protocol that a request needs and that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{parameter}` belongs to the extension `{name}`, which is not supported; {instead}")]
pub struct UnsupportedExtension {
    /// The extension's name, as server metadata would list it.
    pub name: &'static str,
    /// The parameter that needs it.
    pub parameter: &'static str,
    /// What to send instead.
    pub instead: &'static str,
}

/// The parameters of a tensor. Their names show which extensions a client relies on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(BTreeMap<String, IgnoredAny>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(from)?.unwrap_or_default()))
    }
}

const SHARED_MEMORY: UnsupportedExtension = UnsupportedExtension {
    name: "shared_memory",
    parameter: "shared_memory_region",
    instead: "leave it out",
};

impl Parameters {
    /// The extension that an input with these parameters needs.
    pub(super) fn of_input(&self) -> Option<UnsupportedExtension> {
        self.needs(&[
            UnsupportedExtension {
                name: BINARY_EXTENSION,
                parameter: "binary_data_size",
                instead: "send `data` as JSON (`binary_data=False` in tritonclient)",
            },
            UnsupportedExtension {
                instead: "send `data` as JSON",
                ..SHARED_MEMORY
            },
        ])
    }

    /// The extension that an output with these parameters needs.
    pub(super) fn of_output(&self) -> Option<UnsupportedExtension> {
        self.needs(&[
            SHARED_MEMORY,
            UnsupportedExtension {
                name: "classification",
                parameter: "classification",
                instead: "leave it out",
            },
        ])
    }

    fn needs(&self, extensions: &[UnsupportedExtension]) -> Option<UnsupportedExtension> {
        let mut extensions = extensions.iter();
        extensions
            .find(|it| self.0.contains_key(it.parameter))
            .cloned()
    }
}
