//! Build steps that cargo alone cannot do: `cargo xtask <command>`.

mod manifests;
mod new_route;
mod openapi;
mod user;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask <command>

  openapi              write crates/contract/openapi.json from the components' annotations
  openapi --check      fail when the committed document is not the one that would be written
  user NAME            read a password, and print the entry of this user for the variable `users`
  manifests            write the manifests of the application without speech
  manifests --check    fail when the committed manifests are not the ones that would be written
  new-route NAME       add a component that answers GET /NAME, with its trigger and its test";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["openapi"] => openapi::write(root()),
        ["openapi", "--check"] => openapi::check(root()),
        ["user", name] => user::print(name),
        ["manifests"] => manifests::write(root()),
        ["manifests", "--check"] => manifests::check(root()),
        ["new-route", name] => new_route::add(root(), name),
        _ => bail!("{USAGE}"),
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
