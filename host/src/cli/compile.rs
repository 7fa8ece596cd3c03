//! `routelets compile`: machine code ahead of time, for `up --compiled`.

use std::fs;

use anyhow::{Context, Error, Result};
use manifest::Manifest;
use tracing::warn;

use crate::{
    cli::arguments::Compile,
    code::{compiled, compiler, engine, progress::Progress},
    log,
};

/// Compiles the components of an application, their dependencies inside.
///
/// # Errors
/// When the manifest is wrong, a component does not compile, or the directory cannot be written.
pub(super) fn ahead(options: &Compile) -> Result<()> {
    let manifest = Manifest::load(&options.from).map_err(Error::msg)?;
    for warning in &manifest.warnings {
        warn!("{warning}");
    }
    let engine = engine::portable()?;
    let dir = &options.to;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let served = manifest.served();
    let progress = Progress::new(served.len(), log::is_live());
    for id in served.into_keys() {
        progress.begin(id);
        let code = compiler::precompiled(&engine, id, &manifest.components[id])
            .with_context(|| format!("component '{id}'"))?;
        let path = compiled::path(dir, id);
        fs::write(&path, &code).with_context(|| format!("cannot write {}", path.display()))?;
        println!(
            "Compiled component {id} ({:.1} MB)",
            code.len() as f64 / 1e6
        );
    }
    Ok(())
}
