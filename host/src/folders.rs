//! Where the host keeps what components print.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};

use crate::{cli::Up, log, stdio::Sink};

/// The folder for the logs of components, if there is to be one.
pub(crate) struct Logs(Option<PathBuf>);

impl Logs {
    /// Makes the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(folder: Option<PathBuf>) -> Result<Self> {
        if let Some(logs) = &folder {
            fs::create_dir_all(logs)
                .with_context(|| format!("cannot make the log folder {}", logs.display()))?;
            log::info(format_args!(
                "Logging component stdio to {}",
                logs.display()
            ));
        }
        Ok(Self(folder))
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
