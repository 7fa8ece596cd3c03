//! The command line, and the settings that follow from it.

mod announcement;
mod arguments;
mod build;
#[cfg(feature = "compiler")]
mod compile;
mod config;
mod exposure;
pub mod health;
mod settings;
mod up;

use std::process::ExitCode;

use clap::Parser;
use tracing::error;

use self::arguments::{Cli, Command, explain};
use crate::log::{self, Format};

/// Executes the command line.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| explain(error).exit());
    let (format, quiet) = match &cli.command {
        Command::Up(options) => (options.log_format, options.quiet),
        _ => (Format::Text, false),
    };
    log::init(format, quiet);
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
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
