//! Groups words into segments, which end where sentences and pauses do, and fit on a screen.

mod sentence;

use std::ops::Range;

use crate::{Word, text};
use sentence::sentences;

/// Characters of a line at most, unless a single word is longer.
pub const LINE: usize = 42;
/// Seconds that a segment takes at most, if it has more than one word.
pub const LONGEST: f64 = 7.0;
/// Characters of a segment at most, when the lines break badly.
const MOST: usize = 2 * LINE;

/// Seconds between two words that are a pause.
const PAUSE: f64 = 0.6;
/// Seconds between two words that always separate segments.
const BREAK: f64 = 2.0;

/// A segment: a sentence, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its range in [`Transcript::words`](super::Transcript::words), never empty.
    pub words: Range<usize>,
    /// When the first begins.
    pub start: f64,
    /// When the last ends.
    pub end: f64,
    /// The text of the words.
    pub text: String,
    /// The text in one line or two, of at most [`LINE`] characters each.
    pub lines: Vec<String>,
    /// Mean of the tokens' log-probabilities, finite.
    pub average_log_probability: f64,
    /// The highest temperature that a word was decoded at.
    pub temperature: f64,
    /// How likely nobody speaks, by the first word.
    pub no_speech_probability: f64,
}

/// All words in segments.
pub(super) fn segments(words: &[Word]) -> Vec<Segment> {
    sentences(words)
        .into_iter()
        .flat_map(|sentence| parts(words, sentence))
        .filter_map(|part| segment(words, part))
        .collect()
}

/// The cost of a way to cut a sentence; the cheapest is taken.
mod cost {
    /// A word that stands alone beside its sentence.
    pub(super) const LONE: f64 = 100.0;
    /// A pause within a part.
    pub(super) const PAUSE_INSIDE: f64 = 20.0;
    /// A cut without a pause, after a comma or the like, and elsewhere.
    pub(super) const AFTER_MARK: f64 = 6.0;
    pub(super) const ELSEWHERE: f64 = 10.0;
    /// The cost of a part, so that there are few, and of the square of its free space, so that parts have similar lengths.
    pub(super) const PART: f64 = 4.0;
    pub(super) const UNFILLED: f64 = 6.0;
}

/// Cuts a sentence into parts that fit, by dynamic programming over where a part ends.
fn parts(words: &[Word], sentence: Range<usize>) -> Vec<Range<usize>> {
    let group = Group::new(words.get(sentence.clone()).unwrap_or_default());
    let count = group.words.len();
    let cuts: Vec<f64> = (0..count).map(|word| group.cost_of_cut(word)).collect();
    // For each number of words the least cost of cutting them, and where the last part begins.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=count {
        let mut least = (f64::INFINITY, end - 1);
        let mut pauses = 0;
        for begin in (0..end).rev() {
            let part = begin..end;
            if part.len() > 1 {
                if !group.fits(&part) {
                    break;
                }
                pauses += usize::from(group.gap(begin + 1) >= PAUSE);
            }
            let alone = part.len() == 1 && count > 1;
            let filled = group.length(&part).min(MOST) as f64 / MOST as f64;
            let cost = best.get(begin).map_or(0.0, |best| best.0)
                + if alone { cost::LONE } else { 0.0 }
                + cost::PART
                + pauses as f64 * cost::PAUSE_INSIDE
                + cost::UNFILLED * (1.0 - filled).powi(2)
                + cuts.get(begin).copied().unwrap_or_default();
            if cost < least.0 {
                least = (cost, begin);
            }
        }
        best.push(least);
    }
    let mut parts = Vec::new();
    let mut end = count;
    while end > 0 {
        let begin = best.get(end).map_or(end - 1, |best| best.1);
        parts.push(sentence.start + begin..sentence.start + end);
        end = begin;
    }
    parts.reverse();
    parts
}

/// Words, and how many characters they have.
struct Group<'w> {
    words: &'w [Word],
    /// Characters before each word, and of all.
    before: Vec<usize>,
    /// Characters before the first that is not a space, of each word.
    begins: Vec<usize>,
}

