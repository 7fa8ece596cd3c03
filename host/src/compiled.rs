//! `routelets compile` and what it makes: components compiled ahead of time, for images and other
//! installations that start without compiling and without their WebAssembly.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Error, Result, ensure};
use manifest::Manifest;
use wasmtime::{Engine, component::Component};

use crate::{aot, cache, cli::Compile, engine, load, log, up};

/// A directory of components compiled ahead of time, one file for each that has a trigger.
pub(crate) struct Compiled(PathBuf);

impl Compiled {
    /// Opens a directory that [`compile`] has filled.
    ///
    /// # Errors
    /// When there is none, or others could plant machine code in it.
    pub(crate) fn open(dir: PathBuf) -> Result<Self> {
        let safe = cache::is_safe(&dir)
            .with_context(|| format!("cannot open the compiled components in {}", dir.display()))?;
        ensure!(
            safe,
            "the directory of compiled components {} can be written by others: let it belong to root \
             or to the user who runs this, and be writable by its owner alone",
            dir.display()
        );
        Ok(Self(dir))
    }

    /// A component. That it is the one of the manifest's `source` is for the caller to know.
    ///
    /// # Errors
    /// When it is not there, or was compiled by another version or for a CPU with other features.
    pub(crate) fn component(&self, engine: &Engine, id: &str) -> Result<Component> {
        let path = path(&self.0, id);
        aot::from_file(engine, &path)
            .map_err(Error::from)
            .with_context(|| format!("cannot load {}", path.display()))
    }
}

fn path(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.cwasm"))
}

/// Compiles the components of an application, their dependencies inside.
///
/// # Errors
/// When the manifest is wrong, a component does not compile, or the directory cannot be written.
pub(crate) fn compile(options: &Compile) -> Result<()> {
    let manifest = Manifest::load(&options.from).map_err(Error::msg)?;
    for warning in &manifest.warnings {
        log::warn(format_args!("{warning}"));
    }
    let engine = engine::portable()?;
    let dir = &options.to;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for id in up::served(&manifest).into_keys() {
        let code = load::parts(&manifest.components[id])
            .and_then(|parts| parts.whole(id))
            .and_then(|wasm| Ok(engine.precompile_component(&wasm)?))
            .with_context(|| format!("component '{id}'"))?;
        let path = path(dir, id);
        fs::write(&path, &code).with_context(|| format!("cannot write {}", path.display()))?;
        println!(
            "Compiled component {id} ({:.1} MB)",
            code.len() as f64 / 1e6
        );
    }
    Ok(())
}
