//! The decoder: one token after the other, from what the encoder heard and the tokens before.

use kernels::integers::{COLUMNS, Pair, row, scale};
use kernels::math::{dot, gelu, softmax};
use kernels::quantized::{Linear, Then, Weights16};
use kernels::{Pace, quantized};

use crate::checkpoint::{Checkpoint, Config, LoadError};
use crate::encoder::Encoded;
use crate::layers::{Norm, linear, projections};
use crate::panels::{HEAD, Panels, WHOLE, to_pairs};

#[derive(Clone)]
pub(crate) struct Decoder {
    /// The embedding of each token, which is the last layer, too.
    tokens: Linear,
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: Norm,
    width: usize,
    heads: usize,
}

#[derive(Clone)]
struct Layer {
    attention_norm: Norm,
    projections: Linear,
    attention_output: Linear,
    cross_norm: Norm,
    cross_query: Linear,
    cross_sound: Linear<Weights16>,
    cross_output: Linear,
    norm: Norm,
    expansion: Linear,
    contraction: Linear,
}

/// What a head of a layer attends to in the sound. Integers of 16 bits are half as much to read a token as floats.
struct Sound(Panels<COLUMNS>);

/// The sound of a window, made ready to be attended to.
pub(crate) struct Heard {
    /// For each layer, for each head.
    layers: Vec<Vec<Sound>>,
    /// What is added to the scores of each key.
    bias: Vec<f32>,
    /// Keys that are frames of the clip itself.
    frames: usize,
}

/// A text that is being decoded.
pub(crate) struct Text {
    /// For each layer the keys and the values of each token, one token after the other.
    caches: Vec<(Vec<f32>, Vec<f32>)>,
    length: usize,
    hidden: Vec<f32>,
    normal: Vec<f32>,
    projections: Vec<f32>,
    gathered: Vec<f32>,
    expanded: Vec<f32>,
    scores: Vec<f32>,
    probabilities: Vec<Pair>,
    quantized: quantized::Scratch,
    /// For each token, for each alignment head: how much it attends to each frame of the clip.
    pub(crate) alignment: Vec<f32>,
}

impl Decoder {
    pub(crate) fn load(checkpoint: &Checkpoint) -> Result<Self, LoadError> {
        let &Config {
            width,
            vocabulary,
            text_positions,
            decoder_layers,
            decoder_heads,
            ..
        } = &checkpoint.config;
        let tokens =
            checkpoint.tensor("model.decoder.embed_tokens.weight", &[vocabulary, width])?;
        Ok(Self {
            tokens: Linear::new(vocabulary, &tokens, &[]),
            positions: checkpoint.tensor(
                "model.decoder.embed_positions.weight",
                &[text_positions, width],
            )?,
            layers: (0..decoder_layers)
                .map(|i| Layer::load(checkpoint, &format!("model.decoder.layers.{i}")))
                .collect::<Result<_, _>>()?,
            norm: Norm::load(checkpoint, "model.decoder.layer_norm", width)?,
            width,
            heads: decoder_heads,
        })
    }

    /// The most tokens of a text, with what is before it.
    pub(crate) fn positions(&self) -> usize {
        self.positions.len() / self.width
    }

    /// Prepares what the encoder heard in a clip of so many `frames`.
    pub(crate) fn hear(&self, encoded: Encoded, frames: usize, pace: Pace) -> Heard {
        let mut rows = Vec::new();
        let mut scratch = quantized::Scratch::default();
        let layers = self.layers.iter().map(|layer| {
            rows.resize(encoded.bias.len() * layer.cross_sound.outputs(), 0.0);
            layer.cross_sound.apply(
                (&encoded.rows, self.width),
                &mut rows,
                Then::Store,
                &mut scratch,
                pace,
            );
            (0..self.heads)
                .map(|head| Sound::new(&rows, (head, self.heads), pace))
                .collect()
        });
        Heard {
            layers: layers.collect(),
            frames: frames.min(encoded.bias.len()),
            bias: encoded.bias,
        }
    }