impl<'w> Group<'w> {
    fn new(words: &'w [Word]) -> Self {
        let mut sum = 0;
        let (mut before, mut begins) = (vec![0], Vec::new());
        for word in words {
            let spaces = word.text.chars().take_while(|c| c.is_whitespace());
            begins.push(sum + spaces.count());
            sum += word.text.chars().count();
            before.push(sum);
        }
        Self {
            words,
            before,
            begins,
        }
    }

    /// Characters of the words in one line.
    fn length(&self, part: &Range<usize>) -> usize {
        let end = self.before.get(part.end).copied().unwrap_or_default();
        let begin = self.begins.get(part.start).copied().unwrap_or(end);
        end.saturating_sub(begin)
    }

    /// Seconds between a word and the one before it.
    fn gap(&self, word: usize) -> f64 {
        let before = word.checked_sub(1).and_then(|i| self.words.get(i));
        match (before, self.words.get(word)) {
            (Some(before), Some(word)) => word.start - before.end,
            _ => 0.0,
        }
    }

    /// Whether several words can be read at once, if those behind the first can. If they cannot, more of them
    /// cannot either.
    fn fits(&self, part: &Range<usize>) -> bool {
        let start = self.words.get(part.start).map_or(0.0, |word| word.start);
        let end = part.end.checked_sub(1).and_then(|i| self.words.get(i));
        end.is_some_and(|word| word.end - start <= LONGEST)
            && self.gap(part.start + 1) < BREAK
            && (self.length(part) <= LINE || self.breaks(part).next().is_some())
    }

    /// Where a line may end, so that it and the next fit.
    fn breaks(&self, part: &Range<usize>) -> impl Iterator<Item = usize> {
        let part = part.clone();
        // From the last word that fits on the first line back.
        let fit = |i: &usize| self.length(&(part.start..*i)) <= LINE;
        let last = (part.start + 1..part.end).take_while(fit).last();
        (part.start + 1..=last.unwrap_or(part.start))
            .rev()
            .take_while(move |i| self.length(&(*i..part.end)) <= LINE)
    }

    /// What a cut before a word costs.
    fn cost_of_cut(&self, word: usize) -> f64 {
        let before = word.checked_sub(1).and_then(|i| self.words.get(i));
        match before {
            None => 0.0,
            Some(_) if self.gap(word) >= PAUSE => 0.0,
            Some(before) if ends_clause(before) => cost::AFTER_MARK,
            Some(_) => cost::ELSEWHERE,
        }
    }

    /// The words in one line, or in two of about the same length.
    fn lines(&self) -> Vec<String> {
        let all = 0..self.words.len();
        let cost = |at: &usize| {
            let (first, second) = (self.length(&(0..*at)), self.length(&(*at..all.end)));
            // After a mark is a better place than elsewhere.
            let marked = self.words.get(at - 1).is_some_and(ends_clause);
            (first.abs_diff(second)).saturating_sub(if marked { 12 } else { 0 })
        };
        let at = if self.length(&all) > LINE {
            self.breaks(&all).min_by_key(cost)
        } else {
            None
        };
        let (first, second) = self.words.split_at(at.unwrap_or(0));
        [first, second]
            .into_iter()
            .map(text)
            .filter(|line| !line.is_empty())
            .collect()
    }
}

/// Whether a comma or the like follows.
fn ends_clause(word: &Word) -> bool {
    word.text
        .trim_end()
        .ends_with([',', ';', ':', '–', '—', '…', '、', '，', '；', '：'])
        || sentence::is_terminal(word)
}

fn segment(words: &[Word], range: Range<usize>) -> Option<Segment> {
    let part = words.get(range.clone())?;
    let first = part.first()?;
    let temperature = part.iter().map(|word| word.temperature);
    Some(Segment {
        words: range,
        start: first.start,
        end: part.last()?.end,
        text: text(part),
        lines: Group::new(part).lines(),
        average_log_probability: average(part),
        temperature: temperature.fold(0.0, f64::max),
        no_speech_probability: first.no_speech_probability,
    })
}

fn average(part: &[Word]) -> f64 {
    let tokens = || part.iter().flat_map(|word| &word.tokens);
    let sum: f64 = tokens()
        .map(|token| token.log_probability.max(f64::MIN_POSITIVE.ln()))
        .sum();
    sum / tokens().count().max(1) as f64
}

#[cfg(test)]
mod tests;
