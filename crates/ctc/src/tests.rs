//! Greedy decoding against the definition.
use proptest::prelude::*;

use super::{
    emissions::{Emissions, tests::timing},
    greedy,
    vocabulary::{Vocabulary, tests::tokens},
    word::Word,
};

const SMALL: [&str; 4] = ["<pad>", "|", "A", "B"];

fn emissions<'v>(vocabulary: &'v Vocabulary, logits: &[f32]) -> Emissions<'v> {
    let frames = logits.len() / vocabulary.size();
    Emissions::new(logits, frames, vocabulary, timing(frames)).expect("are numbers")
}

fn text(words: &[Word]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

/// What a path reads as: repeated tokens once, no blanks, one space between words.
fn read(path: &[&str]) -> String {
    let mut tokens = path.to_vec();
    tokens.dedup();
    let text: String = tokens.into_iter().filter(|&t| t != "<pad>").collect();
    let words: Vec<&str> = text.split('|').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Logits whose most probable path is `path`.
fn logits_of(path: &str) -> Vec<f32> {
    path.chars()
        .flat_map(|letter| {
            let letter = if letter == '_' {
                "<pad>".to_owned()
            } else {
                letter.to_string()
            };
            tokens()
                .into_iter()
                .map(move |token| if token == letter { 9.0 } else { -3.0 })
        })
        .collect()
}

fn small_logits() -> impl Strategy<Value = Vec<f32>> {
    (0..=5_usize).prop_flat_map(|frames| prop::collection::vec(-4.0..4.0_f32, frames * SMALL.len()))
}

fn assert_ordered(words: &[Word], duration: f64) -> Result<(), TestCaseError> {
    let mut last = 0.0;
    for word in words {
        prop_assert!(!word.text.is_empty());
        prop_assert!(last <= word.start && word.start < word.end, "{words:?}");
        prop_assert!((0.0..=1.0).contains(&word.confidence));
        last = word.end;
    }
    prop_assert!(last <= duration);
    Ok(())
}

proptest! {
    #[test]
    fn greedy_reads_the_most_probable_path(logits in small_logits()) {
        let vocabulary = Vocabulary::new(&SMALL).expect("is whole");
        let emissions = emissions(&vocabulary, &logits);
        let best: Vec<&str> = logits
            .chunks_exact(SMALL.len())
            .map(|row| {
                let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
                SMALL[best.expect("has tokens")]
            })
            .collect();
        let words = greedy(&emissions);
        prop_assert_eq!(text(&words), read(&best));
        assert_ordered(&words, emissions.rows().len() as f64 * 0.02)?;
    }
}

#[test]
fn a_clear_path_is_read_at_its_times() {
    let vocabulary = Vocabulary::new(&tokens()).expect("is whole");
    let logits = logits_of("__|HHE_L_LO__||_|I'MM_||_");
    let words = greedy(&emissions(&vocabulary, &logits));
    assert_eq!(text(&words), "HELLO I'M");
    let times: Vec<(f64, f64)> = words.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(
        times,
        [(3.0 * 0.02, 11.0 * 0.02), (17.0 * 0.02, 21.0 * 0.02)]
    );
    assert!(words.iter().all(|word| word.confidence > 0.99));
    let spelled: Vec<String> = words[0]
        .letters
        .iter()
        .map(|letter| tokens()[letter.token].clone())
        .collect();
    assert_eq!(spelled.concat(), "HELLO");
}

#[test]
fn letters_repeat_only_across_a_blank() {
    let vocabulary = Vocabulary::new(&tokens()).expect("is whole");
    for (path, expected) in [
        ("SEEN", "SEN"),
        ("SE_EN", "SEEN"),
        ("E||E", "E E"),
        ("____", ""),
    ] {
        let logits = logits_of(path);
        let emissions = emissions(&vocabulary, &logits);
        assert_eq!(text(&greedy(&emissions)), expected);
    }
}
