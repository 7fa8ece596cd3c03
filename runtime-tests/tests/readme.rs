//! The commands of the README and of `docs/`, with their answers.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs::read_to_string;
use std::path::PathBuf;
use std::process::Command;

use runtime_tests::{app, root};

/// The README and the pages of `docs/`.
fn pages() -> Vec<PathBuf> {
    let docs = root().join("docs").read_dir().expect("docs/");
    let mut pages: Vec<_> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.push(root().join("README.md"));
    pages
}

/// The commands of a page that have an answer below them.
fn examples(page: &str) -> Vec<(&str, &str)> {
    let lines: Vec<_> = page.lines().collect();
    lines
        .array_windows()
        .filter(|[command, _]| command.starts_with("curl "))
        .filter_map(|[command, answer]| Some((*command, answer.strip_prefix("# ")?)))
        .collect()
}

#[test]
fn every_command_answers_as_its_page_says() {
    let pages: Vec<_> = pages()
        .iter()
        .map(|page| read_to_string(page).unwrap())
        .collect();
    let examples: Vec<_> = pages.iter().flat_map(|page| examples(page)).collect();
    assert!(
        examples.len() >= 10,
        "only {} examples found",
        examples.len()
    );
    let address = app().url("").replace("http://", "");
    for (command, answer) in examples {
        let output = Command::new("bash")
            .current_dir(root())
            .args(["-c", &command.replace("localhost:3000", &address)])
            .output()
            .expect("bash runs");
        let got = String::from_utf8(output.stdout).expect("text");
        assert_eq!(got, answer, "{command}");
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for page in pages() {
        let text = read_to_string(&page).unwrap();
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let file = link.split('#').next().unwrap_or_default();
            let target = page.parent().unwrap().join(file);
            assert!(target.exists(), "{}: {link}", page.display());
        }
    }
}
