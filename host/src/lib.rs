//! `routelets`, the embedded host: runs a Spin application on Wasmtime where the Spin command line
//! is absent.
//!
//! It is not a second Spin. What it shares with Spin, it takes by the same names and does in the same
//! way; a feature of Spin that it does not have is an error that says so.
//!
//! Modules use those below them only: `cli`, the command line; `serving`, requests and messages; `interfaces`, what a
//! component sees and reaches; `code`, the engine and machine code; `log`, what the host says.

mod cli;
mod code;
mod interfaces;
mod log;
mod serving;

pub use cli::{health, run};
