//! The README's commands: each does what the line below it says.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::process::Command;

use runtime_tests::{app, root};

/// The commands of the README that have an answer below them.
fn examples(readme: &str) -> Vec<(&str, &str)> {
    let lines: Vec<_> = readme.lines().collect();
    lines
        .array_windows()
        .filter(|[command, _]| command.starts_with("curl "))
        .filter_map(|[command, answer]| Some((*command, answer.strip_prefix("# ")?)))
        .collect()
}

#[test]
fn every_command_answers_as_the_readme_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let examples = examples(&readme);
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
