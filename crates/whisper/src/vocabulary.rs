//! Tokens and their text.

use std::collections::HashMap;

use kernels::Pace;

use crate::checkpoint::Checkpoint;

/// Bytes of a piece that are merged at a time: longer words are not written by people, and the work grows with the square.
const LONGEST_PIECE: usize = 256;
/// Endings after an apostrophe in English, which GPT-2 keeps together.
const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// The tokens of a model.
#[derive(Clone)]
pub(crate) struct Vocabulary {
    /// The bytes of all tokens, one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Tokens that stand for text have lower ids than this.
    pub(crate) special: u32,
    /// Those tokens in the order of their bytes.
    sorted: Vec<u32>,
}

impl Vocabulary {
    pub(crate) fn new(checkpoint: &Checkpoint) -> Self {
        let letters: HashMap<char, u8> = (0..=255).map(|byte| (letter(byte), byte)).collect();
        let special = checkpoint.config.end;
        let tokens = (0_u32..).zip(&checkpoint.vocabulary).map(|(id, token)| {
            let text = token.as_deref().filter(|_| id < special);
            let text = text.unwrap_or_default();
            let bytes = text.chars().filter_map(|c| letters.get(&c)).copied();
            bytes.collect()
        });
        Self::of(tokens, special)
    }

    /// A vocabulary of these tokens; those from `special` on are not text.
    fn of(tokens: impl Iterator<Item = Vec<u8>>, special: u32) -> Self {
        let mut vocabulary = Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            special,
            sorted: Vec::new(),
        };
        for token in tokens {
            vocabulary.bytes.extend_from_slice(&token);
            // The bytes of a vocabulary are some hundred thousand.
            vocabulary.ends.push(vocabulary.bytes.len() as u32);
        }
        let mut sorted: Vec<u32> = (0..special).collect();
        sorted.retain(|id| !vocabulary.bytes(*id).is_empty());
        sorted.sort_by_key(|id| vocabulary.bytes(*id));
        vocabulary.sorted = sorted;
        vocabulary
    }

    /// A vocabulary of these tokens alone.
    #[cfg(test)]
    pub(crate) fn of_texts<'t>(tokens: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let tokens: Vec<Vec<u8>> = tokens.into_iter().map(<[u8]>::to_vec).collect();
        let special = tokens.len() as u32;
        Self::of(tokens.into_iter(), special)
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

    /// The last tokens of a text, `most` or fewer, merged as GPT-2 does: the pair whose merger has the lowest id first.
    pub(crate) fn last_tokens(&self, text: &str, most: usize, pace: Pace) -> Vec<u32> {
        let mut pieces = Vec::new();
        let mut count = 0;
        for piece in self::pieces(text).into_iter().rev() {
            if count >= most {
                break;
            }
            let tokens = self.merge(piece.as_bytes());
            pace.multiplied((16 + piece.len()) * piece.len() * 4);
            count += tokens.len();
            pieces.push(tokens);
        }
        let tokens = pieces.into_iter().rev().flatten();
        tokens.skip(count.saturating_sub(most)).collect()
    }

    fn merge(&self, piece: &[u8]) -> Vec<u32> {
        // Where each part begins, and where the last ends.
        let mut cuts: Vec<usize> = (0..=piece.len()).collect();
        let token = |from: Option<&usize>, to: Option<&usize>| self.id(piece.get(*from?..*to?)?);
        // For each part the token that it makes with the next.
        let mut merged: Vec<Option<u32>> = (0..piece.len())
            .map(|i| token(cuts.get(i), cuts.get(i + 2)))
            .collect();
        while let Some((_, i)) = merged
            .iter()
            .enumerate()
            .filter_map(|(i, id)| Some(((*id)?, i)))
            .min()
        {
            cuts.remove(i + 1);
            merged.remove(i + 1);
            for i in i.saturating_sub(1)..=i {
                if let Some(merged) = merged.get_mut(i) {
                    *merged = token(cuts.get(i), cuts.get(i + 2));
                }
            }
        }
        let ends = cuts.iter().skip(1);
        let parts = cuts.iter().zip(ends);
        parts
            .filter_map(|(from, to)| token(Some(from), Some(to)))
            .collect()
    }

    /// The token of these bytes.
    fn id(&self, bytes: &[u8]) -> Option<u32> {
        let place = self
            .sorted
            .binary_search_by(|id| self.bytes(*id).cmp(bytes));
        place.ok().and_then(|place| self.sorted.get(place)).copied()
    }
}

