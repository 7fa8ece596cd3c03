//! Loads machine code that this program compiled. The one place that needs `unsafe`: what is loaded
//! here runs as it is.
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::{Engine, Result, component::Component};

/// Maps a compiled component from a file, whose pages all processes that run it share.
///
/// The caller vouches that the file holds what [`Engine::precompile_component`] returned,
/// unchanged. One from another version or configuration of Wasmtime is an error, not a danger.
pub(crate) fn from_file(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: the compilation cache calls this with files of a directory that only this user can
    // write to, after it has checked that their contents have the digest recorded when this program
    // wrote them.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads what [`Engine::precompile_component`] has just returned.
pub(crate) fn from_code(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: the compilation cache calls this with the compiler's output, which has not left this
    // process.
    unsafe { Component::deserialize(engine, code) }
}
