//! From WebAssembly to machine code.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use composition::Parts;
use manifest::{Component as Description, Dependency};
use wasmtime::{Engine, component::Component};

use crate::code::cache::{Cache, Key};

/// Finds a component in a cache.
///
/// # Errors
/// When one of its files is missing.
pub(crate) fn find(
    cache: &Cache,
    engine: &Engine,
    description: &Description,
) -> Result<Option<Component>> {
    let parts = parts(description)?;
    Ok(cache.find(engine, &key(engine, &parts)))
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

/// The machine code of a component, as a file may keep it.
///
/// # Errors
/// When one of its files is missing, or does not compile.
pub(crate) fn precompiled(engine: &Engine, id: &str, description: &Description) -> Result<Vec<u8>> {
    let wasm = parts(description)?.whole(id)?;
    Ok(engine.precompile_component(&wasm)?)
}

/// Reads the files that a component is made from.
fn parts(description: &Description) -> Result<Parts<'_>> {
    Parts::read(description, read)
}

/// Everything that [`Parts::whole`] and the compiler make their result from.
fn key(engine: &Engine, parts: &Parts<'_>) -> Key {
    let mut key = Key::new(engine);
    key.add(&composition::REVISION.to_le_bytes());
    key.add(&parts.wasm);
    for (dependency, wasm) in &parts.dependencies {
        // The path of its file does not affect the result.
        let Dependency {
            name,
            export,
            inherits_configuration,
            source: _,
            component: _,
        } = dependency;
        key.add(format!("{name:?} {export:?} {inherits_configuration}").as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::engine::{Limits, engine};

    #[test]
    fn a_key_depends_on_permissions_and_not_on_folders() {
        let engine = engine(Limits::COMPILING).unwrap();
        let digest = |source: &str, inherits_configuration| {
            let dependency = Dependency {
                name: "routelets:factorizer/factorizer@0.1.0".parse().unwrap(),
                source: source.into(),
                component: None,
                export: None,
                inherits_configuration,
            };
            let parts = Parts {
                wasm: vec![1],
                dependencies: vec![(&dependency, vec![2])],
            };
            key(&engine, &parts).digest()
        };
        assert_eq!(digest("a.wasm", false), digest("/b/a.wasm", false));
        assert_ne!(digest("a.wasm", false), digest("a.wasm", true));
    }
}
