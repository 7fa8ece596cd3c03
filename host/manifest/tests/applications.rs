//! The applications of this repository: the API and its workers, with and without speech.

#![allow(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not their helpers"
)]

use std::path::{Path, PathBuf};

use manifest::Manifest;
use toml::{Table, Value};

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

/// A manifest without the components and routes of speech, and with the other components built without them.
fn without_speech(mut manifest: Table) -> Table {
    if let Some(Value::Array(triggers)) = manifest["trigger"].get_mut("http") {
        triggers.retain(|trigger| trigger["component"].as_str() != Some("asr"));
    }
    let components = manifest["component"].as_table_mut().unwrap();
    components.retain(|id, _| !matches!(id, "asr" | "whisper"));
    for (id, component) in components {
        if let Some(Value::Table(dependencies)) = component.get_mut("dependencies") {
            dependencies.retain(|import, _| !import.starts_with("routelets:recognizer/"));
        }
        let command = component["build"].get_mut("command");
        if matches!(id.as_ref(), "about" | "docs" | "index" | "worker")
            && let Some(Value::String(command)) = command
        {
            command.push_str(" --no-default-features");
        }
    }
    manifest
}

#[test]
fn those_without_speech_differ_in_nothing_else() {
    for (with, without) in [
        ("spin.toml", "spin.no-speech.toml"),
        ("spin.worker.toml", "spin.worker.no-speech.toml"),
    ] {
        let [with_speech, found] = [with, without].map(|name| {
            let text = std::fs::read_to_string(root().join(name)).unwrap();
            text.parse::<Table>().unwrap()
        });
        let expected = without_speech(with_speech);
        for key in expected.keys().chain(found.keys()) {
            assert_eq!(
                found.get(key),
                expected.get(key),
                "[{key}] of {without} is not that of {with} without speech"
            );
        }
        Manifest::load(&root().join(without)).unwrap();
    }
}
