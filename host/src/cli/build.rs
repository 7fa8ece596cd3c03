//! `routelets build`: runs the components' build commands, as `spin build` does.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};
use manifest::Manifest;

/// Builds the components with the given ids, or all. A command that several components share runs once for each folder it runs
/// in, and packages that are built alike are built by one `cargo build`, which keeps all cores busy.
///
/// # Errors
/// When an id is unknown or a command fails.
pub(crate) fn build(manifest: &Manifest, ids: &[String]) -> Result<()> {
    if let Some(id) = ids.iter().find(|id| !manifest.components.contains_key(*id)) {
        bail!("unknown component '{id}'");
    }
    let mut steps = Vec::new();
    for (id, component) in &manifest.components {
        let build = component.build.as_ref();
        let Some(build) = build.filter(|_| ids.is_empty() || ids.contains(id)) else {
            continue;
        };
        for (position, command) in build.commands.iter().enumerate() {
            add(&mut steps, id, command, position == 0, &build.workdir);
        }
    }
    for step in steps {
        let (ids, command) = (step.ids.join(", "), step.command());
        println!("Building {ids} with `{command}`");
        run(&command, step.folder).with_context(|| format!("cannot build {ids}"))?;
    }
    println!("Finished building all Spin components");
    Ok(())
}

/// A command, and the components that it builds.
#[derive(Debug)]
struct Step<'a> {
    ids: Vec<&'a str>,
    command: &'a str,
    /// What `command` builds besides its own package.
    packages: Vec<&'a str>,
    /// Whether its components need nothing before it.
    first: bool,
    folder: &'a Path,
}

impl Step<'_> {
    fn command(&self) -> String {
        let more = self.packages.iter();
        let more: String = more.map(|name| format!(" --package {name}")).collect();
        format!("{}{more}", self.command)
    }
}

/// Adds a component's command to the steps: to one that does the same, to one that builds other packages in the same way, or as a
/// step of its own.
fn add<'a>(
    steps: &mut Vec<Step<'a>>,
    id: &'a str,
    command: &'a str,
    first: bool,
    folder: &'a Path,
) {
    let package = |step: &Step| {
        let (package, options) = cargo_build(command)?;
        let (_, others) = cargo_build(step.command)?;
        (first && step.first && options == others).then_some(package)
    };
    for step in steps.iter_mut().filter(|step| step.folder == folder) {
        if step.command != command {
            let Some(package) = package(step) else {
                continue;
            };
            if !step.packages.contains(&package) {
                step.packages.push(package);
            }
        }
        step.ids.push(id);
        step.ids.dedup();
        return;
    }
    steps.push(Step {
        ids: vec![id],
        command,
        packages: Vec::new(),
        first,
        folder,
    });
}

/// The package that a plain `cargo build` builds, and its options. None if it is anything else.
fn cargo_build(command: &str) -> Option<(&str, Vec<&str>)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_=,./".contains(c);
    if !command.chars().all(plain) {
        return None;
    }
    let options = command.strip_prefix("cargo build ")?;
    let (before, after) = options.split_once("--package ")?;
    let (package, after) = after.split_once(' ').unwrap_or((after, ""));
    let options = before.split_whitespace().chain(after.split_whitespace());
    let options: Vec<_> = options.collect();
    let several = options
        .iter()
        .any(|option| ["--package", "-p"].contains(option));
    (!several).then_some((package, options))
}

fn run(command: &str, folder: &Path) -> Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let status = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(folder)
        .status()
        .with_context(|| format!("cannot run `{command}` in {}", folder.display()))?;
    if !status.success() {
        bail!("`{command}` failed with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands that run for components with these commands, all in one folder.
    fn commands(components: &[&[&str]]) -> Vec<(usize, String)> {
        let ids = ["a", "b", "c", "d", "e"];
        let mut steps = Vec::new();
        for (id, commands) in ids.into_iter().zip(components) {
            for (position, command) in commands.iter().enumerate() {
                add(&mut steps, id, command, position == 0, Path::new(""));
            }
        }
        let steps = steps.iter();
        steps.map(|step| (step.ids.len(), step.command())).collect()
    }

    #[test]
    fn packages_that_are_built_alike_are_built_together() {
        let together = commands(&[
            &["cargo build --release --package ping"],
            &["cargo build --release --package whisper", "convert"],
            &["cargo build --release --package worker --no-default-features"],
            &["cargo build --release --package sum"],
            &["cargo build --release --package sum"],
        ]);
        let expected = [
            (
                4,
                "cargo build --release --package ping --package whisper --package sum",
            ),
            (1, "convert"),
            (
                1,
                "cargo build --release --package worker --no-default-features",
            ),
        ];
        assert_eq!(
            together,
            expected.map(|(ids, command)| (ids, command.to_owned()))
        );
    }

    #[test]
    fn other_commands_stay_alone_and_in_order() {
        for command in [
            "cargo build --package b && cp b c",
            "cargo run --package b",
            "cargo build --package b --package c",
            "cargo build --release --package b",
            "cargo build",
            "make b",
        ] {
            let apart = commands(&[
                &["cargo build --package a"],
                &[command, "cargo build --package d"],
            ]);
            let expected = [
                "cargo build --package a",
                command,
                "cargo build --package d",
            ];
            assert_eq!(apart, expected.map(|command| (1, command.to_owned())));
        }
    }

    #[test]
    fn what_several_components_need_is_done_once() {
        let twice = commands(&[&["make all", "make b"], &["make all"], &["make b"]]);
        let expected = [(2, "make all"), (2, "make b")];
        assert_eq!(
            twice,
            expected.map(|(ids, command)| (ids, command.to_owned()))
        );
    }

    #[test]
    fn packages_in_other_folders_are_built_there() {
        let mut steps = Vec::new();
        for folder in ["", "other"] {
            add(
                &mut steps,
                "a",
                "cargo build --package a",
                true,
                Path::new(folder),
            );
        }
        assert_eq!(steps.len(), 2);
    }
}
