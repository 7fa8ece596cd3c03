//! What a language model adds to the score of a text.
use super::{
    super::vocabulary::{BOUNDARY, Vocabulary},
    BeamSettings,
};
use crate::language_model::{Context, LanguageModel, Prefix};

/// A language model and its weights.
#[derive(Clone, Copy)]
pub(super) struct Fusion<'a> {
    model: LanguageModel<'a>,
    settings: &'a BeamSettings,
    vocabulary: &'a Vocabulary,
}

/// The language model's view of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Language {
    /// The score of the complete words.
    settled: f32,
    /// The score, that of the unfinished word guessed.
    pub(super) score: f32,
    /// The complete words.
    context: Context,
    /// The letters of the unfinished word, if a known word begins so.
    prefix: Option<Prefix>,
    /// How many letters the unfinished word has.
    letters: u16,
}

impl<'a> Fusion<'a> {
    pub(super) fn new(
        model: LanguageModel<'a>,
        settings: &'a BeamSettings,
        vocabulary: &'a Vocabulary,
    ) -> Self {
        Self {
            model,
            settings,
            vocabulary,
        }
    }

    /// The view of the empty text.
    pub(super) fn start(&self) -> Language {
        Language {
            context: self.model.start(),
            prefix: Some(self.model.root()),
            ..Language::default()
        }
    }

    /// The view of a text with one more label.
    pub(super) fn extend(&self, text: &Language, label: usize) -> Language {
        if label == BOUNDARY {
            return self.complete(text);
        }
        let mut letters = self.vocabulary.text(label).chars();
        let prefix = letters.try_fold(text.prefix, |prefix, letter| {
            Some(Some(self.model.extend(prefix?, letter)?))
        });
        let prefix = prefix.flatten();
        let guess = match prefix {
            Some(prefix) => self.weigh(self.model.best_completion(prefix)),
            None => self.unknown(text.letters.saturating_add(1)),
        };
        Language {
            score: text.settled + guess,
            prefix,
            letters: text.letters.saturating_add(1),
            ..*text
        }
    }

    /// The view of the text when its last word is complete.
    pub(super) fn complete(&self, text: &Language) -> Language {
        if text.letters == 0 {
            return *text;
        }
        let word = text.prefix.filter(|&prefix| self.model.is_word(prefix));
        let (score, context) = match word {
            Some(word) => {
                let (probability, context) = self.model.follow(text.context, word);
                (self.weigh(probability), context)
            }
            None => (self.unknown(text.letters), Context::default()),
        };
        let settled = text.settled + score;
        Language {
            settled,
            score: settled,
            context,
            prefix: Some(self.model.root()),
            letters: 0,
        }
    }

    /// The most that one more label can add.
    pub(super) fn headroom(&self) -> f32 {
        self.settings.word_bonus.max(0.0)
    }

    fn weigh(&self, log_probability: f32) -> f32 {
        self.settings.language_weight * log_probability + self.settings.word_bonus
    }

    fn unknown(&self, letters: u16) -> f32 {
        let spelling = self.settings.letter_penalty * f32::from(letters);
        self.weigh(self.model.unknown()) - self.settings.unknown_penalty - spelling
    }
}
