//! Components compiled ahead of time, and the health check: the parts that images are made of.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use runtime_tests::{Launch, test_application};
use tempfile::TempDir;

use crate::{launch, tell};

fn host() -> Command {
    let built = runtime_tests::root().join("target/host/routelets");
    Command::new(std::env::var_os("ROUTELETS").map_or(built, PathBuf::from))
}

/// An application of one component, and where that lies.
fn application(folder: &Path) -> (PathBuf, PathBuf) {
    let wasm = folder.join("probe.wasm");
    let built = runtime_tests::root().join("target/wasm32-wasip2/release/probe.wasm");
    fs::copy(built, &wasm).unwrap();
    let manifest = fs::read_to_string(test_application("pair")).unwrap();
    let sources = "../../../target/wasm32-wasip2/release/probe.wasm";
    let path = folder.join("spin.toml");
    fs::write(&path, manifest.replace(sources, "probe.wasm")).unwrap();
    (path, wasm)
}

fn compile(manifest: &Path, to: &Path) -> Output {
    let mut command = host();
    command.arg("compile").arg("--from").arg(manifest);
    command.arg("--to").arg(to).output().unwrap()
}

#[test]
#[cfg_attr(spin, ignore = "`compile` is a command of the embedded host")]
fn what_was_compiled_into_the_cache_is_not_compiled_again() {
    let home = TempDir::new().unwrap();
    let manifest = test_application("pair");
    let mut command = host();
    command.arg("compile").arg("--from").arg(&manifest);
    let made = command.env("XDG_CACHE_HOME", home.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let app = launch("pair")
        .arg("--cache-dir")
        .arg(home.path().join("routelets"))
        .start();
    assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
    assert!(!app.output().contains("Compil"), "{}", app.output());
}

#[test]
#[cfg_attr(spin, ignore = "`compile` is a command of the embedded host")]
fn what_was_compiled_ahead_needs_no_sources() {
    let folder = TempDir::new().unwrap();
    let (manifest, wasm) = application(folder.path());
    let compiled = folder.path().join("compiled");
    let made = compile(&manifest, &compiled);
    assert!(made.status.success(), "{made:?}");
    let prepare = || Launch::new(&manifest).arg("--compiled").arg(&compiled);

    let unsourced = prepare();
    let (broken, open) = (prepare(), prepare());
    let sources = fs::read(&wasm).unwrap();
    fs::remove_file(&wasm).unwrap();
    let app = unsourced.start();
    assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
    drop(app);

    // As where the CPU has not all features, or the host is another version.
    let victim = compiled.join("victim.cwasm");
    let code = fs::read(&victim).unwrap();
    fs::write(&victim, &code[..code.len() / 2]).unwrap();
    let (status, output) = broken.fail();
    assert_eq!(status.code(), Some(1));
    for file in ["victim.cwasm", "probe.wasm"] {
        assert!(output.contains(file), "{file}: {output}");
    }
    fs::write(&wasm, sources).unwrap();
    let app = prepare().start();
    assert_eq!(tell(&app, "/victim/", "sleep&ms=1").unwrap(), "slept");
    let told = app.line(|line| line.contains("compiled again"));
    assert!(told.contains("'victim'"), "{told}");

    fs::set_permissions(&compiled, fs::Permissions::from_mode(0o777)).unwrap();
    let (status, output) = open.fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("can be written by others"), "{output}");
}

#[test]
fn what_cannot_be_compiled_is_told() {
    let folder = TempDir::new().unwrap();
    let (manifest, wasm) = application(folder.path());
    fs::write(&wasm, b"\0asm\x0d\0\x01\0\x7f").unwrap();
    let made = compile(&manifest, &folder.path().join("compiled"));
    assert_eq!(made.status.code(), Some(1));
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(told.contains("component 'steady'"), "{told}");
}

#[test]
fn health_is_a_question_that_has_an_answer() {
    let app = launch("pair").start();
    let asked = |url: &str| host().args(["health", url]).output().unwrap();
    let well = asked(&app.url("/.well-known/spin/health"));
    assert!(well.status.success(), "{well:?}");
    let ill = asked(&app.url("/nowhere"));
    assert_eq!(ill.status.code(), Some(1));
    let told = String::from_utf8_lossy(&ill.stderr);
    assert!(told.contains("404"), "{told}");
}
