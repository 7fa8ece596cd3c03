//! The cases of `cases/*.toml`, each a test of its own.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};
use runtime_tests::{Launch, Server, application, case, contract};

/// Whatever a case needs beside the default settings is a test in Rust.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Launch::new(&application()).start())
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases = case::load(&folder);
    let all: Vec<_> = cases.iter().map(|(_, case)| case.clone()).collect();
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|(file, case)| {
            let name = format!("{file}: {}", case.name);
            Trial::test(name, move || case.run(server()).map_err(Failed::from))
        })
        .collect();
    trials.push(Trial::test(
        "every promise of the API document has a case",
        move || {
            let document = server().get("/openapi.json").json();
            let untested = contract::untested(&document, &all);
            if untested.is_empty() {
                Ok(())
            } else {
                Err(untested.join("\n").into())
            }
        },
    ));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
