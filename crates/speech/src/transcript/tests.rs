use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::chunk::Chunk;

const RATE: f64 = SAMPLE_RATE as f64;

/// A word from `start` to `end` seconds.
pub(crate) fn word(text: &str, start: f64, end: f64) -> Word {
    Word {
        text: format!(" {text}"),
        start,
        end,
        ..Word::default()
    }
}

/// Words of half a second, one each second.
pub(crate) fn transcript(text: &str) -> Transcript {
    let words: Vec<Word> = text
        .split_whitespace()
        .enumerate()
        .map(|(i, text)| word(text, i as f64, i as f64 + 0.5))
        .collect();
    of(words)
}

/// A recording that ends with its last word.
pub(crate) fn of(words: Vec<Word>) -> Transcript {
    let end = words.last().map_or(0.0, |word| word.end);
    Transcript::new(words, (end * RATE) as usize)
}

fn chunk(range: Range<f64>, keep: Range<f64>) -> Chunk {
    let samples = |seconds: f64| (seconds * RATE).round() as usize;
    Chunk {
        range: samples(range.start)..samples(range.end),
        keep: samples(keep.start)..samples(keep.end),
    }
}

fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.trim()).collect()
}

/// Merges the words that two chunks with a seam at 10 s heard, times from the beginning.
fn merge(earlier: Vec<Word>, mut later: Vec<Word>) -> Transcript {
    for word in &mut later {
        word.start -= 9.0;
        word.end -= 9.0;
    }
    let mut merger = Merger::new();
    merger.push(&chunk(0.0..11.0, 0.0..10.0), earlier);
    merger.push(&chunk(9.0..20.0, 10.0..20.0), later);
    merger.finish(20 * SAMPLE_RATE as usize)
}

/// A text of `count` words around seams, few different ones, and how far off each chunk hears them.
fn spoken() -> impl Strategy<Value = Vec<(&'static str, f64, f64, [f64; 2])>> {
    let words = prop::sample::select(vec!["NO", "VERY", "SO", "TO", "DAY"]);
    let jitter = -0.07..0.07_f64;
    prop::collection::vec(
        (
            words,
            0.25..0.6_f64,
            0.05..0.3_f64,
            [jitter.clone(), jitter],
        ),
        1..120,
    )
}

proptest! {
    #[test]
    fn nothing_is_doubled_or_lost_at_seams(
        spoken in spoken(),
        seams in prop::collection::vec(3.0..8.0_f64, 0..8),
        noise in any::<bool>(),
    ) {
        let mut time = 0.0;
        let truth: Vec<(Word, [f64; 2])> = spoken
            .into_iter()
            .map(|(text, length, gap, jitter)| {
                let start = time;
                time += length + gap;
                (word(text, start, start + length), jitter)
            })
            .collect();
        let duration = time + 1.0;
        let mut cuts = vec![0.0];
        for seam in seams {
            let cut = cuts[cuts.len() - 1] + seam;
            if cut < duration - 2.0 {
                cuts.push(cut);
            }
        }
        cuts.push(duration);
        let mut merger = Merger::new();
        let mut given: Vec<Word> = Vec::new();
        for (i, keep) in cuts.windows(2).enumerate() {
            let begin = if i == 0 { 0.0 } else { keep[0] - 1.0 };
            let end = if keep[1] == duration { duration } else { keep[1] + 1.0 };
            // Each chunk hears what is wholly in it a little early or late, and noise where it cuts words.
            let mut heard: Vec<Word> = truth
                .iter()
                .filter(|(word, _)| word.start >= begin && word.end <= end)
                .map(|(word, jitter)| Word {
                    start: (word.start + jitter[i % 2]).max(begin),
                    end: (word.end + jitter[i % 2]).min(end),
                    ..word.clone()
                })
                .collect();
            if noise && i > 0 {
                heard.insert(0, word("UH", begin, begin + 0.1));
            }
            if noise && end < duration {
                heard.push(word("UM", end - 0.1, end));
            }
            heard.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
            for word in &mut heard {
                word.start -= begin;
                word.end -= begin;
            }
            given.extend_from_slice(merger.push(&chunk(begin..end, keep[0]..keep[1]), heard));
        }
        let merged = merger.finish((duration * RATE) as usize);
        let truth: Vec<Word> = truth.into_iter().map(|(word, _)| word).collect();
        prop_assert_eq!(texts(&merged.words), texts(&truth));
        prop_assert_eq!(&merged.words[..given.len()], &given);
        for pair in merged.words.windows(2) {
            prop_assert!(pair[0].start <= pair[0].end && pair[0].end <= pair[1].start);
        }
    }

    #[test]
    fn whatever_chunks_say_the_words_are_in_order(
        chunks in prop::collection::vec(
            (prop::collection::vec((0..3_usize, 0.0..12.0_f64, 0.0..3.0_f64), 0..9), 0.0..2.0_f64),
            0..5,
        ),
    ) {
        let mut merger = Merger::new();
        for (i, (words, overlap)) in chunks.iter().enumerate() {
            let begin = i as f64 * 10.0;
            let mut words: Vec<Word> = words
                .iter()
                .map(|&(text, start, length)| word(["A", "B", "C"][text], start, start + length))
                .collect();
            words.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
            merger.push(&chunk(begin..begin + 10.0 + overlap, begin..begin + 10.0), words);
        }
        let merged = merger.finish(chunks.len() * 10 * SAMPLE_RATE as usize);
        for pair in merged.words.windows(2) {
            prop_assert!(pair[0].start <= pair[0].end && pair[0].end <= pair[1].start);
        }
        prop_assert!(merged.words.iter().all(|word| word.end <= merged.duration));
    }
}