    /// An empty text.
    pub(crate) fn begin(&self) -> Text {
        Text {
            caches: self.layers.iter().map(|_| Default::default()).collect(),
            length: 0,
            hidden: vec![0.0; self.width],
            normal: vec![0.0; self.width],
            projections: vec![0.0; 3 * self.width],
            gathered: vec![0.0; self.width],
            expanded: Vec::new(),
            scores: Vec::new(),
            probabilities: Vec::new(),
            quantized: quantized::Scratch::default(),
            alignment: Vec::new(),
        }
    }

    /// Appends a token to a text that has fewer than [`Decoder::positions`].
    pub(crate) fn push(
        &self,
        text: &mut Text,
        token: u32,
        heard: &Heard,
        heads: &[(usize, usize)],
        pace: Pace,
    ) {
        self.tokens.weights_of(token as usize, &mut text.hidden);
        let positions = &self.positions[text.length * self.width..][..self.width];
        for (value, position) in text.hidden.iter_mut().zip(positions) {
            *value += position;
        }
        let row = text.alignment.len();
        text.alignment.resize(row + heads.len() * heard.frames, 0.0);
        for (index, layer) in self.layers.iter().enumerate() {
            layer.attend_to_text(text, index, self.heads, pace);
            layer.attend_to_sound(text, (index, row), heard, heads, pace);
            layer.feed_forward(text, pace);
        }
        text.length += 1;
    }

    /// The scores of each token to be the next.
    pub(crate) fn logits(&self, text: &mut Text, logits: &mut Vec<f32>, pace: Pace) {
        logits.resize(self.tokens.outputs(), 0.0);
        self.norm.apply(&text.hidden, &mut text.normal, pace);
        self.tokens.apply(
            (&text.normal, self.width),
            logits,
            Then::Store,
            &mut text.quantized,
            pace,
        );
    }
}

impl Text {
    /// Tokens, with what is before the text.
    pub(crate) fn length(&self) -> usize {
        self.length
    }
}

impl Heard {
    /// Frames of the clip.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }
}

impl Sound {
    /// From rows of keys and values of all `heads`.
    fn new(rows: &[f32], (head, heads): (usize, usize), pace: Pace) -> Self {
        let width = 2 * heads * HEAD;
        let side = |row: usize, side: usize| {
            rows[row * width + (side * heads + head) * HEAD..]
                .first_chunk()
                .unwrap_or(&[0.0; HEAD])
        };
        let mut panels = Panels::default();
        let count = rows.len() / width;
        panels.fill(count, |row| side(row, 0), |row| side(row, 1), pace);
        Self(panels)
    }

    /// The score of each key for a query, to which `bias` is added.
    fn score(&self, query: &[f32; HEAD], bias: &[f32], scores: &mut [f32]) {
        let (query, query_unit) = to_pairs(query);
        for ((scores, (keys, units)), bias) in scores
            .chunks_mut(COLUMNS)
            .zip(self.0.keys())
            .zip(bias.chunks(COLUMNS))
        {
            let sums = row(&query, keys);
            for (((score, sum), unit), bias) in scores.iter_mut().zip(sums).zip(units).zip(bias) {
                *score = sum as f32 * (unit * query_unit) + bias;
            }
        }
    }

    /// The sum of the values of all keys, weighted with their probabilities.
    fn gather(&self, probabilities: &[f32], pairs: &mut Vec<Pair>, result: &mut [f32]) {
        pairs.resize(probabilities.len().div_ceil(2), 0);
        scale(probabilities, WHOLE, pairs);
        let results = result.chunks_exact_mut(COLUMNS);
        for (result, (values, units)) in results.zip(self.0.values()) {
            let sums = row(pairs, values);
            for ((result, sum), unit) in result.iter_mut().zip(sums).zip(units) {
                *result = sum as f32 * unit;
            }
        }
    }
}

