//! Recognisers with other models than the bundled one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ctc::{Emissions, Timing, Vocabulary};
use runtime_tests::{Launch, Request, Server, root, test_application};
use serde_json::json;

/// The models of small size, and what they should answer.
fn file(name: &str) -> PathBuf {
    root().join("crates/inference/tests/wav2vec2").join(name)
}

/// Makes a recogniser with a model.
fn preinitialise(model: &Path, output: &Path) -> Output {
    Command::new(root().join("target/host/preinitialise"))
        .arg(root().join("target/wasm32-wasip2/release/ctc_provider.wasm"))
        .arg(model)
        .arg(output)
        .env_remove("MODEL_FILE")
        .output()
        .unwrap()
}

/// The tokens of the models, and, of the same length, what they are called here. The models' weights are random, so
/// that no token is much likelier than another: special ones, which count as blank, would win together in every frame.
const RENAMED: [(&str, &str); 3] = [("<s>", "[s]"), ("</s>", "[/s]"), ("<unk>", "[unk]")];

/// A model without special tokens but the blank.
fn with_letters_alone(name: &str) -> Vec<u8> {
    let mut model = fs::read(file(&format!("{name}.onnx"))).unwrap();
    for (token, renamed) in RENAMED {
        let (token, renamed) = (format!("\"{token}\""), format!("\"{renamed}\""));
        let at = model
            .windows(token.len())
            .position(|bytes| bytes == token.as_bytes());
        let at = at.unwrap();
        model[at..at + token.len()].copy_from_slice(renamed.as_bytes());
    }
    model
}

/// Starts an application with the recogniser for this model, and gives it to `test`.
fn with_model(name: &str, test: impl FnOnce(&Server)) {
    let folder = tempfile::tempdir().unwrap();
    let wasm = folder.path().join("recognizer.wasm");
    let model = folder.path().join("model.onnx");
    fs::write(&model, with_letters_alone(name)).unwrap();
    let made = preinitialise(&model, &wasm);
    assert!(made.status.success(), "{made:?}");
    let manifest = fs::read_to_string(test_application("recognizer")).unwrap();
    let target = root().join("target");
    let manifest = manifest
        .replace(
            "../../../target/wasm32-wasip2/release/ctc.preinitialised.wasm",
            &wasm.display().to_string(),
        )
        .replace("../../../target", &target.display().to_string());
    let path = folder.path().join("spin.toml");
    fs::write(&path, manifest).unwrap();
    test(&Launch::new(&path).start());
}

/// The samples for which the logits are known.
fn waveform(samples: usize) -> Vec<u8> {
    (0..samples)
        .flat_map(|i| {
            let noise = (i * 7919 % 2003) as f64 / 1001.5 - 1.0;
            ((noise * 0.1 * (i * 31 / samples % 3) as f64) as f32).to_le_bytes()
        })
        .collect()
}

/// The words that greedy decoding reads from the logits of transformers.
fn expected(name: &str, vocabulary: &Vocabulary, samples: usize) -> Vec<ctc::Word> {
    let bytes = fs::read(file(&format!("{name}.logits"))).unwrap();
    let (floats, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    let logits: Vec<f32> = floats
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let timing = Timing {
        sample_rate: 16_000,
        stride: 320,
        samples,
    };
    let frames = logits.len() / vocabulary.size();
    ctc::greedy(&Emissions::new(&logits, frames, vocabulary, timing).unwrap())
}

fn recognises_as_transformers_does(name: &str) {
    let tokens = "<pad> <s> </s> <unk> | E T A O N I H S R D L U M W C F G Y P B V K ' X J Q Z";
    let renamed = |token| RENAMED.iter().find(|(of, _)| *of == token);
    let tokens: Vec<&str> = tokens
        .split(' ')
        .map(|token| renamed(token).map_or(token, |(_, name)| *name))
        .collect();
    let vocabulary = Vocabulary::new(&tokens).unwrap();
    let expected = expected(name, &vocabulary, 20_000);
    assert!(!expected.is_empty());
    with_model(name, |app| {
        let description = app.get("/").json();
        assert_eq!(description["name"], format!("random-{name}"));
        assert_eq!(description["minimum_samples"], 400);
        assert_eq!(description["maximum_samples"], 320_000);
        assert_eq!(description["punctuates"], false);
        // The second time, memory holds what the first left.
        for _ in 0..2 {
            let answer = app.send(&Request::new("POST", "/").body(waveform(20_000)));
            assert_eq!(answer.status, 200, "{answer:?}");
            let heard = answer.json();
            let words = heard["words"].as_array().unwrap();
            assert_eq!(words.len(), expected.len(), "{heard}");
            for (word, expected) in words.iter().zip(&expected) {
                assert_eq!(word["text"], format!(" {}", expected.text));
                let confidence = word["confidence"].as_f64().unwrap();
                assert!((confidence - f64::from(expected.confidence)).abs() < 1e-3);
                assert!((word["start"].as_f64().unwrap() - expected.start).abs() < 1e-3);
                let letters: Vec<_> = expected.letters.iter().map(|l| l.token).collect();
                assert_eq!(word["tokens"], json!(letters));
            }
        }
        for (samples, query, refusal) in [
            (399, "", "wrong length"),
            (320_001, "", "wrong length"),
            (
                400,
                "?language=de",
                "the model does not know the language 'de'",
            ),
            (400, "?task=translate", "the model does not translate"),
        ] {
            let request = Request::new("POST", &format!("/{query}")).body(waveform(samples));
            let answer = app.send(&request);
            assert_eq!((answer.status, answer.json()), (422, refusal.into()));
        }
    });
}

#[test]
fn wav2vec2_of_the_base_form_answers_as_in_transformers() {
    recognises_as_transformers_does("base");
}

#[test]
fn wav2vec2_of_the_large_form_answers_as_in_transformers() {
    recognises_as_transformers_does("large");
}

#[test]
fn what_is_no_model_is_refused_when_the_component_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("recognizer.wasm");
    for (model, expected) in [
        (file("base.logits"), "it is not an ONNX model"),
        (
            root().join("models/iris/iris.onnx"),
            "the model's metadata_props have no 'name'",
        ),
        (root().join("missing.onnx"), "cannot read"),
    ] {
        let refused = preinitialise(&model, &output);
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && message.contains(expected),
            "{message}"
        );
        assert!(!output.exists());
    }
}
