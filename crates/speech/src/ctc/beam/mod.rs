//! The most probable text.

mod fusion;
mod search;
mod tree;

use super::{
    align::align,
    emissions::Emissions,
    word::{Word, words},
};
use crate::{language_model::LanguageModel, pacer::Pacer};
use fusion::Fusion;

/// How wide [`beam_search`] looks and what it thinks of words. Scores are natural logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeamSettings {
    /// Texts that are kept from frame to frame; 0 counts as 1.
    pub width: usize,
    /// Texts whose score is this much below the best are dropped.
    pub beam_threshold: f32,
    /// Labels whose log-probability in a frame is lower do not extend a text, unless none is higher.
    pub token_threshold: f32,
    /// What the logarithm of a word's probability in the language model is multiplied by. This and the
    /// following are used with a language model only.
    pub language_weight: f32,
    /// Added for each word, against a language model's liking for few words.
    pub word_bonus: f32,
    /// Taken off for each word that the language model does not know.
    pub unknown_penalty: f32,
    /// And for each of its letters, against several words in one.
    pub letter_penalty: f32,
}

impl Default for BeamSettings {
    fn default() -> Self {
        Self {
            width: 1024,
            beam_threshold: 18.0,
            token_threshold: -7.0,
            language_weight: 1.0,
            word_bonus: 2.0,
            unknown_penalty: 10.0,
            letter_penalty: 1.0,
        }
    }
}

/// The words of the most probable text, as far as the beam reaches, at the times of the most probable
/// path that reads so.
///
/// This is prefix beam search (Hannun et al., "First-pass large vocabulary continuous speech recognition
/// using bi-directional recurrent DNNs", 2014): for each text so far it sums up the paths that end
/// in a blank and those that end in a letter. A language model counts when a word is complete; until
/// then the likeliest word that the letters could become stands for it.
pub async fn beam_search(
    emissions: &Emissions<'_>,
    language_model: Option<&LanguageModel<'_>>,
    settings: &BeamSettings,
    pause: impl AsyncFnMut(),
) -> Vec<Word> {
    let mut pacer = Pacer::new(pause);
    let fusion = language_model.map(|model| Fusion::new(*model, settings, emissions.vocabulary()));
    let (labels, _) = search::search(emissions, fusion, settings, &mut pacer).await;
    words(&align(emissions, &labels, &mut pacer).await, emissions)
}

/// The best text without a language model, as labels, and its score.
#[cfg(test)]
pub(super) fn labels_and_score(
    emissions: &Emissions<'_>,
    settings: &BeamSettings,
) -> (Vec<usize>, f32) {
    pollster::block_on(search::search(
        emissions,
        None,
        settings,
        &mut Pacer::new(async || {}),
    ))
}
