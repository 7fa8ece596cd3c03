//! The meaning of special tokens, and the tokens that are never text.

use crate::checkpoint::Checkpoint;
use crate::vocabulary::Vocabulary;

/// The special tokens of a model.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) end: u32,
    pub(crate) start: u32,
    pub(crate) no_timestamps: u32,
    pub(crate) no_speech: u32,
    pub(crate) previous: u32,
    /// Never chosen.
    suppressed: Vec<u32>,
    /// Not chosen first.
    suppressed_first: Vec<u32>,
    /// Layer and head of the attention that follows the sound.
    pub(crate) alignment_heads: Vec<(usize, usize)>,
    /// The token of each language, by its code.
    pub(crate) languages: Vec<(String, u32)>,
    /// The token of the task to transcribe, and of that to translate.
    pub(crate) tasks: Option<(u32, u32)>,
    /// Tokens that open an annotation, such as `[Music]`.
    pub(crate) annotations: Vec<u32>,
}

impl Rules {
    pub(crate) fn new(checkpoint: &Checkpoint, vocabulary: &Vocabulary) -> Self {
        let (config, generation) = (&checkpoint.config, &checkpoint.generation);
        let below = |ids: &Option<Vec<u32>>| -> Vec<u32> {
            let ids = ids.iter().flatten().copied();
            ids.filter(|id| (*id as usize) < config.vocabulary)
                .collect()
        };
        let code = |token: &str| token.trim_matches(['<', '|', '>']).to_owned();
        let mut languages: Vec<_> = generation
            .lang_to_id
            .iter()
            .map(|(token, id)| (code(token), *id))
            .collect();
        languages.sort_by_key(|(_, id)| *id);
        let task = |name| generation.task_to_id.get(name).copied();
        let multilingual = generation.is_multilingual && !languages.is_empty();
        if !multilingual {
            languages = vec![("en".to_owned(), config.start)];
        }
        Self {
            end: config.end,
            start: config.start,
            no_timestamps: generation.no_timestamps_token_id,
            no_speech: generation.no_speech_token_id,
            previous: generation.prev_sot_token_id,
            suppressed: below(&generation.suppress_tokens),
            suppressed_first: below(&generation.begin_suppress_tokens),
            alignment_heads: alignment_heads(checkpoint),
            languages,
            tasks: task("transcribe")
                .zip(task("translate"))
                .filter(|_| multilingual),
            annotations: (0..vocabulary.special)
                .filter(|id| {
                    let bytes = vocabulary.bytes(*id).trim_ascii_start();
                    ["[", "(", "*", "\u{266a}", "\u{2669}", "\u{266b}"]
                        .iter()
                        .any(|sign| bytes.starts_with(sign.as_bytes()))
                })
                .collect(),
        }
    }

    /// Leaves tokens that are text, and the end.
    pub(crate) fn suppress(&self, logits: &mut [f32], first: bool) {
        let also = if first {
            self.suppressed_first.as_slice()
        } else {
            &[]
        };
        for id in self.suppressed.iter().chain(also) {
            logits[*id as usize] = f32::NEG_INFINITY;
        }
        // Of the special tokens only the end is for text without times.
        let special = self.end as usize + 1;
        logits[special..].fill(f32::NEG_INFINITY);
    }
}

/// The heads that the checkpoint names, or all of the upper half of the decoder, as OpenAI does.
fn alignment_heads(checkpoint: &Checkpoint) -> Vec<(usize, usize)> {
    let (layers, heads) = (
        checkpoint.config.decoder_layers,
        checkpoint.config.decoder_heads,
    );
    let named = checkpoint
        .generation
        .alignment_heads
        .iter()
        .flatten()
        .copied();
    let named: Vec<_> = named
        .filter(|(layer, head)| *layer < layers && *head < heads)
        .collect();
    if !named.is_empty() {
        return named;
    }
    (layers / 2..layers)
        .flat_map(|layer| (0..heads).map(move |head| (layer, head)))
        .collect()
}
