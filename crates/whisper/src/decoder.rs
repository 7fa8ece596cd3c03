//! The decoder: one token after the other, from what the encoder heard and the tokens before.

use kernels::math::{dot, gelu, softmax};
use kernels::quantized::{Linear, Precision, Then};
use kernels::{Pace, quantized};

use crate::attention::HEAD;
use crate::checkpoint::{Checkpoint, Config, LoadError};
use crate::encoder::Encoded;
use crate::layers::{Norm, linear, projections};

/// How inputs of the decoder are quantised. It reads its weights from memory once a token, so the second row is nearly free.
const STORE: (Precision, Then) = (Precision::Double, Then::Store);
const ADD: (Precision, Then) = (Precision::Double, Then::Add);
/// Keys that are multiplied with a query at a time.
const LANES: usize = 8;

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
    cross_sound: Linear,
    cross_output: Linear,
    norm: Norm,
    expansion: Linear,
    contraction: Linear,
}

/// What a layer attends to in the sound.
struct Sound {
    /// For each head, for each [`LANES`] keys, for each value of a head: those of the keys side by side.
    keys: Vec<[f32; LANES]>,
    /// For each head: the values of one key after the other.
    values: Vec<[f32; HEAD]>,
}

/// The sound of a window, made ready to be attended to.
pub(crate) struct Heard {
    layers: Vec<Sound>,
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
            let how = (Precision::Single, Then::Store);
            layer.cross_sound.apply(
                (&encoded.rows, self.width),
                &mut rows,
                how,
                &mut scratch,
                pace,
            );
            Sound::new(&rows, self.heads, pace)
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
            STORE,
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
    /// From rows of keys and values of all heads.
    fn new(rows: &[f32], heads: usize, pace: Pace) -> Self {
        let width = heads * HEAD;
        let count = rows.len() / (2 * width);
        let panels = count.div_ceil(LANES);
        let mut sound = Self {
            keys: vec![[0.0; LANES]; heads * panels * HEAD],
            values: Vec::with_capacity(heads * count),
        };
        for head in 0..heads {
            let keys = &mut sound.keys[head * panels * HEAD..][..panels * HEAD];
            for (key, row) in rows.chunks_exact(2 * width).enumerate() {
                let panel = &mut keys[key / LANES * HEAD..][..HEAD];
                for (to, value) in panel.iter_mut().zip(&row[head * HEAD..]) {
                    to[key % LANES] = *value;
                }
                if let Some(values) = row[width + head * HEAD..].first_chunk() {
                    sound.values.push(*values);
                }
            }
            pace.multiplied(4 * count * HEAD);
        }
        sound
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
            .apply((normal, width), projections, STORE, quantized, pace);
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
            .apply((gathered, width), hidden, ADD, quantized, pace);
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
            ..
        } = text;
        let width = hidden.len();
        self.cross_norm.apply(hidden, normal, pace);
        let query = &mut projections[..width];
        self.cross_query
            .apply((normal, width), query, STORE, quantized, pace);
        let sound = &heard.layers[index];
        let count = heard.bias.len();
        let panels = count.div_ceil(LANES);
        scores.resize(count, 0.0);
        for (head, query) in query.as_chunks::<HEAD>().0.iter().enumerate() {
            let keys = &sound.keys[head * panels * HEAD..][..panels * HEAD];
            for ((scores, keys), bias) in scores
                .chunks_mut(LANES)
                .zip(keys.chunks_exact(HEAD))
                .zip(heard.bias.chunks(LANES))
            {
                let sums = products(query, keys);
                for ((score, sum), bias) in scores.iter_mut().zip(sums).zip(bias) {
                    *score = sum + bias;
                }
            }
            softmax(scores);
            for (place, _) in alignment_heads
                .iter()
                .enumerate()
                .filter(|(_, at)| **at == (index, head))
            {
                let frames = &scores[..heard.frames];
                alignment[row + place * heard.frames..][..heard.frames].copy_from_slice(frames);
            }
            let values = &sound.values[head * count..][..count];
            gathered[head * HEAD..][..HEAD].copy_from_slice(&weighted(scores, values));
        }
        pace.multiplied(2 * count * width);
        self.cross_output
            .apply((gathered, width), hidden, ADD, quantized, pace);
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
            .apply((normal, width), expanded, STORE, quantized, pace);
        gelu(expanded);
        let inputs = expanded.len();
        self.contraction
            .apply((expanded, inputs), hidden, ADD, quantized, pace);
    }
}

/// The products of a query with keys that lie side by side.
fn products(query: &[f32; HEAD], keys: &[[f32; LANES]]) -> [f32; LANES] {
    let mut sums = [[0.0; LANES]; 2];
    for (query, keys) in query.as_chunks::<2>().0.iter().zip(keys.as_chunks::<2>().0) {
        for ((sums, query), keys) in sums.iter_mut().zip(query).zip(keys) {
            for (sum, key) in sums.iter_mut().zip(keys) {
                *sum += query * key;
            }
        }
    }
    let [mut sums, others] = sums;
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
    sums
}

/// The sum of rows, each with its weight.
fn weighted(weights: &[f32], rows: &[[f32; HEAD]]) -> [f32; HEAD] {
    let mut sums = [0.0; HEAD];
    for (weight, row) in weights.iter().zip(rows) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    sums
}
