//! What the language makes likely: words, and how probable each is after those before it.

/// A word list and an n-gram model of words, read in place from bytes that
/// `models/speech/language_model.py` writes.
#[derive(Clone, Copy, Debug)]
pub struct LanguageModel<'a> {
    bytes: &'a [u8],
}

/// The words before a word, as far as the model looks back. The default is after an unknown word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {}

/// The letters that a known word begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(u32);

/// The bytes are no language model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LanguageModelError {
    /// The bytes do not begin as a language model does, or are of another version.
    #[error("the bytes are no language model of this version")]
    Magic,
    /// The sections do not add up to the number of bytes.
    #[error("the language model is cut off or damaged")]
    Length,
}

impl<'a> LanguageModel<'a> {
    /// The model that `bytes` hold. Looks at the header only, so that it takes no time.
    ///
    /// # Errors
    /// [`LanguageModelError`] when the bytes are no model. Damage behind the header gives wrong probabilities,
    /// never a panic.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, LanguageModelError> {
        Ok(Self { bytes })
    }

    /// At the beginning of a text.
    pub fn start(&self) -> Context {
        Context::default()
    }

    /// No letters yet.
    pub fn root(&self) -> Prefix {
        Prefix(0)
    }

    /// One more letter, if a known word goes on so. Case does not matter.
    pub fn extend(&self, prefix: Prefix, letter: char) -> Option<Prefix> {
        let _ = (prefix, letter, self.bytes);
        None
    }

    /// Whether the letters are a whole word.
    pub fn is_word(&self, prefix: Prefix) -> bool {
        prefix.0 != 0
    }

    /// The logarithm of the probability of the likeliest word that begins so, whatever is before it.
    pub fn best_completion(&self, prefix: Prefix) -> f32 {
        let _ = prefix;
        0.0
    }

    /// The logarithm of the probability of `word` after `context`, and the context after it.
    pub fn follow(&self, context: Context, word: Prefix) -> (f32, Context) {
        let _ = word;
        (0.0, context)
    }

    /// The logarithm of the probability of a word that the model does not know.
    pub fn unknown(&self) -> f32 {
        0.0
    }
}
