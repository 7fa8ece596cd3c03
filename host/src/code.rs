//! Code and compilation: the engine, and where machine code comes from.

mod aot;
#[cfg(feature = "compiler")]
mod cache;
pub(crate) mod compiled;
#[cfg(feature = "compiler")]
pub(crate) mod compiler;
pub(crate) mod engine;
pub(crate) mod epoch;
pub(crate) mod load;
pub(crate) mod progress;
pub(crate) mod source;
