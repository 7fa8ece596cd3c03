//! Where sentences end.

use std::ops::Range;

use crate::Word;

/// Seconds of a pause after which a full stop ends a sentence, even where it may belong to an abbreviation.
const STOP: f64 = 0.3;

/// Words that are written with a full stop in the middle of a sentence.
const ABBREVIATIONS: [&str; 17] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "no", "inc", "ltd", "co",
    "gen", "rev", "approx",
];

/// The sentences, all words in order.
pub(super) fn sentences(words: &[Word]) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut begin = 0;
    for (i, word) in words.iter().enumerate() {
        if ends(word, words.get(i + 1)) {
            sentences.push(begin..i + 1);
            begin = i + 1;
        }
    }
    if begin < words.len() {
        sentences.push(begin..words.len());
    }
    sentences
}

fn ends(word: &Word, next: Option<&Word>) -> bool {
    let Some(next) = next else {
        return true;
    };
    if !is_terminal(word) {
        return false;
    }
    if next.start - word.end >= STOP {
        return true;
    }
    let goes_on = next.text.chars().find(|letter| letter.is_alphanumeric());
    !goes_on.is_some_and(char::is_lowercase) && !may_be_abbreviated(word)
}

/// Whether a mark that ends sentences follows, maybe within quotes or brackets.
pub(super) fn is_terminal(word: &Word) -> bool {
    let closing = ['"', '\'', '”', '’', '»', '«', ')', ']', '」', '』', '）'];
    word.text
        .trim_end()
        .trim_end_matches(closing)
        .ends_with(['.', '?', '!', '…', '。', '？', '！', '।', '؟', '۔'])
}

/// Whether the full stop may be that of an abbreviation, such as `Mr.`, `J.` or `U.S.`.
fn may_be_abbreviated(word: &Word) -> bool {
    let Some(stem) = word.text.trim().strip_suffix('.') else {
        return false;
    };
    let stem = stem.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    stem.chars()
        .filter(|letter| letter.is_alphanumeric())
        .count()
        == 1
        && stem != "I"
        || stem.split('.').count() > 1 && stem.split('.').all(|part| part.chars().count() == 1)
        || ABBREVIATIONS.contains(&stem.to_lowercase().as_str())
}
