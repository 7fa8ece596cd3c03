//! Starting, and failing to.

use std::fs;

use runtime_tests::{Launch, Runtime, root, test_application};
use tempfile::TempDir;

use crate::{launch, tell};

#[test]
fn a_port_in_use_is_an_error() {
    let first = launch("pair").start();
    let (status, output) = launch("pair").listen(first.address()).fail();
    assert!(!status.success());
    let address = first.address().to_string();
    assert!(
        output.contains(&format!("{address} is already in use")),
        "{output}"
    );
    assert_eq!(tell(&first, "/steady/", "sleep&ms=1").unwrap(), "slept");
}

#[test]
fn only_the_components_asked_for_run() {
    let app = launch("pair").arg("--component-id").arg("steady").start();
    assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
    assert_eq!(app.get("/victim/?do=sleep&ms=1").status, 404);
}

#[test]
#[cfg_attr(spin, ignore = "`--cache-dir` is a flag of the embedded host")]
fn the_cache_may_be_off_or_elsewhere() {
    let cache = TempDir::new().unwrap();
    for _ in 0..2 {
        let app = launch("pair").arg("--cache-dir").arg(cache.path()).start();
        assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
        assert!(fs::read_dir(cache.path()).unwrap().count() > 0);
    }
    // A damaged entry is compiled again, not run.
    for entry in walk(cache.path()) {
        fs::write(entry, b"damaged").unwrap();
    }
    let app = launch("pair").arg("--cache-dir").arg(cache.path()).start();
    assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
    let app = launch("pair").arg("--disable-cache").start();
    assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
}

#[test]
fn what_is_compiled_is_told() {
    if !Runtime::is_embedded() {
        return;
    }
    let cache = TempDir::new().unwrap();
    let start = || launch("pair").arg("--cache-dir").arg(cache.path()).start();
    let app = start();
    for id in ["steady", "victim"] {
        let begun = format!("Compiling component {id} (");
        let line = app.line(|line| line.starts_with(&begun));
        assert!(line.ends_with(" of 2)"), "{line}");
    }
    let _ = app.line(|line| line.starts_with("Compiled the components in "));
    drop(app);
    let again = start();
    assert!(!again.output().contains("Compil"), "{}", again.output());
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Each change of a good manifest, the text at whose line the error must point, and what it must
/// say. Spin ignores some of these.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "name = \"pair\"",
        "name = \"pair\"\ncolour = \"red\"",
        "colour",
        "colour",
    ),
    (
        "[component.victim]",
        "[component.victim]\nkey_value_stores = [\"default\"]",
        "key_value_stores",
        "key_value_stores",
    ),
    (
        "[component.victim]",
        "[component.victim]\nfilez = []",
        "filez",
        "filez",
    ),
    (
        "component = \"victim\"",
        "component = \"absent\"",
        "absent",
        "absent",
    ),
    (
        "route = \"/victim/...\"",
        "route = \"/victim/.../x\"",
        "/victim/.../x",
        "route",
    ),
    (
        "[[trigger.http]]",
        "[[trigger.mqtt]]\ntopic = \"c\"\ncomponent = \"steady\"\n[[trigger.http]]",
        "trigger.mqtt",
        "mqtt",
    ),
    (
        "spin_manifest_version = 2",
        "spin_manifest_version = 1",
        "spin_manifest_version",
        "version",
    ),
    ("name = \"pair\"", "name = ", "name = ", ""),
];

#[test]
#[cfg_attr(spin, ignore = "the messages are the embedded host's own")]
fn what_is_wrong_in_a_manifest_is_told_with_its_line() {
    let good = fs::read_to_string(test_application("pair")).unwrap();
    for (before, after, at, says) in WRONG {
        assert!(good.contains(before), "{before}");
        let text = good.replacen(before, after, 1);
        let folder = TempDir::new().unwrap();
        let manifest = folder.path().join("spin.toml");
        // Components are looked for after the manifest is read.
        fs::write(
            &manifest,
            text.replace("../../..", root().to_str().unwrap()),
        )
        .unwrap();
        let (status, output) = Launch::new(&manifest).fail();
        assert_eq!(status.code(), Some(1), "{after}");
        let line = 1 + text.lines().position(|line| line.contains(at)).unwrap();
        let place = format!("spin.toml:{line}:");
        let told = output.lines().find(|line| line.contains(&place));
        assert!(
            told.is_some_and(|told| told.contains(says)),
            "{after}: {place} {says}\n{output}"
        );
    }
}

#[test]
fn a_component_that_is_none_is_told() {
    let folder = TempDir::new().unwrap();
    let manifest = folder.path().join("spin.toml");
    let text = fs::read_to_string(test_application("pair")).unwrap();
    let text = text.replace(
        "../../../target/wasm32-wasip2/release/probe.wasm",
        "broken.wasm",
    );
    fs::write(&manifest, text).unwrap();
    fs::write(folder.path().join("broken.wasm"), b"\0asm but not really").unwrap();
    let (status, output) = Launch::new(&manifest).fail();
    assert!(!status.success());
    if Runtime::is_embedded() {
        assert!(output.contains("error: component '"), "{output}");
    }
}
