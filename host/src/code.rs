//! Where machine code comes from.

use anyhow::{Result, anyhow};
use manifest::Component as Description;
use wasmtime::{Engine, component::Component};

#[cfg(feature = "compiler")]
use crate::{
    cache::Cache,
    compile::{cached, fresh},
};
use crate::{cli::Up, compiled::Compiled, log};

/// Where machine code comes from, and goes to.
pub(crate) enum Code {
    /// Compiled ahead of time.
    Compiled(Compiled),
    /// Compiled when it is not in a cache.
    #[cfg(feature = "compiler")]
    Cached(Cache),
    /// Compiled, and kept in memory only.
    Fresh,
}

impl Code {
    /// Where the command line has it taken from. The default cache is a help, and a program without a home does without.
    ///
    /// # Errors
    /// When a folder that is named cannot be used.
    pub(crate) fn of(options: &Up) -> Result<Self> {
        if let Some(dir) = &options.compiled {
            return Compiled::open(dir.clone()).map(Self::Compiled);
        }
        #[cfg(feature = "compiler")]
        if !options.disable_cache {
            if let Some(dir) = &options.cache_dir {
                return Cache::open(dir.clone()).map(Self::Cached);
            }
            match Cache::default_dir().map(Cache::open) {
                Some(Ok(cache)) => return Ok(Self::Cached(cache)),
                Some(Err(error)) => log::warn(format_args!("{error:#}")),
                None => {}
            }
        }
        Ok(Self::Fresh)
    }

    /// A component, its dependencies inside.
    ///
    /// # Errors
    /// When it neither is compiled nor can be.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        id: &str,
        description: &Description,
    ) -> Result<Component> {
        match self {
            Self::Compiled(compiled) => compiled.component(engine, id).or_else(|error| {
                let component = fresh(engine, id, description).map_err(|failure| {
                    anyhow!("{error:#}; nor can it be compiled here: {failure:#}")
                })?;
                log::warn(format_args!("component '{id}' is compiled anew: {error:#}"));
                Ok(component)
            }),
            #[cfg(feature = "compiler")]
            Self::Cached(cache) => cached(cache, engine, id, description),
            Self::Fresh => fresh(engine, id, description),
        }
    }
}

#[cfg(not(feature = "compiler"))]
fn fresh(_: &Engine, _: &str, _: &Description) -> Result<Component> {
    Err(anyhow!(
        "this host has no compiler; --compiled names a folder of what `routelets compile` made elsewhere"
    ))
}
