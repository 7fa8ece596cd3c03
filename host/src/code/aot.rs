//! Loads machine code that this program compiled. Only this needs `unsafe`: the code runs without a check.
#![allow(unsafe_code)]

use std::path::Path;

#[cfg(feature = "compiler")]
use wasmtime::Config;
use wasmtime::{Engine, Result, component::Component};

/// Generates code for any CPU of this architecture from about 2015 on, instead of for this one.
///
/// # Errors
/// When Wasmtime cannot compile for this architecture.
#[cfg(feature = "compiler")]
pub(crate) fn portable(config: &mut Config) -> Result<()> {
    // With a named target, Wasmtime does not use the features of this CPU.
    config.target(&target_lexicon::HOST.to_string())?;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the flag is a set of CPU features. Wasmtime records them with the code and refuses to
    // load that where one is missing.
    unsafe {
        config.cranelift_flag_enable("x86-64-v3");
    }
    Ok(())
}

/// Maps a compiled component from a file, whose pages all processes that run it share.
///
/// The caller guarantees that the file holds the unchanged result of [`Engine::precompile_component`]. A file from another
/// version or configuration of Wasmtime, or for another CPU, is an error, not a danger.
pub(crate) fn from_file(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: the compilation cache calls this with files of a directory that only this user and root
    // can write to, after it has checked that their contents have the digest recorded when this
    // program wrote them; `--compiled` names such a directory, too, that was installed as this
    // program was.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads what [`Engine::precompile_component`] has just returned.
#[cfg(feature = "compiler")]
pub(crate) fn from_code(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: the compilation cache calls this with the compiler's output, which has not left this
    // process.
    unsafe { Component::deserialize(engine, code) }
}
