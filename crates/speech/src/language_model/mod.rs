//! What the language makes likely: words, and how probable each is after the two before it.
//!
//! `models/speech/language_model.py` writes the bytes and tells their format. They are read in place:
//! nothing is copied, and loading looks at the header only, because each request loads anew.

mod level;

use level::{Level, Place};

/// A word list and a trigram model of words.
#[derive(Clone, Copy, Debug)]
pub struct LanguageModel<'a> {
    nodes: &'a [[u8; 4]],
    /// For each node the probability of its word, and that of the likeliest word at or below it.
    own: &'a [u8],
    best: &'a [u8],
    after_one: Level<'a>,
    after_two: Level<'a>,
    unknown: u8,
}

/// The words before a word, as far as the model looks back. The default is after an unknown word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Among the contexts of one word and of two, if there are words after it.
    one: Option<Place>,
    two: Option<Place>,
}

/// The letters that a known word begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(u32);

/// The bytes are no language model: a fault of the build, never of a caller's audio.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LanguageModelError {
    /// The bytes do not begin as a language model of this version does.
    #[error("the bytes are no language model of this version")]
    Magic,
    /// The sections do not add up to the number of bytes.
    #[error("the language model is cut off or damaged")]
    Length,
}

const MAGIC: &[u8; 8] = b"words001";
/// The node that also stands for the beginning of a text.
const ROOT: u32 = 0;
/// Letters that a node can go on with: A to Z and the apostrophe.
const LETTERS: u32 = 27;

impl<'a> LanguageModel<'a> {
    /// The model that `bytes` hold.
    ///
    /// # Errors
    /// [`LanguageModelError`] when they are no model. Damage behind the header gives wrong probabilities,
    /// never a panic.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, LanguageModelError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(LanguageModelError::Magic)?;
        Self::sections(rest).ok_or(LanguageModelError::Length)
    }

    fn sections(mut bytes: &'a [u8]) -> Option<Self> {
        let header: [usize; 6] = {
            let (words, _) = take(&mut bytes, 24)?.as_chunks();
            let numbers: Vec<usize> = words.iter().map(|&word| number(word) as usize).collect();
            numbers.try_into().ok()?
        };
        let [nodes, one, one_entries, two, two_entries, unknown] = header;
        let model = Self {
            nodes: take(&mut bytes, nodes.checked_mul(4)?)?.as_chunks().0,
            own: take(&mut bytes, nodes)?,
            best: take(&mut bytes, nodes)?,
            after_one: Level::take(&mut bytes, one, one_entries)?,
            after_two: Level::take(&mut bytes, two, two_entries)?,
            unknown: unknown.try_into().ok()?,
        };
        bytes.is_empty().then_some(model)
    }

    /// At the beginning of a text.
    pub fn start(&self) -> Context {
        Context {
            one: self.after_one.context(ROOT),
            two: None,
        }
    }

    /// No letters yet.
    pub fn root(&self) -> Prefix {
        Prefix(ROOT)
    }

    /// One more letter, if a known word goes on so. Case does not matter.
    pub fn extend(&self, prefix: Prefix, letter: char) -> Option<Prefix> {
        let letter = match letter.to_ascii_uppercase() {
            letter @ 'A'..='Z' => u32::from(letter) - u32::from('A') + 1,
            '\'' => LETTERS,
            _ => return None,
        };
        let first = self.node(prefix)? & 0xF_FFFF;
        if first == ROOT {
            return None;
        }
        for child in first..first + LETTERS {
            let node = self.node(Prefix(child))?;
            if node >> 20 & 0x1F == letter {
                return Some(Prefix(child));
            }
            if node >> 25 & 1 == 1 {
                break;
            }
        }
        None
    }

    /// Whether the letters are a whole word.
    pub fn is_word(&self, prefix: Prefix) -> bool {
        self.node(prefix).is_some_and(|node| node >> 26 & 1 == 1)
    }

    /// The logarithm of the probability of the likeliest word that begins so, whatever is before it.
    pub fn best_completion(&self, prefix: Prefix) -> f32 {
        logarithm(self.best.get(prefix.0 as usize).copied().unwrap_or(u8::MAX))
    }

    /// The logarithm of the probability of the whole `word` after `context`, and the context after it.
    pub fn follow(&self, context: Context, word: Prefix) -> (f32, Context) {
        let mut after = Context {
            one: self.after_one.context(word.0),
            two: None,
        };
        let mut back_off = 0.0;
        let (mut in_two, mut in_one) = (None, None);
        if let Some(one) = context.one {
            in_one = self.after_one.entry(one, word.0);
        }
        if let Some((entry, _)) = in_one {
            after.two = self.after_two.context(entry as u32);
        }
        if let Some(two) = context.two {
            in_two = self.after_two.entry(two, word.0);
            if in_two.is_none() {
                back_off += logarithm(self.after_two.back_off(two));
            }
        }
        let probability = match (in_two, in_one) {
            (Some((_, probability)), _) | (None, Some((_, probability))) => probability,
            (None, None) => {
                if let Some(one) = context.one {
                    back_off += logarithm(self.after_one.back_off(one));
                }
                self.own.get(word.0 as usize).copied().unwrap_or(u8::MAX)
            }
        };
        (back_off + logarithm(probability), after)
    }

    /// The logarithm of the probability of a word that the model does not know.
    pub fn unknown(&self) -> f32 {
        logarithm(self.unknown)
    }

    fn node(&self, prefix: Prefix) -> Option<u32> {
        self.nodes.get(prefix.0 as usize).copied().map(number)
    }
}

/// The next `count` bytes.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn number(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes)
}

/// The logarithm of a probability that is written as a byte.
fn logarithm(byte: u8) -> f32 {
    f32::from(byte) / -16.0
}

#[cfg(test)]
mod tests;
