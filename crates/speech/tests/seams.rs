//! A known text of more than a minute, spoken without a pause, by an ear that hears no further than its piece.

#![allow(
    clippy::expect_used,
    reason = "the lint knows test functions, not their helpers"
)]

use pollster::block_on;
use proptest::prelude::*;
use speech::pipeline::Recognition;
use speech::{Heard, Word};

const LETTERS: &str = " ETAONIHSRDLUMWCFGYPBVK'XJQZ";
/// Samples of a letter's frame. Each letter is two frames of its amplitude and one of the blank's.
const STRIDE: usize = 320;
const RATE: usize = 16_000;
const LONGEST: usize = 30 * RATE;
/// Amplitude from one letter to the next. All are as loud as speech, so that no pause is found.
const STEP: f32 = 0.01;
const LOUD: f32 = 0.5;

fn spoken(text: &str) -> Vec<f32> {
    text.chars()
        .flat_map(|letter| {
            let place = LETTERS.chars().position(|other| other == letter);
            let place = place.expect("is a letter") as f32 + 1.0;
            [place, place, 0.0]
        })
        .flat_map(|place| std::iter::repeat_n(LOUD + place * STEP, STRIDE))
        .collect()
}

/// Hears the letter in the middle of each frame. Like a model that punctuates, it begins what it hears with a capital
/// and ends it with a full stop: a word is written otherwise at the end of a piece than within it.
fn ear(samples: &[f32]) -> Heard {
    let mut words: Vec<Word> = Vec::new();
    let (mut previous, mut is_open) = (0, false);
    for (i, frame) in samples.chunks_exact(STRIDE).enumerate() {
        let place = ((frame[STRIDE / 2] - LOUD) / STEP).round() as usize;
        if place == previous {
            continue;
        }
        previous = place;
        let Some(letter) = place.checked_sub(1).and_then(|i| LETTERS.chars().nth(i)) else {
            continue;
        };
        if letter == ' ' {
            is_open = false;
            continue;
        }
        let start = (i * STRIDE) as f64 / RATE as f64;
        match words.last_mut() {
            Some(word) if is_open => {
                word.text.push(letter.to_ascii_lowercase());
                word.end = start + 0.04;
            }
            _ => words.push(Word {
                text: format!(" {}", letter.to_ascii_lowercase()),
                start,
                end: start + 0.04,
                ..Word::default()
            }),
        }
        is_open = true;
    }
    if let Some(first) = words.first_mut() {
        first.text = first.text.to_uppercase();
    }
    if let Some(last) = words.last_mut() {
        last.text.push('.');
    }
    Heard {
        language: "en".to_owned(),
        no_speech_probability: 0.0,
        words,
    }
}

fn recognise(samples: Vec<f32>) -> (String, usize) {
    block_on(async {
        let mut recognition = Recognition::new(samples, STRIDE..LONGEST, async || {}).await;
        let mut pieces = 0;
        let model = async |samples: &[f32], _: Option<&str>| {
            assert!(samples.len() <= LONGEST);
            Ok::<_, ()>(ear(samples))
        };
        while recognition
            .step(model)
            .await
            .expect("is recognised")
            .is_some()
        {
            pieces += 1;
        }
        (recognition.finish().text(), pieces)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_long_text_equals_the_concatenation_of_its_parts(
        words in prop::collection::vec(
            prop::sample::select(vec!["NO", "NO", "I", "A", "TWENTY", "SEVEN", "DON'T", "LETTER", "SOMEBODY", "BALLOON"]),
            280..400,
        ),
        offset in 0..STRIDE,
    ) {
        let text = words.join(" ");
        let mut samples = spoken(&text);
        // Frames of a piece rarely begin where the speaker's do.
        samples.rotate_left(offset);
        samples.truncate(samples.len() - STRIDE);
        prop_assert!(samples.len() > 60 * RATE);
        let (whole, pieces) = recognise(samples);
        prop_assert!(pieces >= 3);
        prop_assert_eq!(whole.replace('.', "").to_uppercase(), text);
    }
}
