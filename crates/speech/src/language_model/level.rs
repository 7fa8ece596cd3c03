//! What is known of the words after one other word, or after two.
use super::{number, take};

/// Contexts in order of their keys, each with its entries in order of their words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level<'a> {
    /// Key, then first entry (24 bits) and back-off weight (8 bits). One more marks the end.
    contexts: &'a [[u8; 8]],
    /// Word (20 bits) and probability (8 bits).
    entries: &'a [[u8; 4]],
}

impl<'a> Level<'a> {
    pub(super) fn take(bytes: &mut &'a [u8], contexts: usize, entries: usize) -> Option<Self> {
        let contexts = contexts.checked_add(1)?.checked_mul(8)?;
        Some(Self {
            contexts: take(bytes, contexts)?.as_chunks().0,
            entries: take(bytes, entries.checked_mul(4)?)?.as_chunks().0,
        })
    }

    /// The place of the context with a key.
    pub(super) fn context(&self, key: u32) -> Option<usize> {
        // The last is the end mark.
        let (_, contexts) = self.contexts.split_last()?;
        let key_of = |&[a, b, c, d, ..]: &[u8; 8]| number([a, b, c, d]);
        contexts.binary_search_by_key(&key, key_of).ok()
    }

    /// The byte of the weight of what the context at a place does not know.
    pub(super) fn back_off(&self, place: usize) -> u8 {
        self.contexts.get(place).map_or(0, |context| context[7])
    }

    /// The place of a word among the entries after the context at a place, and the byte of its probability.
    pub(super) fn entry(&self, place: usize, word: u32) -> Option<(usize, u8)> {
        let first = |place: usize| {
            let &[_, _, _, _, a, b, c, _] = self.contexts.get(place)?;
            Some(number([a, b, c, 0]) as usize)
        };
        let (begin, end) = (first(place)?, first(place + 1)?);
        let entries = self.entries.get(begin..end)?;
        let found = entries
            .binary_search_by_key(&word, |&entry| number(entry) & 0xF_FFFF)
            .ok()?;
        let probability = number(*entries.get(found)?) >> 20 & 0xFF;
        Some((begin + found, probability as u8))
    }
}
