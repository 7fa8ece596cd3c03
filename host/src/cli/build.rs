//! `routelets build`: runs the components' build commands, as `spin build` does.

use std::{collections::HashSet, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use manifest::Manifest;

/// Builds the components with the given ids, or all. A command that several components share runs
/// once for each folder it runs in.
///
/// # Errors
/// When an id is unknown or a command fails.
pub(crate) fn build(manifest: &Manifest, ids: &[String]) -> Result<()> {
    if let Some(id) = ids.iter().find(|id| !manifest.components.contains_key(*id)) {
        bail!("unknown component '{id}'");
    }
    let mut done = HashSet::new();
    for (id, component) in &manifest.components {
        let Some(build) = component
            .build
            .as_ref()
            .filter(|_| ids.is_empty() || ids.contains(id))
        else {
            continue;
        };
        for command in &build.commands {
            if done.insert((command, &build.workdir)) {
                println!("Building component {id} with `{command}`");
                run(command, &build.workdir).with_context(|| format!("component '{id}'"))?;
            }
        }
    }
    println!("Finished building all Spin components");
    Ok(())
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
