//! `routelets`, the embedded host: runs a Spin application on Wasmtime where the Spin command line
//! is absent.
//!
//! It does not implement all of Spin. Common features have the same names and work in the same way; using a feature that is
//! missing is an error that names it.
//!
//! Each module uses only those after it: `cli`, the command line; `preinitialise`, a build step; `serving`, requests and
//! messages; `interfaces`, what a component sees and reaches; `code`, the engine and machine code; `log`, the host's log
//! lines; `metrics`, what it counts; `traces`, its spans; `otlp`, the export of all three.

mod cli;
mod code;
mod interfaces;
mod log;
mod metrics;
mod otlp;
#[cfg(feature = "compiler")]
mod preinitialise;
mod serving;
mod traces;

pub use cli::{health, run};
#[cfg(feature = "compiler")]
pub use preinitialise::preinitialise;
