//! Other models than the bundled one, in the memory that the recogniser starts with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runtime_tests::{Launch, Request, Server, test_application};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The models of small size, and what they should answer.
fn file(name: &str) -> PathBuf {
    root().join("crates/inference/tests/wav2vec2").join(name)
}

/// Makes a recogniser with a model.
fn preinitialise(model: &Path, output: &Path) -> Output {
    Command::new(root().join("target/host/preinitialise"))
        .arg(root().join("target/wasm32-wasip2/release/recognizer.wasm"))
        .arg(model)
        .arg(output)
        .env_remove("ONNX")
        .output()
        .unwrap()
}

/// Starts an application with the recogniser for this model, and gives it to `test`.
fn with_model(name: &str, test: impl FnOnce(&Server)) {
    let folder = tempfile::tempdir().unwrap();
    let wasm = folder.path().join("recognizer.wasm");
    let made = preinitialise(&file(&format!("{name}.onnx")), &wasm);
    assert!(made.status.success(), "{made:?}");
    let manifest = fs::read_to_string(test_application("recognizer")).unwrap();
    let target = root().join("target").canonicalize().unwrap();
    let manifest = manifest
        .replace(
            "../../../target/wasm32-wasip2/release/recognizer.preinitialised.wasm",
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

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (floats, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    floats
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

fn recognises_as_transformers_does(name: &str) {
    let expected = floats(&fs::read(file(&format!("{name}.logits"))).unwrap());
    with_model(name, |app| {
        let description = app.get("/").json();
        assert_eq!(description["name"], format!("random-{name}"));
        assert_eq!(description["stride"], 320);
        assert_eq!(description["minimum_samples"], 400);
        // The second time, memory holds what the first left.
        for _ in 0..2 {
            let answer = app.send(&Request::new("POST", "/").body(waveform(20_000)));
            assert_eq!(answer.status, 200, "{answer:?}");
            let logits = floats(&answer.body);
            assert_eq!(logits.len(), expected.len());
            for (logit, expected) in logits.iter().zip(&expected) {
                assert!((logit - expected).abs() < 1e-3, "{logit} {expected}");
            }
        }
        let refusal = app.send(&Request::new("POST", "/").body(waveform(399)));
        assert_eq!(
            (refusal.status, refusal.text()),
            (422, "at least 400 samples")
        );
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
        (file("base.logits"), "it is no ONNX model"),
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
