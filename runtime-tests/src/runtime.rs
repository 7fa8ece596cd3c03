//! The runtime of the application.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::root;

/// The runtime of the application. Both take the same manifest and the same flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The host of this workspace: the binary in `ROUTELETS`, else the one that `make` has built.
    Embedded,
    /// Spin's command line, from the PATH.
    Spin,
}

impl Runtime {
    /// The runtime under test: `RUNTIME`, `embedded` or `spin`; the embedded one when unset.
    ///
    /// # Panics
    /// When `RUNTIME` is something else.
    #[must_use]
    pub fn current() -> Self {
        match env::var("RUNTIME").as_deref() {
            Err(_) | Ok("" | "embedded") => Self::Embedded,
            Ok("spin") => Self::Spin,
            Ok(other) => panic!("RUNTIME is '{other}', expected embedded or spin"),
        }
    }

    /// Whether the runtime under test is the embedded host.
    #[must_use]
    pub fn is_embedded() -> bool {
        Self::current() == Self::Embedded
    }

    /// `up`, without flags.
    pub(crate) fn up(self) -> Command {
        let program = match self {
            Self::Embedded => embedded(),
            Self::Spin => PathBuf::from("spin"),
        };
        let mut command = Command::new(program);
        command.arg("up");
        // The developer's settings do not apply to tests.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SPIN_") || name == "RUNTIME_CONFIG_FILE" {
                command.env_remove(name);
            }
        }
        command
    }
}

fn embedded() -> PathBuf {
    if let Some(path) = env::var_os("ROUTELETS") {
        return path.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let path = target.join("host/routelets");
    assert!(
        path.is_file(),
        "{} is missing: `make build` builds it, or ROUTELETS names another one",
        path.display()
    );
    path
}
