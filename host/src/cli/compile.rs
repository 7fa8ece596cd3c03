//! `routelets compile`: machine code ahead of time, for `up`.

use std::{fs, path::Path};

use anyhow::{Context, Error, Result};
use manifest::Manifest;
use tracing::warn;

use crate::{
    cli::arguments::Compile,
    code::{
        compiled, compiler,
        engine::{self, Limits},
        load::load_all,
        progress::Progress,
        source::{self, Source},
    },
    log,
};

/// Compiles the components of an application, their dependencies inside.
///
/// # Errors
/// When the manifest is wrong, a component does not compile, or the folder cannot be written.
pub(super) fn ahead(options: &Compile) -> Result<()> {
    let manifest = Manifest::load(&options.from).map_err(Error::msg)?;
    for warning in &manifest.warnings {
        warn!("{warning}");
    }
    match &options.to {
        Some(folder) => for_any_cpu(&manifest, folder),
        None => into_the_cache(&manifest),
    }
}

/// Fills the cache of `up`. A server that compiles by itself keeps the compiler's memory, which is several times its own.
fn into_the_cache(manifest: &Manifest) -> Result<()> {
    let engine = engine::engine(Limits::COMPILING)?;
    let source = Source::open(source::Settings::default())?;
    let components: Vec<_> = manifest
        .served()
        .into_keys()
        .map(|id| (id, &manifest.components[id]))
        .collect();
    load_all(&engine, &source, &components, log::is_live(), |_, _| Ok(()))?;
    Ok(())
}

fn for_any_cpu(manifest: &Manifest, dir: &Path) -> Result<()> {
    let engine = engine::portable()?;
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
