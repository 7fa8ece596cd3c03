//! Words from tokens.

use std::ops::Range;

use crate::vocabulary::Vocabulary;

/// Languages that write no spaces between words.
const WITHOUT_SPACES: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];

/// A word: the text of some tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    pub(crate) text: String,
    pub(crate) tokens: Range<usize>,
}

/// Cuts tokens into words. A word begins with the space before it; punctuation belongs to the word next to it. Text in
/// brackets or between notes is an annotation, and is left out.
pub(crate) fn words(ids: &[u32], vocabulary: &Vocabulary, language: &str) -> Vec<Spelling> {
    let spaced = !WITHOUT_SPACES.contains(&language);
    let mut words: Vec<Spelling> = Vec::new();
    let mut start = 0;
    for end in 1..=ids.len() {
        let text = vocabulary.text(ids[start..end].iter().copied());
        // A character may be spread over several tokens.
        if text.ends_with('\u{FFFD}') && end < ids.len() {
            continue;
        }
        // Signs in front wait for their word.
        let joined = words.last().is_some_and(|last| {
            let begins = if spaced {
                text.starts_with(' ')
            } else {
                is_word(&text)
            };
            !begins || !is_word(&last.text)
        });
        match words.last_mut().filter(|_| joined) {
            Some(last) => {
                last.text.push_str(&text);
                last.tokens.end = end;
            }
            None => words.push(Spelling {
                text,
                tokens: start..end,
            }),
        }
        start = end;
    }
    without_annotations(words)
}

fn is_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn without_annotations(words: Vec<Spelling>) -> Vec<Spelling> {
    let mut inside = None;
    words
        .into_iter()
        .filter(|word| {
            let text = word.text.trim();
            if inside.is_none() {
                inside = match text.chars().next() {
                    Some('[') => Some(']'),
                    Some('(') => Some(')'),
                    Some('*') => Some('*'),
                    Some('♪' | '♩' | '♫') => Some('♪'),
                    _ => None,
                };
                let Some(close) = inside else {
                    return is_word(text);
                };
                if text.chars().skip(1).any(|c| c == close) {
                    inside = None;
                }
                return false;
            }
            if inside.is_some_and(|close| text.contains(close)) {
                inside = None;
            }
            false
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tokens: &[&str], language: &str) -> Vec<String> {
        let vocabulary = Vocabulary::of_texts(tokens.iter().map(|token| token.as_bytes()));
        let ids: Vec<u32> = (0..tokens.len() as u32).collect();
        words(&ids, &vocabulary, language)
            .into_iter()
            .map(|word| word.text)
            .collect()
    }

    #[test]
    fn words_begin_at_spaces_and_keep_their_signs() {
        let tokens = [
            " It", "'s", " \"", "sixty", "-", "three", "\"", ",", " -", " no", ".",
        ];
        assert_eq!(
            texts(&tokens, "en"),
            [" It's", " \"sixty-three\",", " - no."]
        );
    }

    #[test]
    fn other_languages_have_a_word_for_each_piece() {
        assert_eq!(
            texts(&["你", "好", "。", "世界"], "zh"),
            ["你", "好。", "世界"]
        );
    }

    #[test]
    fn annotations_are_no_words() {
        assert_eq!(
            texts(&[" [", "Music", "]", " Hello", " (", "laughs", ")"], "en"),
            [" Hello"]
        );
        assert_eq!(
            texts(&[" [", "BLANK", "_", "AUDIO", "]"], "en"),
            Vec::<String>::new()
        );
        assert_eq!(
            texts(&[" ♪", " la", " la", " ♪"], "en"),
            Vec::<String>::new()
        );
        assert_eq!(texts(&["..."], "en"), Vec::<String>::new());
    }

    #[test]
    fn a_character_of_several_tokens_stays_whole() {
        let vocabulary = Vocabulary::of_texts([&b" caf"[..], &[0xC3], &[0xA9]]);
        assert_eq!(words(&[0, 1, 2], &vocabulary, "fr")[0].text, " café");
    }
}
