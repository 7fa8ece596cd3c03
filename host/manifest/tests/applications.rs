//! The applications of this repository: the API and its workers, with and without speech.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

use std::path::{Path, PathBuf};

use manifest::Manifest;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The image has the machine code of each component once, by its name.
#[test]
fn both_have_the_same_worker() {
    let [api, workers] = ["spin.toml", "spin.worker.toml"]
        .map(|name| Manifest::load(&root().join(name)).unwrap().components);
    let (one, other) = (&api["worker"], &workers["worker"]);
    assert_eq!(one.source, other.source);
    assert_eq!(
        format!("{:?}", one.dependencies),
        format!("{:?}", other.dependencies)
    );
    let commands = [one, other].map(|worker| worker.build.as_ref().unwrap().commands.clone());
    assert_eq!(commands[0], commands[1]);
}

#[test]
fn those_without_speech_have_neither_its_components_nor_its_routes() {
    for name in ["spin.no-speech.toml", "spin.worker.no-speech.toml"] {
        let manifest = Manifest::load(&root().join(name)).unwrap();
        assert!(manifest.components.contains_key("worker"), "{name}");
        for (id, component) in &manifest.components {
            assert!(!matches!(id.as_ref(), "asr" | "whisper"), "{name}: {id}");
            let dependencies = format!("{:?}", component.dependencies);
            assert!(!dependencies.contains("recognizer"), "{name}: {id}");
        }
    }
}