#[test]
fn chunks_without_overlap_follow_one_another() {
    let mut merger = Merger::new();
    let first = merger.push(&chunk(1.0..5.0, 0.0..6.0), vec![word("ONE", 0.5, 1.0)]);
    assert_eq!(first, [word("ONE", 1.5, 2.0)]);
    let second = merger.push(&chunk(7.0..9.0, 6.0..9.0), vec![word("TWO", 0.0, 1.0)]);
    assert_eq!(second, [word("TWO", 7.0, 8.0)]);
    let transcript = merger.finish(9 * SAMPLE_RATE as usize);
    assert_eq!(transcript.text(), "ONE TWO");
    assert_eq!(transcript.duration_text(), "9.0");
}

#[test]
fn a_word_on_the_cut_comes_once() {
    for (earlier, later) in [(9.6, 9.8), (9.8, 9.6)] {
        let merged = merge(
            vec![word("YES", 8.0, 8.3), word("SIR", earlier, earlier + 0.4)],
            vec![word("SIR", later, later + 0.4), word("OH", 12.0, 12.5)],
        );
        assert_eq!(merged.text(), "YES SIR OH");
    }
}

#[test]
fn what_is_heard_differently_is_taken_from_one_chunk() {
    let day = |at: f64| vec![word("TODAY", at, at + 0.8)];
    let to_day = |at: f64| vec![word("TO", at, at + 0.3), word("DAY", at + 0.4, at + 0.8)];
    assert_eq!(merge(day(9.3), to_day(9.3)).text(), "TODAY");
    assert_eq!(merge(day(9.8), to_day(9.8)).text(), "TO DAY");
    assert_eq!(merge(to_day(9.3), day(9.3)).text(), "TO DAY");
    assert_eq!(merge(to_day(9.8), day(9.8)).text(), "TODAY");
}

#[test]
fn words_held_for_a_chunk_that_never_comes_are_kept() {
    let mut merger = Merger::new();
    let words = vec![word("ONE", 1.0, 2.0), word("TWO", 9.5, 9.9)];
    assert_eq!(
        texts(merger.push(&chunk(0.0..11.0, 0.0..10.0), words)),
        ["ONE"]
    );
    assert_eq!(merger.finish(11 * SAMPLE_RATE as usize).text(), "ONE TWO");
}

#[test]
fn durations_have_one_decimal() {
    assert_eq!(duration_text(20.66), "20.7");
    assert_eq!(duration_text(0.0), "0.0");
    assert_eq!(duration_text(600.0), "600.0");
}

#[test]
fn channels_are_put_in_order_of_time() {
    let first = Transcript::new(
        vec![word("HELLO.", 0.0, 0.5), word("FINE.", 4.0, 4.5)],
        5 * SAMPLE_RATE as usize,
    );
    let mut second = Transcript::new(vec![word("HOW?", 2.0, 2.5)], 6 * SAMPLE_RATE as usize);
    second.no_speech_probability = 0.2;
    second.language = Some("en".to_owned());
    let whole = Transcript::of_channels(vec![first, second]);
    assert_eq!(whole.text(), "HELLO. HOW? FINE.");
    let channels: Vec<_> = whole.words.iter().map(|word| word.channel).collect();
    assert_eq!(channels, [Some(0), Some(1), Some(0)]);
    let ranges: Vec<_> = whole.segments.iter().map(|it| it.words.clone()).collect();
    assert_eq!(ranges, [0..1, 1..2, 2..3]);
    assert_eq!((whole.duration, whole.no_speech_probability), (6.0, 0.2));
    assert_eq!(whole.language.as_deref(), Some("en"));
}

#[test]
fn a_silent_channel_is_counted_and_one_alone_is_labelled() {
    let spoken = || transcript("HELLO");
    let whole = Transcript::of_channels(vec![spoken(), transcript("")]);
    assert_eq!(whole.channels, 2);
    let alone = Transcript::of_channels(vec![spoken()]);
    assert_eq!((alone.channels, alone.words[0].channel), (1, Some(0)));
    assert_eq!(spoken().channels, 0);
}

#[test]
fn a_late_track_shifts_all_times() {
    let early = transcript("HELLO WORLD");
    let late = early.clone().delayed(1.5);
    assert_eq!((late.words[1].start, late.words[1].end), (2.5, 3.0));
    assert_eq!(late.segments[0].start, 1.5);
    assert_eq!(late.duration, early.duration + 1.5);
}
