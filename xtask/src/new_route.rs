//! `cargo xtask new-route NAME`.
use std::path::Path;

use anyhow::Result;

pub(crate) fn add(_root: &Path, _name: &str) -> Result<()> {
    Ok(())
}
