//! Where the host keeps what an application leaves behind.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{cli::Up, log, stdio::Sink};

/// `--runtime-config-file`: the settings of Spin's that this host has.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeConfig {
    state_dir: Option<PathBuf>,
    log_dir: Option<PathBuf>,
}

impl RuntimeConfig {
    fn load(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", path.display()))
    }
}

/// The folder for the logs of components, if there is to be one.
pub(crate) struct Logs(Option<PathBuf>);

impl Logs {
    /// Takes the folder from the command line, else from the runtime configuration, else `logs` in
    /// the state folder, which is `.spin` beside the manifest if nothing says otherwise. An empty
    /// path means none.
    ///
    /// # Errors
    /// When the runtime configuration is wrong or the folder cannot be made.
    pub(crate) fn new(options: &Up, application: &Path) -> Result<Self> {
        let config = options
            .runtime_config_file
            .as_deref()
            .map(RuntimeConfig::load)
            .transpose()?
            .unwrap_or_default();
        let set = |path: PathBuf| Some(path).filter(|path| !path.as_os_str().is_empty());
        let state = match options.state_dir.clone().or(config.state_dir) {
            Some(state) => set(state),
            None => Some(application.join(".spin")),
        };
        let logs = match options.log_dir.clone().or(config.log_dir) {
            Some(logs) => set(logs),
            None => state.map(|state| state.join("logs")),
        };
        if let Some(logs) = &logs {
            fs::create_dir_all(logs)
                .with_context(|| format!("cannot make the log folder {}", logs.display()))?;
            log::info(format_args!(
                "Logging component stdio to {}",
                logs.display()
            ));
        }
        Ok(Self(logs))
    }

    /// Opens one of the outputs of a component.
    ///
    /// # Errors
    /// When the log file cannot be opened.
    pub(crate) fn sink(
        &self,
        options: &Up,
        component: &str,
        stream: &'static str,
    ) -> Result<Arc<Sink>> {
        let follow = !options.quiet
            && (options.follow.is_empty() || options.follow.iter().any(|id| id == component));
        Sink::open(
            self.0.as_deref(),
            component,
            stream,
            follow,
            options.truncate_logs,
        )
        .with_context(|| format!("cannot open the log of component '{component}'"))
    }
}
