//! The manifests of the application without speech.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Each manifest with speech, and the one without.
const MANIFESTS: [(&str, &str); 2] = [
    ("spin.toml", "spin.no-speech.toml"),
    ("spin.worker.toml", "spin.worker.no-speech.toml"),
];

/// The paragraphs of a manifest that contain one of these belong to speech.
const SPEECH: [&str; 4] = [
    "component = \"asr\"",
    "[component.asr]",
    "[component.whisper]",
    "[component.ctc]",
];

/// Components that are built differently without speech.
const VARIANTS: [&str; 5] = ["about", "docs", "index", "monitor", "worker"];

/// The permission to ask whether the speech model is loaded, which is the last in its list.
const ASKS_SPEECH: &str = ", \"http://asr.spin.internal\"";

/// Writes the manifests without speech.
pub(crate) fn write(root: &Path) -> Result<()> {
    for (from, to) in MANIFESTS {
        std::fs::write(root.join(to), without_speech(root, from)?)
            .with_context(|| format!("cannot write {to}"))?;
    }
    Ok(())
}

/// Fails when a committed manifest differs.
pub(crate) fn check(root: &Path) -> Result<()> {
    for (from, to) in MANIFESTS {
        ensure!(
            read(root, to)? == without_speech(root, from)?,
            "{to} is not {from} without speech: run `cargo xtask manifests`"
        );
    }
    Ok(())
}

fn read(root: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))
}

fn without_speech(root: &Path, name: &str) -> Result<String> {
    let manifest = read(root, name)?;
    let paragraphs = manifest.trim_end().split("\n\n");
    let paragraphs: Vec<_> = paragraphs
        .filter(|paragraph| !SPEECH.iter().any(|mark| paragraph.contains(mark)))
        .map(without_recognizer)
        .collect();
    let mut manifest = paragraphs.join("\n\n").replace(ASKS_SPEECH, "") + "\n";
    for package in VARIANTS {
        let [with, without] = ["", " --no-default-features"]
            .map(|features| format!("--package {package}{features}\""));
        manifest = manifest.replace(&with, &without);
    }
    Ok(format!(
        "# {name} without speech, written by `cargo xtask manifests`.\n{manifest}"
    ))
}

/// A paragraph without the dependency on the recogniser, which is the last in its table.
fn without_recognizer(paragraph: &str) -> String {
    let Some((before, after)) = paragraph.split_once(", \"routelets:recognizer/") else {
        return paragraph.to_owned();
    };
    let after = after.split_once('}').map_or("", |(_, after)| after);
    before.to_owned() + after
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_manifests_are_those_that_would_be_written() {
        super::check(crate::root()).expect("the same manifests");
    }
}
