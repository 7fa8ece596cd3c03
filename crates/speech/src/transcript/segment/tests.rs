use proptest::prelude::*;

use super::*;
use crate::Token;

fn word(text: &str, start: f64, end: f64) -> Word {
    Word {
        text: text.to_owned(),
        start,
        end,
        ..Word::default()
    }
}

/// Words from a text, a character taking 0.06 s, with a pause of so many tenths of a second at each `|`.
fn spoken(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut time = 0.0;
    for text in text.split_whitespace() {
        if let Some(pause) = text.strip_prefix('|') {
            time += pause.parse::<f64>().expect("tenths of a second") / 10.0;
            continue;
        }
        let end = time + text.chars().count() as f64 * 0.06;
        words.push(word(&format!(" {text}"), time, end));
        time = end + 0.02;
    }
    words
}

fn texts(words: &[Word]) -> Vec<String> {
    let segments = segments(words);
    segments.into_iter().map(|segment| segment.text).collect()
}

#[test]
fn segments_end_at_sentences_and_pauses() {
    assert_eq!(
        texts(&spoken(
            "What is that? A pen. \"It is mine!\" he said |9 and took it."
        )),
        [
            "What is that?",
            "A pen.",
            "\"It is mine!\" he said",
            "and took it."
        ]
    );
    assert_eq!(
        texts(&spoken("SEVEN TIMES NINE |7 IS SIXTY THREE")),
        ["SEVEN TIMES NINE", "IS SIXTY THREE"]
    );
}

#[test]
fn abbreviations_end_a_sentence_only_before_a_pause() {
    assert_eq!(
        texts(&spoken(
            "Mr. Lorry of the U.S. Navy met J. Smith |4 etc. |4 There it was."
        )),
        [
            "Mr. Lorry of the U.S. Navy met J. Smith etc.",
            "There it was."
        ]
    );
    assert_eq!(
        texts(&spoken("It was I. You knew.")),
        ["It was I.", "You knew."]
    );
}

#[test]
fn a_word_is_not_left_alone_beside_its_sentence() {
    assert_eq!(
        texts(&spoken(
            "Well, |7 that is what I call a long walk |7 today."
        )),
        ["Well, that is what I call a long walk today."]
    );
    // Unless silence parts them.
    assert_eq!(
        texts(&spoken("Well, |30 that is it.")),
        ["Well,", "that is it."]
    );
    let long = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of \
                foolishness, it was the epoch of belief, it was the epoch of incredulity.";
    for segment in segments(&spoken(long)) {
        assert!(segment.words.len() > 4, "{segment:?}");
    }
}

#[test]
fn lines_are_balanced_and_break_after_marks() {
    let [segment] = &*segments(&spoken(
        "It was the best of times, it was the worst of times.",
    )) else {
        panic!("one segment");
    };
    assert_eq!(
        segment.lines,
        ["It was the best of times,", "it was the worst of times."]
    );
}

#[test]
fn languages_without_spaces_break_between_words() {
    let text = "吾輩は猫である名前はまだ無いどこで生れたかとんと見当がつかぬ何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している";
    let words: Vec<Word> = text
        .chars()
        .enumerate()
        .map(|(i, letter)| word(&letter.to_string(), i as f64 * 0.1, i as f64 * 0.1 + 0.1))
        .collect();
    let segments = segments(&words);
    assert_eq!(segments.len(), 1);
    assert_eq!(segments[0].lines.len(), 2);
    assert_eq!(segments[0].lines.concat(), text);
}

#[test]
fn the_average_counts_tokens_and_is_finite() {
    let token = |log_probability| Token {
        id: 1,
        bytes: vec![b'A'],
        log_probability,
    };
    let average = |words: &[Word]| segments(words)[0].average_log_probability;
    let of = |tokens: &[f64]| Word {
        tokens: tokens.iter().copied().map(token).collect(),
        ..word("A", 0.0, 0.1)
    };
    assert!((average(&[of(&[-1.0, 0.0, -0.5, -0.5])]) + 0.5).abs() < 1e-6);
    assert!(average(&[of(&[f64::NEG_INFINITY])]).is_finite());
    assert!(average(&[of(&[])]).is_finite());
}

/// Words with and without spaces and marks, and the pause before each.
fn any_words() -> impl Strategy<Value = Vec<Word>> {
    let text = prop_oneof![
        6 => " [a-zA-Z']{1,12}",
        2 => " [a-z]{1,9}[,.?!]",
        1 => "[一-龠]{1,3}",
        1 => " [a-z]{30,60}",
    ];
    let pause = prop_oneof![8 => 0.0..0.2_f64, 1 => 0.2..4.0_f64];
    prop::collection::vec((text, pause, 0.05..0.9_f64), 0..80).prop_map(|parts| {
        let mut time = 0.0;
        parts
            .into_iter()
            .map(|(text, pause, length)| {
                let start = time + pause;
                time = start + length;
                word(&text, start, time)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn segments_hold_every_word_and_fit_on_a_screen(words in any_words()) {
        let segments = segments(&words);
        let mut next = 0;
        for segment in &segments {
            prop_assert_eq!(segment.words.start, next);
            next = segment.words.end;
            let part = &words[segment.words.clone()];
            let several = part.len() > 1;
            prop_assert!(!part.is_empty());
            prop_assert!(segment.end - segment.start <= LONGEST || !several);
            prop_assert!((1..=2).contains(&segment.lines.len()));
            for line in &segment.lines {
                prop_assert!(line.chars().count() <= LINE || !several, "{line}");
                prop_assert_eq!(line.trim(), line);
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&segment.lines.concat()), letters(&segment.text));
            prop_assert!(part.windows(2).all(|pair| pair[1].start - pair[0].end < BREAK));
        }
        prop_assert_eq!(next, words.len());
    }

    #[test]
    fn a_lone_word_fits_with_none_of_its_sentence(words in any_words()) {
        let segments = segments(&words);
        for sentence in sentences(&words) {
            let inside: Vec<&Segment> = segments
                .iter()
                .filter(|segment| sentence.contains(&segment.words.start))
                .collect();
            let group = Group::new(&words[sentence.clone()]);
            let place = |word: usize| word - sentence.start;
            // Taking a word from a part of two would leave that one alone.
            let can_give = |segment: &Segment| segment.words.len() != 2;
            for pair in inside.windows(2) {
                let [before, after] = pair else { unreachable!() };
                let (first, last) = (place(before.words.start), place(after.words.end));
                let cut = place(after.words.start);
                if before.words.len() == 1 && can_give(after) {
                    prop_assert!(!group.fits(&(first..cut + 1)), "{} / {}", before.text, after.text);
                }
                if after.words.len() == 1 && can_give(before) {
                    prop_assert!(!group.fits(&(cut - 1..last)), "{} / {}", before.text, after.text);
                }
            }
        }
    }
}
