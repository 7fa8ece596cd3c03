//! The cases of `cases/*.toml`, each as a test.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};
use runtime_tests::{Launch, Request, Server, application, case, contract};

/// Cases use the default settings; everything else is a test in Rust.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Launch::new(&application()).start())
}

/// Fails with the lines that there are.
fn none(lines: &[String]) -> Result<(), Failed> {
    if lines.is_empty() {
        Ok(())
    } else {
        Err(lines.join("\n").into())
    }
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = case::load(&folder.join("cases"));
    let all: Vec<_> = cases.iter().map(|(_, case)| case.clone()).collect();
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|(file, case)| {
            let name = format!("{file}: {}", case.name);
            Trial::test(name, move || case.run(server()).map_err(Failed::from))
        })
        .collect();
    let raising = all.clone();
    trials.extend([
        Trial::test("every promise of the API document has a test", move || {
            let document = server().get("/openapi.json").json();
            none(&contract::untested(&document, &all))
        }),
        Trial::test(
            "every problem that is published is raised by a test",
            move || {
                let request = Request::get("/about/problems").header("accept", "application/json");
                none(&contract::never_raised(
                    &server().send(&request).json(),
                    &raising,
                ))
            },
        ),
        Trial::test("what is tested elsewhere is tested there", move || {
            none(&contract::misnamed(&folder.join("tests")))
        }),
    ]);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
