//! Black-box tests of the running application: how to start it, speak HTTP to it, and judge answers.
//!
//! The tests are in `tests/`; simple ones are rows of `cases/*.toml`. The environment variable `RUNTIME` selects the
//! [`Runtime`] under test, so that the same tests check both.

// Tests fail by panicking, and only tests call this.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

pub mod attack;
pub mod audio;
pub mod case;
pub mod contract;
mod form;
pub mod http;
mod launch;
mod output;
pub mod redis;
mod runtime;
mod server;

pub use form::Form;
pub use http::{Connection, Request, Response};
pub use launch::Launch;
pub use redis::Redis;
pub use runtime::Runtime;
pub use server::{Server, app};

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("a folder above").to_owned()
}

/// The manifest of the application.
#[must_use]
pub fn application() -> PathBuf {
    root().join("spin.toml")
}

/// The manifest of the workers.
#[must_use]
pub fn worker_application() -> PathBuf {
    root().join("spin.worker.toml")
}

/// The manifest of a test application: `apps/<name>/spin.toml`.
#[must_use]
pub fn test_application(name: &str) -> PathBuf {
    let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps");
    apps.join(name).join("spin.toml")
}
