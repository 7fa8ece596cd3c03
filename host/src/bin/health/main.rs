//! `routelets health` as a program of its own, for images whose runtime is not the embedded host.

use std::{env, process::ExitCode};

use anyhow::{Context, Result};
use host::health;

fn main() -> ExitCode {
    match check() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<()> {
    let url = env::args().nth(1);
    let url = url.as_deref().unwrap_or(health::URL);
    health::check(
        &url.parse()
            .with_context(|| format!("'{url}' is not a URL"))?,
    )
}