impl Layer {
    fn load(checkpoint: &Checkpoint, name: &str) -> Result<Self, LoadError> {
        let &Config {
            width,
            decoder_ffn_dim: expanded,
            ..
        } = &checkpoint.config;
        let part = |part: &str| format!("{name}.{part}");
        let norm = |name: &str| Norm::load(checkpoint, &part(name), width);
        let (own, cross) = (part("self_attn"), part("encoder_attn"));
        Ok(Self {
            attention_norm: norm("self_attn_layer_norm")?,
            projections: projections(checkpoint, &own, &["q", "k", "v"], width)?,
            attention_output: linear(checkpoint, &part("self_attn.out_proj"), width, width)?,
            cross_norm: norm("encoder_attn_layer_norm")?,
            cross_query: projections(checkpoint, &cross, &["q"], width)?,
            cross_sound: projections(checkpoint, &cross, &["k", "v"], width)?,
            cross_output: linear(checkpoint, &part("encoder_attn.out_proj"), width, width)?,
            norm: norm("final_layer_norm")?,
            expansion: linear(checkpoint, &part("fc1"), expanded, width)?,
            contraction: linear(checkpoint, &part("fc2"), width, expanded)?,
        })
    }

    fn attend_to_text(&self, text: &mut Text, index: usize, heads: usize, pace: Pace) {
        let Text {
            hidden,
            normal,
            projections,
            gathered,
            scores,
            quantized,
            ..
        } = text;
        let width = hidden.len();
        self.attention_norm.apply(hidden, normal, pace);
        self.projections
            .apply((normal, width), projections, Then::Store, quantized, pace);
        let (query, sides) = projections.split_at(width);
        let (keys, values) = &mut text.caches[index];
        keys.extend_from_slice(&sides[..width]);
        values.extend_from_slice(&sides[width..]);
        scores.resize(text.length + 1, 0.0);
        gathered.fill(0.0);
        for head in (0..heads).map(|head| head * HEAD..(head + 1) * HEAD) {
            let query = &query[head.clone()];
            for (score, key) in scores.iter_mut().zip(keys.chunks_exact(width)) {
                *score = dot(query, &key[head.clone()]);
            }
            softmax(scores);
            let gathered = &mut gathered[head.clone()];
            for (weight, value) in scores.iter().zip(values.chunks_exact(width)) {
                for (sum, value) in gathered.iter_mut().zip(&value[head.clone()]) {
                    *sum += weight * value;
                }
            }
        }
        pace.multiplied(4 * scores.len() * width);
        self.attention_output
            .apply((gathered, width), hidden, Then::Add, quantized, pace);
    }

    fn attend_to_sound(
        &self,
        text: &mut Text,
        (index, row): (usize, usize),
        heard: &Heard,
        alignment_heads: &[(usize, usize)],
        pace: Pace,
    ) {
        let Text {
            hidden,
            normal,
            projections,
            gathered,
            scores,
            quantized,
            alignment,
            probabilities,
            ..
        } = text;
        let width = hidden.len();
        self.cross_norm.apply(hidden, normal, pace);
        let query = &mut projections[..width];
        self.cross_query
            .apply((normal, width), query, Then::Store, quantized, pace);
        let count = heard.bias.len();
        scores.resize(count, 0.0);
        let heads = query.as_chunks::<HEAD>().0.iter().zip(&heard.layers[index]);
        for (head, (query, sound)) in heads.enumerate() {
            sound.score(query, &heard.bias, scores);
            softmax(scores);
            for (place, _) in alignment_heads
                .iter()
                .enumerate()
                .filter(|(_, at)| **at == (index, head))
            {
                let frames = &scores[..heard.frames];
                alignment[row + place * heard.frames..][..heard.frames].copy_from_slice(frames);
            }
            sound.gather(scores, probabilities, &mut gathered[head * HEAD..][..HEAD]);
        }
        pace.multiplied(count * width);
        self.cross_output
            .apply((gathered, width), hidden, Then::Add, quantized, pace);
    }

    fn feed_forward(&self, text: &mut Text, pace: Pace) {
        let Text {
            hidden,
            normal,
            expanded,
            quantized,
            ..
        } = text;
        let width = hidden.len();
        self.norm.apply(hidden, normal, pace);
        expanded.resize(self.expansion.outputs(), 0.0);
        self.expansion
            .apply((normal, width), expanded, Then::Store, quantized, pace);
        gelu(expanded);
        let inputs = expanded.len();
        self.contraction
            .apply((expanded, inputs), hidden, Then::Add, quantized, pace);
    }
}
