//! Components compiled ahead of time by `routelets compile`, for images and other installations that start without
//! compiling and without their WebAssembly.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Error, Result, ensure};
use wasmtime::{Engine, component::Component};

use crate::code::aot;

/// A directory of components compiled ahead of time, one file for each that has a trigger.
pub(crate) struct Compiled(PathBuf);

impl Compiled {
    /// Opens a directory that `routelets compile` has filled.
    ///
    /// # Errors
    /// When there is none, or others could plant machine code in it.
    pub(crate) fn open(dir: PathBuf) -> Result<Self> {
        let safe = is_safe(&dir)
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

/// The place of a component.
pub(crate) fn path(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.cwasm"))
}

/// Whether only this user and root can write to a directory, so that other users cannot place machine code there.
///
/// # Errors
/// When the directory does not exist.
pub(crate) fn is_safe(dir: &Path) -> io::Result<bool> {
    let meta = fs::metadata(dir)?;
    let ours = [0, rustix::process::geteuid().as_raw()].contains(&meta.uid());
    Ok(meta.is_dir() && ours && meta.mode() & 0o022 == 0)
}
