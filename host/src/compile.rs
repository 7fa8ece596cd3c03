//! From WebAssembly to machine code.

use std::{fs, path::Path};

use anyhow::{Context, Error, Result};
use composition::Parts;
use manifest::{Component as Description, Manifest};
use wasmtime::{Engine, component::Component};

use crate::{
    cache::{Cache, Key},
    cli::Compile,
    compiled, engine, log, up,
};

/// Compiles the components of an application, their dependencies inside.
///
/// # Errors
/// When the manifest is wrong, a component does not compile, or the directory cannot be written.
pub(crate) fn ahead(options: &Compile) -> Result<()> {
    let manifest = Manifest::load(&options.from).map_err(Error::msg)?;
    for warning in &manifest.warnings {
        log::warn(format_args!("{warning}"));
    }
    let engine = engine::portable()?;
    let dir = &options.to;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for id in up::served(&manifest).into_keys() {
        let code = parts(&manifest.components[id])
            .and_then(|parts| parts.whole(id))
            .and_then(|wasm| Ok(engine.precompile_component(&wasm)?))
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

/// Compiles a component unless a cache has it.
///
/// # Errors
/// When one of its files is missing, or does not compile.
pub(crate) fn cached(
    cache: &Cache,
    engine: &Engine,
    id: &str,
    description: &Description,
) -> Result<Component> {
    let parts = parts(description)?;
    let key = key(engine, &parts);
    cache.component(engine, &key, || parts.whole(id))
}

/// Compiles a component.
///
/// # Errors
/// When one of its files is missing, or does not compile.
pub(crate) fn fresh(engine: &Engine, id: &str, description: &Description) -> Result<Component> {
    let wasm = parts(description)?.whole(id)?;
    Ok(Component::new(engine, wasm)?)
}

/// Reads what a component is made from.
///
/// # Errors
/// When one of the files is missing.
fn parts(description: &Description) -> Result<Parts<'_>> {
    Parts::read(description, read)
}

/// Everything that [`Parts::whole`] and the compiler make their result from.
fn key(engine: &Engine, parts: &Parts<'_>) -> Key {
    let mut key = Key::new(engine);
    key.add(&composition::REVISION.to_le_bytes());
    key.add(&parts.wasm);
    for (dependency, wasm) in &parts.dependencies {
        key.add(format!("{dependency:?}").as_bytes());
        key.add(wasm);
    }
    key
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| {
        format!(
            "cannot read {} (is it built? `routelets build` does)",
            path.display()
        )
    })
}
