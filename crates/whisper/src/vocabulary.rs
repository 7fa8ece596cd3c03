//! Tokens and the text that they stand for.

use std::collections::HashMap;

use crate::checkpoint::Checkpoint;

/// The tokens of a model.
#[derive(Clone)]
pub(crate) struct Vocabulary {
    /// The bytes of all tokens, one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Tokens that stand for text have lower ids than this.
    pub(crate) special: u32,
}

impl Vocabulary {
    pub(crate) fn new(checkpoint: &Checkpoint) -> Self {
        let letters: HashMap<char, u8> = (0..=255).map(|byte| (letter(byte), byte)).collect();
        let mut vocabulary = Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            special: checkpoint.config.end,
        };
        for (id, token) in (0_u32..).zip(&checkpoint.vocabulary) {
            let text = token
                .as_deref()
                .filter(|_| id < vocabulary.special)
                .unwrap_or_default();
            vocabulary
                .bytes
                .extend(text.chars().filter_map(|c| letters.get(&c)));
            // The bytes of a vocabulary are some hundred thousand.
            vocabulary.ends.push(vocabulary.bytes.len() as u32);
        }
        vocabulary
    }

    /// A vocabulary of these tokens alone.
    #[cfg(test)]
    pub(crate) fn of<'t>(tokens: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let mut vocabulary = Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            special: 0,
        };
        for token in tokens {
            vocabulary.bytes.extend_from_slice(token);
            vocabulary.ends.push(vocabulary.bytes.len() as u32);
            vocabulary.special += 1;
        }
        vocabulary
    }

    /// The bytes of a token; none of one that stands for no text.
    pub(crate) fn bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let end = self.ends.get(id).copied().unwrap_or_default();
        let start = id
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or_default();
        self.bytes
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The text of tokens. Invalid UTF-8 becomes U+FFFD.
    pub(crate) fn text(&self, ids: impl IntoIterator<Item = u32>) -> String {
        let bytes: Vec<u8> = ids
            .into_iter()
            .flat_map(|id| self.bytes(id))
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The tokens of a text, merged as GPT-2 does: the pair whose merger has the lowest id first.
    pub(crate) fn tokens(&self, text: &str) -> Vec<u32> {
        let ids: HashMap<&[u8], u32> = (0..self.special)
            .map(|id| (self.bytes(id), id))
            .filter(|(bytes, _)| !bytes.is_empty())
            .collect();
        let mut tokens = Vec::new();
        for piece in pieces(text) {
            let mut parts: Vec<&[u8]> = piece.as_bytes().chunks(1).collect();
            let mut at = Vec::from_iter(0..piece.len());
            loop {
                let end = |i: usize| at.get(i).copied().unwrap_or(piece.len());
                let best = (0..parts.len().saturating_sub(1))
                    .filter_map(|i| {
                        let merged = piece.as_bytes().get(at[i]..end(i + 2))?;
                        Some((*ids.get(merged)?, i, merged))
                    })
                    .min_by_key(|(id, i, _)| (*id, *i));
                let Some((_, i, merged)) = best else {
                    break;
                };
                parts[i] = merged;
                parts.remove(i + 1);
                at.remove(i + 1);
            }
            tokens.extend(parts.iter().filter_map(|part| ids.get(part)));
        }
        tokens
    }
}

/// Cuts a text where no token reaches over: letters, digits, and other signs, each with one space before it.
fn pieces(text: &str) -> Vec<&str> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Space,
        Letter,
        Digit,
        Other,
    }
    let kind = |c: char| match c {
        c if c.is_whitespace() => Kind::Space,
        c if c.is_alphabetic() => Kind::Letter,
        c if c.is_numeric() => Kind::Digit,
        _ => Kind::Other,
    };
    let mut pieces = Vec::new();
    let (mut start, mut before) = (0, None);
    for (at, c) in text.char_indices() {
        let now = kind(c);
        let joined = match before {
            None => true,
            Some((' ', _)) if now != Kind::Space => text[start..at].len() == 1,
            Some((_, kind)) => kind == now,
        };
        if !joined {
            // Of several spaces the last belongs to what follows.
            let cut = if before.is_some_and(|(c, _)| c == ' ') && now != Kind::Space {
                at - 1
            } else {
                at
            };
            pieces.push(&text[start..cut]);
            start = cut;
        }
        before = Some((c, now));
    }
    pieces.push(&text[start..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The letter by which GPT-2's vocabulary writes a byte.
fn letter(byte: u8) -> char {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if printable(byte) {
        return char::from(byte);
    }
    let place = (0..byte).filter(|byte| !printable(*byte)).count();
    // At most 255 places from 256 on: letters of Latin Extended-A.
    char::from_u32(256 + place as u32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_letters_of_gpt_2() {
        assert_eq!(letter(b' '), 'Ġ');
        assert_eq!(letter(b'\n'), 'Ċ');
        assert_eq!(letter(b'A'), 'A');
        assert_eq!(letter(0xAD), 'Ń');
        assert_eq!(letter(0xC3), 'Ã');
    }

    #[test]
    fn text_is_cut_between_words_digits_and_signs() {
        assert_eq!(
            pieces("Hello, world  42!"),
            ["Hello", ",", " world", " ", " 42", "!"]
        );
        assert_eq!(pieces(" a\n b"), [" a", "\n", " b"]);
        assert_eq!(pieces(""), Vec::<&str>::new());
    }

    #[test]
    fn the_lowest_pair_is_merged_first() {
        let vocabulary = Vocabulary::of(["a", "b", "c", "bc", "ab", "abc"].map(str::as_bytes));
        assert_eq!(vocabulary.tokens("abc"), [5]);
        assert_eq!(vocabulary.tokens("aab?"), [0, 4]);
        assert_eq!(vocabulary.text([4, 3]), "abbc");
        assert_eq!(vocabulary.bytes(77), b"");
    }
}
