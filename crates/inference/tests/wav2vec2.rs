//! Wav2Vec2 in both its forms, with small random weights, against what transformers computes. `wav2vec2/make.py` made
//! the files.

#![allow(clippy::unwrap_used)]

use inference::{Draft, Model, RunError};

fn read(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/wav2vec2/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn model(name: &str) -> Model {
    let draft = Draft::parse(read(&format!("{name}.onnx"))).unwrap();
    draft.build(|| ()).unwrap()
}

/// The samples that `make.py` gives to the model.
fn waveform(samples: usize) -> Vec<f32> {
    (0..samples)
        .map(|i| {
            let noise = (i * 7919 % 2003) as f64 / 1001.5 - 1.0;
            (noise * 0.1 * (i * 31 / samples % 3) as f64) as f32
        })
        .collect()
}

fn compare(name: &str) {
    let model = model(name);
    let emissions = model.run(&waveform(20_000)).unwrap();
    assert_eq!(emissions.frames, 62);
    let expected = read(&format!("{name}.logits"));
    let (expected, _) = expected.as_chunks();
    assert_eq!(emissions.logits.len(), expected.len());
    for (logit, expected) in emissions.logits.iter().zip(expected) {
        let expected = f32::from_le_bytes(*expected);
        assert!((logit - expected).abs() < 1e-3, "{logit} {expected}");
    }
}

#[test]
fn the_form_of_the_base_model() {
    compare("base");
}

#[test]
fn the_form_of_the_large_model() {
    compare("large");
}

#[test]
fn the_shortest_sound_is_one_frame() {
    let model = model("base");
    assert_eq!(model.metadata().minimum_samples, 400);
    assert_eq!(model.run(&[0.5; 400]).unwrap().frames, 1);
    let refusal = model.run(&[0.5; 399]).unwrap_err();
    assert!(matches!(refusal, RunError::TooShort { minimum: 400, .. }));
}

#[test]
fn no_other_file_is_a_model() {
    for (file, expected) in [
        (b"\x89PNG\r\n\x1a\n".to_vec(), "it is not an ONNX model"),
        (Vec::new(), "the model's metadata_props have no 'name'"),
    ] {
        let refusal = Draft::parse(file).err().unwrap();
        assert_eq!(refusal.to_string(), expected);
    }
}
