//! `files`: a component sees these files of the application's folder, and no others.

use std::fs;

use runtime_tests::{Launch, root, test_application};
use serde_json::json;
use tempfile::TempDir;

use crate::{launch, tell};

#[test]
fn a_component_reads_its_files() {
    let app = launch("files").start();
    let read = |path: &str| tell(&app, "/some/", &format!("read&path={path}")).unwrap();
    assert_eq!(read("/note.txt"), "a note\n");
    assert_eq!(read("note.txt"), "a note\n");
    assert_eq!(read("/public/inner/leaf.txt"), "a leaf\n");
    assert_eq!(read("/mounted/inner/leaf.txt"), "a leaf\n");
    let list = |path: &str| tell(&app, "/some/", &format!("list&path={path}")).unwrap();
    assert_eq!(list("/"), json!(["mounted", "note.txt", "public"]));
    assert_eq!(list("/public"), json!(["inner"]), "a draft is excluded");
}

#[test]
fn nothing_else_is_reachable() {
    let app = launch("files").start();
    let host = test_application("files").with_file_name("secret.txt");
    for path in [
        "/secret.txt",
        "secret.txt",
        "../secret.txt",
        "/../secret.txt",
        "/mounted/../../secret.txt",
        "/public/draft.txt",
        "/spin.toml",
        "/etc/passwd",
        "/proc/self/environ",
        host.to_str().unwrap(),
    ] {
        let error = tell(&app, "/some/", &format!("read&path={path}"));
        assert!(error.is_err(), "{path}: {error:?}");
    }
}

#[test]
fn files_cannot_be_changed() {
    let app = launch("files").start();
    for path in ["/note.txt", "/new.txt", "/mounted/new.txt"] {
        let outcome = tell(&app, "/some/", &format!("write&path={path}"));
        assert!(outcome.is_err(), "{path}: {outcome:?}");
    }
    let host = test_application("files").with_file_name("note.txt");
    assert_eq!(fs::read_to_string(host).unwrap(), "a note\n");
}

#[test]
fn without_files_there_is_no_file_system() {
    let app = launch("files").start();
    for query in ["read&path=/note.txt", "list&path=/", "write&path=/new.txt"] {
        let outcome = tell(&app, "/none/", query);
        assert!(outcome.is_err(), "{query}: {outcome:?}");
    }
}

#[test]
#[cfg_attr(spin, ignore = "Spin copies what the link leads to")]
fn a_link_out_of_the_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let wasm = root().join("target/wasm32-wasip2/release/probe.wasm");
    let text = fs::read_to_string(test_application("files")).unwrap();
    let text = text.replace(
        "../../../target/wasm32-wasip2/release/probe.wasm",
        wasm.to_str().unwrap(),
    );
    let manifest = folder.path().join("spin.toml");
    fs::write(&manifest, text).unwrap();
    fs::write(folder.path().join("note.txt"), "a note\n").unwrap();
    fs::create_dir(folder.path().join("public")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("public/link.txt")).unwrap();
    let (status, output) = Launch::new(&manifest).fail();
    assert_eq!(status.code(), Some(1));
    assert!(
        output.contains("outside of the application's folder"),
        "{output}"
    );
}
