//! The decoders against enumeration of all paths.
use std::collections::HashMap;

use pollster::block_on;
use proptest::prelude::*;

use super::{
    align::align,
    beam::{BeamSettings, beam_search, labels_and_score},
    emissions::{Emissions, tests::timing},
    greedy,
    vocabulary::{Vocabulary, tests::tokens},
    word::Word,
};
use crate::pacer::Pacer;

const SMALL: [&str; 4] = ["<pad>", "|", "A", "B"];

/// Keeps everything, so that the search is exact.
const EXACT: BeamSettings = BeamSettings {
    width: usize::MAX,
    beam_threshold: f32::INFINITY,
    token_threshold: f32::NEG_INFINITY,
    language_weight: 0.0,
    word_bonus: 0.0,
    unknown_penalty: 0.0,
    letter_penalty: 0.0,
};

fn emissions<'v>(vocabulary: &'v Vocabulary, logits: &[f32]) -> Emissions<'v> {
    let frames = logits.len() / vocabulary.size();
    block_on(Emissions::new(
        logits,
        frames,
        vocabulary,
        timing(frames),
        async || {},
    ))
    .expect("are numbers")
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

/// All paths over the tokens of [`SMALL`] and their log-probabilities.
fn paths(logits: &[f32]) -> Vec<(Vec<&'static str>, f64)> {
    let mut paths = vec![(Vec::new(), 0.0)];
    for row in logits.chunks_exact(SMALL.len()) {
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        paths = paths
            .into_iter()
            .flat_map(|(path, p)| {
                row.iter().zip(SMALL).map(move |(&logit, token)| {
                    let mut path = path.clone();
                    path.push(token);
                    (path, p + f64::from(logit) - sum.ln())
                })
            })
            .collect();
    }
    paths
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
        let words = block_on(greedy(&emissions, async || {}));
        prop_assert_eq!(text(&words), read(&best));
        assert_ordered(&words, emissions.rows().len() as f64 * 0.02)?;
    }

    #[test]
    fn a_wide_beam_finds_the_most_probable_text(logits in small_logits()) {
        let vocabulary = Vocabulary::new(&SMALL).expect("is whole");
        let emissions = emissions(&vocabulary, &logits);
        let mut sums: HashMap<String, f64> = HashMap::new();
        for (path, p) in paths(&logits) {
            *sums.entry(read(&path)).or_default() += p.exp();
        }
        let highest = sums.values().copied().fold(0.0, f64::max);
        let words = block_on(beam_search(&emissions, None, &EXACT, async || {}));
        prop_assert!(sums[&text(&words)] > highest * 0.9999, "{} of {sums:?}", text(&words));
        let (_, score) = labels_and_score(&emissions, &EXACT);
        prop_assert!((f64::from(score) - highest.ln()).abs() < 1e-4);
        assert_ordered(&words, emissions.rows().len() as f64 * 0.02)?;
    }

    #[test]
    fn a_text_is_aligned_to_its_most_probable_path(logits in small_logits()) {
        let vocabulary = Vocabulary::new(&SMALL).expect("is whole");
        let emissions = emissions(&vocabulary, &logits);
        let (labels, _) = labels_and_score(&emissions, &EXACT);
        let spans = block_on(align(&emissions, &labels, &mut Pacer::new(async || {})));
        let heard: Vec<usize> = spans.iter().map(|span| span.label).collect();
        prop_assert_eq!(&heard, &labels);
        // SMALL's tokens are its labels. In the gaps what is better of blank and silent boundary.
        let mut path: Vec<usize> = Vec::new();
        let mut p = 0.0;
        for (frame, row) in emissions.rows().enumerate() {
            let span = spans.iter().find(|span| span.frames.contains(&frame));
            let silent = match spans.iter().rfind(|span| span.frames.end <= frame) {
                None => true,
                Some(before) => before.label == 1 || Some(before) == spans.last(),
            };
            let label = match span {
                Some(span) => span.label,
                None => usize::from(silent && row[1] > row[0]),
            };
            path.push(label);
            p += f64::from(row[label]);
        }
        let tokens: Vec<&str> = path.iter().map(|&label| SMALL[label]).collect();
        let text = read(&tokens);
        let best = paths(&logits)
            .into_iter()
            .filter(|(path, _)| read(path) == text)
            .map(|(_, p)| p)
            .fold(f64::NEG_INFINITY, f64::max);
        prop_assert!((p - best).abs() < 1e-4, "{p} {best} {tokens:?}");
    }

    #[test]
    fn a_narrow_beam_is_ordered_and_never_fails(
        logits in prop::collection::vec(
            prop_oneof![4 => -20.0..20.0_f32, 1 => Just(f32::NEG_INFINITY), 1 => Just(f32::MIN)],
            0..40 * 4,
        ),
        width in 0..4_usize,
        threshold in prop_oneof![Just(f32::NAN), Just(f32::INFINITY), -9.0..9.0_f32],
    ) {
        let mut logits = logits;
        for row in logits.chunks_mut(4) {
            row[0] = row[0].max(-1000.0);
        }
        logits.truncate(logits.len() / 4 * 4);
        let vocabulary = Vocabulary::new(&SMALL).expect("is whole");
        let emissions = emissions(&vocabulary, &logits);
        let settings = BeamSettings {
            width,
            beam_threshold: threshold,
            token_threshold: threshold,
            ..BeamSettings::default()
        };
        let words = block_on(beam_search(&emissions, None, &settings, async || {}));
        assert_ordered(&words, emissions.rows().len() as f64 * 0.02)?;
    }
}

