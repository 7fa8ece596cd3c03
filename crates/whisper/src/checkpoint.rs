//! Reads a model file.
//!
//! It is a safetensors file with the names of transformers' `WhisperForConditionalGeneration`, whose metadata hold what
//! transformers keep in files beside it: `config`, `generation_config`, `vocabulary`, and `name` and `created`.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::panels::HEAD;

/// The fewest tokens that a decoder must have room for. A prompt takes less than half of them, and five are special.
const LEAST_TEXT: usize = 16;
/// The fewest frames of a window, 10 s. Recordings are cut into pieces of this length at least.
const LEAST_WINDOW: usize = 500;

/// The model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a safetensors file.
    #[error("it is not a safetensors file")]
    Format(#[from] SafeTensorError),
    /// Its description is incomplete.
    #[error("the file's metadata have no '{0}'")]
    MissingMetadata(&'static str),
    /// What it says of itself cannot be read.
    #[error("'{property}' in the file's metadata cannot be read")]
    Metadata {
        /// Which part.
        property: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A tensor has another shape or type than the configuration tells.
    #[error(
        "the tensor '{name}' has the shape {shape:?} and type {dtype}, expected {expected:?} of 16- or 32-bit floats"
    )]
    Tensor {
        /// Its name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its type.
        dtype: String,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// A tensor has a value that is infinite or not a number.
    #[error("the tensor '{0}' has values that are infinite or not numbers")]
    NotFinite(String),
    /// The configuration is of a model that is not supported.
    #[error("{0}")]
    Unsupported(String),
}

/// The sizes of a model: what is used of `config.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Config {
    #[serde(rename = "d_model")]
    pub(crate) width: usize,
    pub(crate) encoder_layers: usize,
    #[serde(rename = "encoder_attention_heads")]
    pub(crate) encoder_heads: usize,
    pub(crate) encoder_ffn_dim: usize,
    pub(crate) decoder_layers: usize,
    #[serde(rename = "decoder_attention_heads")]
    pub(crate) decoder_heads: usize,
    pub(crate) decoder_ffn_dim: usize,
    #[serde(rename = "num_mel_bins")]
    pub(crate) bands: usize,
    #[serde(rename = "max_source_positions")]
    pub(crate) positions: usize,
    #[serde(rename = "max_target_positions")]
    pub(crate) text_positions: usize,
    #[serde(rename = "vocab_size")]
    pub(crate) vocabulary: usize,
    #[serde(rename = "eos_token_id")]
    pub(crate) end: u32,
    #[serde(rename = "decoder_start_token_id")]
    pub(crate) start: u32,
}

/// How text is decoded: what is used of `generation_config.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Generation {
    /// Layer and head of the cross-attention that follows the sound.
    #[serde(default)]
    pub(crate) alignment_heads: Option<Vec<(usize, usize)>>,
    #[serde(default)]
    pub(crate) suppress_tokens: Option<Vec<u32>>,
    #[serde(default)]
    pub(crate) begin_suppress_tokens: Option<Vec<u32>>,
    pub(crate) no_timestamps_token_id: u32,
    #[serde(default)]
    pub(crate) is_multilingual: bool,
    #[serde(default)]
    pub(crate) lang_to_id: HashMap<String, u32>,
    #[serde(default)]
    pub(crate) task_to_id: HashMap<String, u32>,
    /// The token for no speech. transformers' own files lack it; the conversion adds it.
    pub(crate) no_speech_token_id: u32,
    /// `<|startofprev|>`, before a prompt.
    pub(crate) prev_sot_token_id: u32,
}

/// A model file.
pub(crate) struct Checkpoint<'a> {
    tensors: SafeTensors<'a>,
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) config: Config,
    pub(crate) generation: Generation,
    /// The tokens by their ids, in the form of GPT-2.
    pub(crate) vocabulary: Vec<Option<String>>,
}

impl<'a> Checkpoint<'a> {
    pub(crate) fn parse(file: &'a [u8]) -> Result<Self, LoadError> {
        let (_, header) = SafeTensors::read_metadata(file)?;
        let metadata = header.metadata().as_ref();
        let text = |name: &'static str| {
            let value = metadata.and_then(|metadata| metadata.get(name));
            value.ok_or(LoadError::MissingMetadata(name))
        };
        let checkpoint = Self {
            name: text("name")?.clone(),
            created: json("created", text("created")?)?,
            config: json("config", text("config")?)?,
            generation: json("generation_config", text("generation_config")?)?,
            vocabulary: json("vocabulary", text("vocabulary")?)?,
            tensors: SafeTensors::deserialize(file)?,
        };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// The values of a tensor.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let tensor = self.tensors.tensor(name)?;
        let data = tensor.data();
        let halves = || data.as_chunks::<2>().0.iter().copied();
        let values: Option<Vec<f32>> = match tensor.dtype() {
            _ if tensor.shape() != shape => None,
            Dtype::F32 => Some(
                data.as_chunks::<4>()
                    .0
                    .iter()
                    .copied()
                    .map(f32::from_le_bytes)
                    .collect(),
            ),
            Dtype::F16 => Some(
                halves()
                    .map(|bytes| f16::from_le_bytes(bytes).to_f32())
                    .collect(),
            ),
            Dtype::BF16 => Some(
                halves()
                    .map(|bytes| bf16::from_le_bytes(bytes).to_f32())
                    .collect(),
            ),
            _ => None,
        };
        let values = values.ok_or_else(|| LoadError::Tensor {
            name: name.to_owned(),
            shape: tensor.shape().to_vec(),
            dtype: format!("{:?}", tensor.dtype()),
            expected: shape.to_vec(),
        })?;
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(LoadError::NotFinite(name.to_owned()))
        }
    }

    /// Whether the decoder can work with these sizes and tokens.
    fn check(&self) -> Result<(), LoadError> {
        let (config, generation) = (&self.config, &self.generation);
        if !config.is_sound() {
            let reason = format!("it is not a Whisper model: its configuration is {config:?}");
            return Err(LoadError::Unsupported(reason));
        }
        let tokens = [
            config.end,
            config.start,
            generation.no_timestamps_token_id,
            generation.no_speech_token_id,
            generation.prev_sot_token_id,
        ];
        let languages = generation.lang_to_id.values();
        let mut tokens = tokens
            .iter()
            .chain(languages)
            .chain(generation.task_to_id.values());
        if let Some(token) = tokens.find(|id| **id as usize >= config.vocabulary) {
            let reason = format!(
                "its token {token} is beyond its vocabulary of {}",
                config.vocabulary
            );
            return Err(LoadError::Unsupported(reason));
        }
        Ok(())
    }
}

impl Config {
    fn is_sound(&self) -> bool {
        let heads = [self.encoder_heads, self.decoder_heads];
        let sizes = [
            self.width,
            self.bands,
            self.positions,
            self.text_positions,
            self.encoder_layers,
            self.encoder_ffn_dim,
            self.decoder_layers,
            self.decoder_ffn_dim,
        ];
        sizes.iter().all(|size| (1..=1 << 16).contains(size))
            && heads
                .iter()
                .all(|heads| heads.checked_mul(HEAD) == Some(self.width))
            && self.positions.is_multiple_of(2)
            && self.positions >= LEAST_WINDOW
            && self.text_positions >= LEAST_TEXT
    }
}

fn json<T: DeserializeOwned>(property: &'static str, text: &str) -> Result<T, LoadError> {
    serde_json::from_str(text).map_err(|source| LoadError::Metadata { property, source })
}
