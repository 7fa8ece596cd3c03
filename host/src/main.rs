//! `routelets`, the embedded host: runs a Spin application on Wasmtime where the Spin command line
//! is absent.
//!
//! It is no second Spin. What it shares with Spin, it takes by the same names and does in the same
//! way; a feature of Spin that it does not have is an error that says so.

mod aot;
mod app;
mod bindings;
mod body;
mod build;
#[cfg(feature = "compiler")]
mod cache;
mod cli;
mod code;
#[cfg(feature = "compiler")]
mod compile;
mod compiled;
mod config;
mod engine;
mod epoch;
mod folders;
mod health;
mod load;
mod log;
mod outbound;
mod pool;
mod redis;
mod refusal;
mod server;
mod shutdown;
mod sqlite;
mod state;
mod stdio;
mod stream;
mod subscriber;
mod up;
mod variables;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// A request costs hundreds of small allocations: this allocator saves a tenth of its processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| cli::explain(error).exit());
    let result = match cli.command {
        Command::Build(options) => manifest::Manifest::load(&options.from)
            .map_err(anyhow::Error::msg)
            .and_then(|manifest| build::build(&manifest, &options.component_id)),
        #[cfg(feature = "compiler")]
        Command::Compile(options) => compile::ahead(&options),
        Command::Health(options) => health::check(&options.url),
        Command::Up(options) => up::up(*options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
