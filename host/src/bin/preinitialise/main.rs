//! The program `preinitialise`, a build step.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    match host::preinitialise(env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preinitialise: {error:#}");
            ExitCode::FAILURE
        }
    }
}
