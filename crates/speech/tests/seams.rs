//! A known text of more than a minute, spoken without a pause, by an ear that hears no further than its piece.

#![allow(
    clippy::expect_used,
    reason = "the lint knows test functions, not their helpers"
)]

use pollster::block_on;
use proptest::prelude::*;
use speech::{
    ctc::Vocabulary,
    language_model::LanguageModel,
    pipeline::{Reader, Recognition, Scores},
};

const TOKENS: &str = "<pad> <s> </s> <unk> | E T A O N I H S R D L U M W C F G Y P B V K ' X J Q Z";
const STRIDE: usize = 320;
const RATE: usize = 16_000;
/// Amplitude from one token to the next. All are as loud as speech, so that no pause is found.
const STEP: f32 = 0.01;
const LOUD: f32 = 0.5;

static LANGUAGE_MODEL: &[u8] = include_bytes!("../../../models/speech/language_model.bin");

fn tokens() -> Vec<&'static str> {
    TOKENS.split(' ').collect()
}

fn reader(language_model: bool) -> Reader {
    Reader {
        vocabulary: Vocabulary::new(&tokens()).expect("is whole"),
        stride: STRIDE as u32,
        minimum_samples: STRIDE,
        language_model: language_model
            .then(|| LanguageModel::from_bytes(LANGUAGE_MODEL).expect("is a model")),
    }
}

/// Writes each token as two frames of its amplitude, followed by a frame of the blank's.
fn spoken(text: &str) -> Vec<f32> {
    let tokens = tokens();
    text.chars()
        .flat_map(|letter| {
            let letter = if letter == ' ' { '|' } else { letter };
            let place = tokens.iter().position(|token| *token == letter.to_string());
            let token = place.expect("is a token") as f32;
            [token, token, 0.0]
        })
        .flat_map(|token| std::iter::repeat_n(LOUD + token * STEP, STRIDE))
        .collect()
}

/// Hears the token in the middle of each frame.
fn ear(samples: &[f32]) -> Scores {
    let frames = samples.chunks_exact(STRIDE);
    Scores {
        frames: frames.len(),
        logits: frames
            .map(|frame| ((frame[STRIDE / 2] - LOUD) / STEP).round() as usize)
            .flat_map(|token| (0..32).map(move |i| if i == token { 12.0 } else { 0.0 }))
            .collect(),
    }
}

fn recognise(samples: Vec<f32>, language_model: bool) -> (String, usize) {
    block_on(async {
        let reader = reader(language_model);
        let mut recognition = Recognition::new(samples, async || {}).await;
        let mut pieces = 0;
        while recognition
            .step(
                &reader,
                async |samples| Ok::<_, ()>(ear(samples)),
                async || {},
            )
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
        language_model in any::<bool>(),
    ) {
        let text = words.join(" ");
        let mut samples = spoken(&text);
        // Frames of a piece rarely begin where the speaker's do.
        samples.rotate_left(offset);
        samples.truncate(samples.len() - STRIDE);
        prop_assert!(samples.len() > 60 * RATE);
        let (whole, pieces) = recognise(samples, language_model);
        prop_assert!(pieces >= 4);
        prop_assert_eq!(whole, text);
    }
}