/// Splits a text into pieces that no token crosses, by the pattern of GPT-2:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(first_piece(text));
        pieces.push(piece);
        text = rest;
    }
    pieces
}

/// The bytes of the first piece of a text; 0 if the text is empty.
fn first_piece(text: &str) -> usize {
    if let Some(contraction) = CONTRACTIONS.iter().find(|end| text.starts_with(**end)) {
        return contraction.len();
    }
    let body = text.strip_prefix(' ').unwrap_or(text);
    let length = match body.chars().next().map(kind) {
        Some(kind) if kind != Kind::Space => text.len() - body.len() + run(body, kind),
        _ => {
            let spaces = run(text, Kind::Space);
            let last = text[..spaces].chars().next_back().map_or(0, char::len_utf8);
            // The last of several spaces belongs to what follows.
            if spaces == text.len() || spaces == last {
                spaces
            } else {
                spaces - last
            }
        }
    };
    text.floor_char_boundary(length.min(LONGEST_PIECE))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Space,
    Letter,
    Digit,
    Other,
}

fn kind(letter: char) -> Kind {
    match letter {
        c if c.is_whitespace() => Kind::Space,
        c if c.is_alphabetic() => Kind::Letter,
        c if c.is_numeric() => Kind::Digit,
        _ => Kind::Other,
    }
}

/// Bytes of the first letters of a text that are of one kind.
fn run(text: &str, of: Kind) -> usize {
    let letters = text.chars().take(LONGEST_PIECE);
    letters
        .take_while(|c| kind(*c) == of)
        .map(char::len_utf8)
        .sum()
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
        assert_eq!(pieces("a\n\nb "), ["a", "\n", "\n", "b", " "]);
        assert_eq!(
            pieces(" it's we'll 'twas"),
            [" it", "'s", " we", "'ll", " '", "twas"]
        );
        assert_eq!(pieces(""), Vec::<&str>::new());
    }

    #[test]
    fn the_lowest_pair_is_merged_first() {
        let vocabulary =
            Vocabulary::of_texts(["a", "b", "c", "bc", "ab", "abc"].map(str::as_bytes));
        let tokens = |text: &str| vocabulary.last_tokens(text, 100, Pace(|| ()));
        assert_eq!(tokens("abc"), [5]);
        assert_eq!(tokens("aab?"), [0, 4]);
        assert_eq!(vocabulary.text([4, 3]), "abbc");
        assert_eq!(vocabulary.bytes(77), b"");
    }

    #[test]
    fn the_last_tokens_are_the_end_of_all() {
        let vocabulary = Vocabulary::of_texts(["a", "b", " a", " b", "ba"].map(str::as_bytes));
        let text = "ba a b ba bb a";
        let all = vocabulary.last_tokens(text, 100, Pace(|| ()));
        assert_eq!(vocabulary.text(all.iter().copied()), text);
        for most in 0..=all.len() {
            let last = vocabulary.last_tokens(text, most, Pace(|| ()));
            assert_eq!(last, all[all.len() - most..]);
        }
        // As long as a field of a form may be.
        let long = "ba".repeat(32 << 10);
        assert_eq!(
            vocabulary.last_tokens(&long, 1000, Pace(|| ())),
            vec![4; 1000]
        );
    }
}
