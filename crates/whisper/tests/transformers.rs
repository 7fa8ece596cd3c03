//! A tiny multilingual Whisper recognises what transformers recognises with it. `fixture/make.py` made it.

#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use serde::Deserialize;
use whisper::{
    LoadError, MINIMUM_SAMPLES, Model, Options, Padding, Recognition, RecognizeError, SAMPLE_RATE,
};

const FILE: &[u8] = include_bytes!("fixture/multilingual.safetensors");
/// As in transformers: all of a window of 30 s is encoded.
const FULL: Padding = Padding {
    margin: 1500,
    merged: 1,
};
/// How far logarithms of probabilities may be off, of a token and in the mean: weights have 8 bits here.
const MOST_OFF: f32 = 0.035;
const MEAN_OFF: f32 = 0.008;

#[derive(Deserialize)]
struct Expected {
    sounds: Vec<Sound>,
}

#[derive(Deserialize)]
struct Sound {
    name: String,
    /// Seconds, lowest and highest frequency, seconds of a chirp, share of noise.
    formula: [f64; 5],
    language: String,
    no_speech: f32,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    language: String,
    task: String,
    tokens: Vec<u32>,
    log_probabilities: Vec<f32>,
}

impl Sound {
    fn samples(&self) -> Vec<f32> {
        let [seconds, low, high, period, share] = self.formula;
        let mut state = 1_u32;
        (0..(seconds * SAMPLE_RATE as f64).round() as usize)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = f64::from(state >> 8) / f64::from(1 << 23) - 1.0;
                let t = i as f64 / SAMPLE_RATE as f64 % period;
                let phase = 2.0 * PI * (low * t + (high - low) * t * t / (2.0 * period));
                (0.5 * (1.0 - share) * phase.sin() + 0.5 * share * noise) as f32
            })
            .collect()
    }
}

fn model() -> Model {
    Model::load(FILE, || ()).unwrap()
}

fn sounds() -> Vec<Sound> {
    let expected: Expected = serde_json::from_str(include_str!("fixture/expected.json")).unwrap();
    expected.sounds
}

fn tokens(recognition: &Recognition) -> (Vec<u32>, Vec<f32>) {
    let words = recognition.words.iter();
    words
        .flat_map(|word| &word.tokens)
        .map(|token| (token.id, token.log_probability))
        .unzip()
}

#[test]
fn the_model_tells_what_it_can() {
    let model = model();
    assert_eq!(model.name(), "multilingual");
    assert_eq!(model.created(), 1_700_000_000);
    assert_eq!(model.languages().collect::<Vec<_>>(), ["en", "de", "fr"]);
    assert!(model.translates());
    assert_eq!(model.maximum_samples(), 30 * SAMPLE_RATE);
}

#[test]
fn half_a_file_is_no_model() {
    for length in [0, 100, FILE.len() / 2, FILE.len() - 1] {
        assert!(matches!(
            Model::load(&FILE[..length], || ()),
            Err(LoadError::Format(_))
        ));
    }
}

#[test]
fn texts_are_those_of_transformers() {
    let model = model();
    let mut off = Vec::new();
    for sound in sounds() {
        let samples = sound.samples();
        for text in &sound.texts {
            let options = Options {
                translate: text.task == "translate",
                language: Some(text.language.clone()),
                padding: FULL,
                ..Options::default()
            };
            let found = model.recognize(&samples, &options).unwrap();
            let what = format!("{}, {}, {}", sound.name, text.language, text.task);
            let (ids, scores) = tokens(&found);
            assert_eq!(ids, text.tokens, "{what}");
            assert_eq!(found.words.len(), ids.len(), "{what}");
            assert_eq!(
                (found.language, found.temperature),
                (text.language.clone(), 0.0)
            );
            assert!((found.no_speech - sound.no_speech).abs() < 0.03, "{what}");
            off.extend(
                scores
                    .iter()
                    .zip(&text.log_probabilities)
                    .map(|(found, expected)| (found - expected).abs()),
            );
        }
    }
    let most = off.iter().copied().fold(0.0, f32::max);
    let mean = off.iter().sum::<f32>() / off.len() as f32;
    assert!(
        off.len() > 100 && most < MOST_OFF && mean < MEAN_OFF,
        "off by {most}, in the mean by {mean}"
    );
}

#[test]
fn the_language_is_the_one_that_transformers_detect() {
    let model = model();
    let mut detected = Vec::new();
    for sound in sounds().iter().filter(|sound| !sound.texts.is_empty()) {
        let options = Options {
            padding: FULL,
            ..Options::default()
        };
        let found = model.recognize(&sound.samples(), &options).unwrap();
        assert_eq!(found.language, sound.language, "{}", sound.name);
        let text = sound
            .texts
            .iter()
            .find(|text| text.language == found.language && text.task == "transcribe");
        assert_eq!(tokens(&found).0, text.unwrap().tokens, "{}", sound.name);
        detected.push(found.language);
    }
    assert_eq!(detected, ["de", "fr"]);
}

#[test]
fn nothing_is_said_where_transformers_hear_no_speech() {
    let model = model();
    let sounds = sounds();
    let sound = sounds.iter().find(|sound| sound.texts.is_empty()).unwrap();
    for language in [None, Some("fr".to_owned())] {
        let options = Options {
            language,
            padding: FULL,
            ..Options::default()
        };
        let found = model.recognize(&sound.samples(), &options).unwrap();
        assert!(found.words.is_empty());
        let off = found.evidence.no_speech - sound.no_speech;
        assert!(off.abs() < 0.03 && sound.no_speech > 0.9, "{off}");
    }
}

#[test]
fn what_the_model_cannot_do_is_an_error() {
    let model = model();
    let with = |samples: usize, language: &str| {
        let options = Options {
            language: Some(language.to_owned()),
            ..Options::default()
        };
        model
            .recognize(&vec![0.1; samples], &options)
            .map(|found| found.language)
    };
    let length = |samples| {
        let maximum = 30 * SAMPLE_RATE;
        Err(RecognizeError::Length { samples, maximum })
    };
    assert_eq!(
        with(SAMPLE_RATE, "es"),
        Err(RecognizeError::Language("es".to_owned()))
    );
    // Other special tokens of Whisper are not languages.
    assert_eq!(
        with(SAMPLE_RATE, "translate"),
        Err(RecognizeError::Language("translate".to_owned()))
    );
    assert_eq!(with(0, "en"), length(0));
    assert_eq!(with(MINIMUM_SAMPLES - 1, "en"), length(MINIMUM_SAMPLES - 1));
    assert_eq!(with(MINIMUM_SAMPLES, "de"), Ok("de".to_owned()));
    assert_eq!(with(30 * SAMPLE_RATE, "de"), Ok("de".to_owned()));
    assert_eq!(
        with(30 * SAMPLE_RATE + 1, "en"),
        length(30 * SAMPLE_RATE + 1)
    );
}

#[test]
fn texts_stay_when_silence_is_merged() {
    let model = model();
    let sounds = sounds();
    let sound = sounds.iter().find(|sound| sound.name == "short").unwrap();
    for text in &sound.texts {
        let options = Options {
            translate: text.task == "translate",
            language: Some(text.language.clone()),
            ..Options::default()
        };
        let found = model.recognize(&sound.samples(), &options).unwrap();
        assert_eq!(tokens(&found).0, text.tokens);
    }
}
