use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::model::Manifest;

/// An application's folder inside of another, with files in both.
fn application() -> TempDir {
    let parent = tempfile::tempdir().unwrap();
    let app = parent.path().join("a[p]p");
    for file in [
        "../outside.txt",
        "top.txt",
        "assets/a.txt",
        "assets/b.md",
        "assets/deep/c.txt",
    ] {
        let path = app.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::create_dir_all(&app).unwrap();
        fs::write(path, file).unwrap();
    }
    parent
}

fn expand(parent: &TempDir, files: &str) -> Result<Vec<FileMapping>, FilesError> {
    let text = format!(
        "spin_manifest_version = 2\napplication = {{ name = 'app' }}\ntrigger.http = []\n\
         [component.a]\nsource = 'a.wasm'\n{files}"
    );
    let path = parent.path().join("a[p]p/spin.toml");
    let manifest = Manifest::parse(&text, &path).unwrap();
    expand_files(&manifest.components["a"], manifest.folder())
}

/// Guest paths, each with the host file's content, which is its path.
fn mappings(parent: &TempDir, files: &str) -> Vec<String> {
    let found = expand(parent, files).unwrap();
    let show = |FileMapping { host, guest }: &FileMapping| {
        format!(
            "{} <- {}",
            guest.display(),
            fs::read_to_string(host).unwrap()
        )
    };
    found.iter().map(show).collect()
}

#[test]
fn files_are_found_as_spin_finds_them() {
    let parent = application();
    for (files, expected) in [
        ("files = []", vec![]),
        ("files = ['top.txt']", vec!["top.txt <- top.txt"]),
        (
            "files = ['./assets/./a.txt']",
            vec!["assets/a.txt <- assets/a.txt"],
        ),
        (
            "files = ['assets/*.txt']",
            vec!["assets/a.txt <- assets/a.txt"],
        ),
        (
            "files = ['**/*.txt']",
            vec![
                "assets/a.txt <- assets/a.txt",
                "assets/deep/c.txt <- assets/deep/c.txt",
                "top.txt <- top.txt",
            ],
        ),
        (
            "files = ['assets/**/*']\nexclude_files = ['**/*.md', 'assets/deep/*']",
            vec!["assets/a.txt <- assets/a.txt"],
        ),
        (
            "files = [{ source = 'assets', destination = '/' }]",
            vec![
                "a.txt <- assets/a.txt",
                "b.md <- assets/b.md",
                "deep/c.txt <- assets/deep/c.txt",
            ],
        ),
        (
            "files = [{ source = 'assets/deep', destination = '/x/y' }]",
            vec!["x/y/c.txt <- assets/deep/c.txt"],
        ),
        (
            "files = [{ source = 'top.txt', destination = 'etc/top' }]",
            vec!["etc/top <- top.txt"],
        ),
        ("files = ['nothing-*']", vec![]),
    ] {
        assert_eq!(mappings(&parent, files), expected, "{files}");
    }
}

#[test]
fn what_cannot_be_mapped_is_refused() {
    let parent = application();
    let app = parent.path().join("a[p]p");
    symlink(parent.path().join("outside.txt"), app.join("link.txt")).unwrap();
    symlink(parent.path(), app.join("up")).unwrap();
    for (files, expected) in [
        ("files = ['nothing']", "there is no file 'nothing'"),
        (
            "files = [{ source = 'nothing', destination = '/' }]",
            "there is no file 'nothing'",
        ),
        ("files = ['assets']", "'assets' is a folder"),
        ("files = ['.']", "'.' is a folder"),
        ("files = ['..']", "'..' is a folder"),
        (
            "files = ['../outside.txt']",
            "is outside of the application's folder",
        ),
        (
            "files = ['../*.txt']",
            "is outside of the application's folder",
        ),
        (
            "files = ['assets/../../*.txt']",
            "is outside of the application's folder",
        ),
        (
            "files = ['/etc/host*s']",
            "is outside of the application's folder",
        ),
        (
            "files = ['link.txt']",
            "is outside of the application's folder",
        ),
        (
            "files = ['*.txt']",
            "is outside of the application's folder",
        ),
        (
            "files = ['up/outside.txt']",
            "is outside of the application's folder",
        ),
        (
            "files = [{ source = '..', destination = '/' }]",
            "is outside of the application's folder",
        ),
        (
            "files = [{ source = 'top.txt', destination = '/' }]",
            "'/' is not a destination",
        ),
        (
            "files = [{ source = 'top.txt', destination = 'x/' }]",
            "'x/' is not a destination",
        ),
        (
            "files = [{ source = 'assets', destination = '/../x' }]",
            "'/../x' is not a destination",
        ),
    ] {
        let error = expand(&parent, files).unwrap_err().to_string();
        assert!(error.contains(expected), "{files}: {error}");
    }
}

#[test]
fn staged_files_stand_where_the_component_sees_them() {
    let parent = application();
    let files = "files = ['top.txt', { source = 'assets', destination = '/x' }, \
                 { source = 'assets/a.txt', destination = '/top.txt' }]";
    let root = tempfile::tempdir().unwrap();
    stage_files(&expand(&parent, files).unwrap(), root.path()).unwrap();
    let content = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
    assert_eq!(content("x/deep/c.txt"), "assets/deep/c.txt");
    assert_eq!(
        content("top.txt"),
        "assets/a.txt",
        "a later entry hides an earlier one"
    );
}
