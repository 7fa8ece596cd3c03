//! What is known of the words after one other word, or after two.
use std::num::NonZeroU32;

use super::{number, take};

/// Contexts in order of their keys, each with its entries in order of their words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level<'a> {
    /// Key, then first entry (24 bits) and back-off weight (8 bits). One more marks the end.
    contexts: &'a [[u8; 8]],
    /// Word (20 bits) and probability (8 bits).
    entries: &'a [[u8; 4]],
}

/// Where a context is in its level: one more than its number, so that an optional place takes no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(NonZeroU32);

impl Place {
    fn new(number: usize) -> Option<Self> {
        let number = u32::try_from(number).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }

    fn number(self) -> usize {
        self.0.get() as usize - 1
    }
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
    pub(super) fn context(&self, key: u32) -> Option<Place> {
        // The last is the end mark.
        let (_, contexts) = self.contexts.split_last()?;
        let key_of = |&[a, b, c, d, ..]: &[u8; 8]| number([a, b, c, d]);
        Place::new(contexts.binary_search_by_key(&key, key_of).ok()?)
    }

    /// The byte of the weight of what the context at a place does not know.
    pub(super) fn back_off(&self, place: Place) -> u8 {
        self.contexts
            .get(place.number())
            .map_or(0, |context| context[7])
    }

    /// The number of a word's entry after the context at a place, and the byte of its probability.
    pub(super) fn entry(&self, place: Place, word: u32) -> Option<(usize, u8)> {
        let first = |context: usize| {
            let &[_, _, _, _, a, b, c, _] = self.contexts.get(context)?;
            Some(number([a, b, c, 0]) as usize)
        };
        let (begin, end) = (first(place.number())?, first(place.number() + 1)?);
        let entries = self.entries.get(begin..end)?;
        let found = entries
            .binary_search_by_key(&word, |&entry| number(entry) & 0xF_FFFF)
            .ok()?;
        let probability = number(*entries.get(found)?) >> 20 & 0xFF;
        Some((begin + found, probability as u8))
    }
}
