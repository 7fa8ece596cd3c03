//! Nothing that a caller or a model file brings makes the recogniser panic or stand still.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use whisper::{LoadError, MINIMUM_SAMPLES, Model, Options, Recognition, SAMPLE_RATE};

const FILE: &[u8] = include_bytes!("fixture/multilingual.safetensors");

/// The header of the model file, and its tensors.
fn header_and_tensors() -> (Value, &'static [u8]) {
    let (length, rest) = FILE.split_first_chunk::<8>().unwrap();
    let (header, tensors) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
    (serde_json::from_slice(header).unwrap(), tensors)
}

/// The model file with `value` at `key` of `config` or `generation_config`.
fn altered(part: &str, key: &str, value: &Value) -> Vec<u8> {
    let (mut header, tensors) = header_and_tensors();
    let metadata = &mut header["__metadata__"][part];
    let mut inner: Value = serde_json::from_str(metadata.as_str().unwrap()).unwrap();
    inner[key] = value.clone();
    *metadata = inner.to_string().into();
    let mut header = header.to_string();
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    let length = u64::try_from(header.len()).unwrap().to_le_bytes();
    [&length, header.as_bytes(), tensors].concat()
}

/// A rising tone of so many seconds.
fn sound(seconds: f32) -> Vec<f32> {
    let count = (seconds * SAMPLE_RATE as f32) as usize;
    (0..count)
        .map(|i| {
            let t = i as f32 / SAMPLE_RATE as f32;
            0.5 * (std::f32::consts::TAU * (200.0 + 300.0 * (t % 0.5)) * t).sin()
        })
        .collect()
}

fn assert_numbers(found: &Recognition) {
    assert!(found.no_speech.is_finite(), "{found:?}");
    for word in &found.words {
        let numbers = [word.start, word.end, word.confidence];
        assert!(numbers.iter().all(|x| x.is_finite()), "{word:?}");
        assert!(word.start <= word.end && word.confidence <= 1.0);
        let scores = word.tokens.iter().map(|token| token.log_probability);
        assert!(scores.clone().all(|x| x <= 0.0), "{word:?}");
    }
}

#[test]
fn a_configuration_that_cannot_be_is_refused() {
    let unsupported = |part: &str, key: &str, value: Value| {
        let found = Model::load(&altered(part, key, &value), || ());
        assert!(
            matches!(found, Err(LoadError::Unsupported(_))),
            "{key} {value}: {:?}",
            found.err()
        );
    };
    for (key, value) in [
        ("d_model", json!(0)),
        ("encoder_ffn_dim", json!(0)),
        ("decoder_ffn_dim", json!(0)),
        ("num_mel_bins", json!(0)),
        ("max_source_positions", json!(1501)),
        ("max_source_positions", json!(498)),
        ("max_target_positions", json!(1)),
        ("encoder_layers", json!(0)),
        // 2^58 heads of 64 values are 2^64.
        ("encoder_attention_heads", json!((1_u64 << 58) + 1)),
        ("eos_token_id", json!(1_000_000)),
    ] {
        unsupported("config", key, value);
    }
    for key in [
        "no_timestamps_token_id",
        "no_speech_token_id",
        "prev_sot_token_id",
    ] {
        unsupported("generation_config", key, json!(1_000_000));
    }
    unsupported(
        "generation_config",
        "lang_to_id",
        json!({"<|en|>": 1_000_000}),
    );
    unsupported(
        "generation_config",
        "task_to_id",
        json!({"transcribe": 1, "translate": 1_000_000}),
    );
    for (key, value) in [("d_model", json!(-1)), ("vocab_size", json!("many"))] {
        assert!(matches!(
            Model::load(&altered("config", key, &value), || ()),
            Err(LoadError::Metadata { .. })
        ));
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let mut file = FILE.to_vec();
    // The last tensor's last value, in 16 or 32 bits, little-endian: all ones are not a number.
    let last = file.len() - 4;
    file[last..].fill(0xFF);
    assert!(matches!(
        Model::load(&file, || ()),
        Err(LoadError::NotFinite(_))
    ));
}

#[test]
fn other_positions_of_frames_are_refused() {
    let (header, tensors) = header_and_tensors();
    let offsets = &header["model.encoder.embed_positions.weight"]["data_offsets"];
    let end = usize::try_from(offsets[1].as_u64().unwrap()).unwrap();
    let mut file = FILE.to_vec();
    let end = file.len() - tensors.len() + end;
    // The last one is a cosine near 1; two bytes of zeros are the number 0.
    file[end - 2..end].fill(0);
    let found = Model::load(&file, || ()).err();
    assert!(
        matches!(found, Some(LoadError::Unsupported(_))),
        "{found:?}"
    );
}

#[test]
fn strange_samples_give_words_with_numbers() {
    let model = Model::load(FILE, || ()).unwrap();
    let mut with_gaps = sound(2.0);
    for (i, sample) in with_gaps.iter_mut().enumerate() {
        *sample = match i % 1000 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            _ => *sample,
        };
    }
    let times = |factor: f32| sound(2.0).iter().map(|x| x * factor).collect();
    for samples in [
        with_gaps,
        vec![f32::NAN; SAMPLE_RATE],
        vec![f32::INFINITY; SAMPLE_RATE],
        times(1e30),
        times(f32::MAX),
        times(f32::MIN_POSITIVE),
        vec![f32::MIN_POSITIVE / 2.0; SAMPLE_RATE],
        vec![0.0; SAMPLE_RATE],
        vec![1.0; MINIMUM_SAMPLES],
    ] {
        assert_numbers(&model.recognize(&samples, &Options::default()).unwrap());
    }
    // What is too loud is what is left of it at full scale.
    let loud: Vec<f32> = times(1e6);
    let clipped: Vec<f32> = loud.iter().map(|x| x.clamp(-1.0, 1.0)).collect();
    let hear = |samples: &[f32]| model.recognize(samples, &Options::default()).unwrap();
    assert_eq!(hear(&loud), hear(&clipped));
}

#[test]
fn strange_temperatures_give_words_with_numbers() {
    let model = Model::load(FILE, || ()).unwrap();
    for temperature in [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1.0,
        f32::MIN_POSITIVE,
        1e-40,
        f32::MAX,
    ] {
        let options = Options {
            temperature,
            ..Options::default()
        };
        let found = model.recognize(&sound(1.0), &options).unwrap();
        assert_numbers(&found);
        assert!((0.0..=1.0).contains(&found.temperature), "{found:?}");
    }
}

#[test]
fn the_longest_prompts_are_read() {
    let model = Model::load(FILE, || ()).unwrap();
    for prompt in [
        "a".repeat(64 << 10),
        "word ".repeat(13 << 10),
        "\u{1F600}".repeat(16 << 10),
        "\0\u{FFFD} \u{200B}\n\t'".repeat(4 << 10),
        "' ".repeat(32 << 10),
        " ".repeat(64 << 10),
    ] {
        let options = Options {
            prompt,
            ..Options::default()
        };
        assert_numbers(&model.recognize(&sound(0.5), &options).unwrap());
    }
}