#[test]
fn both_decoders_read_a_clear_path_at_its_times() {
    let vocabulary = Vocabulary::new(&tokens()).expect("is whole");
    let logits = logits_of("__|HHE_L_LO__||_|I'MM_||_");
    let emissions = emissions(&vocabulary, &logits);
    let greedy = block_on(greedy(&emissions, async || {}));
    let beam = block_on(beam_search(
        &emissions,
        None,
        &BeamSettings::default(),
        async || {},
    ));
    assert_eq!(greedy, beam);
    assert_eq!(text(&greedy), "HELLO I'M");
    let times: Vec<(f64, f64)> = greedy.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(
        times,
        [(3.0 * 0.02, 11.0 * 0.02), (17.0 * 0.02, 21.0 * 0.02)]
    );
    assert!(greedy.iter().all(|word| word.confidence > 0.99));
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
        let settings = BeamSettings::default();
        let beam = block_on(beam_search(&emissions, None, &settings, async || {}));
        assert_eq!(text(&block_on(greedy(&emissions, async || {}))), expected);
        assert_eq!(text(&beam), expected);
    }
}

#[test]
fn sums_paths_that_read_alike() {
    // The best path is blank, blank (0.36), but A is read by three paths (0.24 + 0.24 + 0.16).
    let vocabulary = Vocabulary::new(&["<pad>", "|", "A"]).expect("is whole");
    let logits = [0.6_f32, 0.0, 0.4, 0.6, 0.0, 0.4].map(f32::ln);
    let emissions = emissions(&vocabulary, &logits);
    let settings = BeamSettings::default();
    assert_eq!(block_on(greedy(&emissions, async || {})), []);
    let beam = block_on(beam_search(&emissions, None, &settings, async || {}));
    assert_eq!(text(&beam), "A");
}

#[test]
fn pauses_while_it_decodes() {
    let vocabulary = Vocabulary::new(&tokens()).expect("is whole");
    let logits = vec![0.0; 500 * 32];
    let emissions = emissions(&vocabulary, &logits);
    let settings = BeamSettings::default();
    let mut pauses = 0;
    block_on(beam_search(&emissions, None, &settings, async || {
        pauses += 1;
    }));
    // 500 frames × 128 texts × 28 labels × 16 units at least.
    assert!(pauses > 500, "{pauses}");
}
