//! Where machine code comes from.

use std::path::PathBuf;

use anyhow::{Error, Result, anyhow};
use manifest::Component as Description;
use tracing::warn;
use wasmtime::{Engine, component::Component};

use crate::code::compiled::Compiled;
#[cfg(feature = "compiler")]
use crate::code::{
    cache::{Cache, Key},
    compiler::{cached, find, fresh},
};

/// The source that the user chose.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// A folder of components compiled ahead of time.
    pub(crate) compiled: Option<PathBuf>,
    /// The folder of the cache; the user's own when `None`.
    #[cfg(feature = "compiler")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Whether compiled code is not kept.
    #[cfg(feature = "compiler")]
    pub(crate) disable_cache: bool,
}

/// Where machine code is loaded from and stored.
pub(crate) enum Source {
    /// Compiled ahead of time.
    Compiled(Compiled),
    /// Compiled when it is not in a cache.
    #[cfg(feature = "compiler")]
    Cached(Cache),
    /// Compiled, and kept in memory only.
    Fresh,
}

/// The result of looking for a component in a source.
pub(crate) enum Found {
    /// Its machine code.
    Code(Component),
    /// Not found: it must be compiled. With the reason if that is unexpected.
    Nothing(Option<Error>),
}

impl Source {
    /// Opens the source. Without a home folder there is no default cache.
    ///
    /// # Errors
    /// When a named folder cannot be used.
    pub(crate) fn open(settings: Settings) -> Result<Self> {
        if let Some(dir) = settings.compiled {
            return Compiled::open(dir).map(Self::Compiled);
        }
        #[cfg(feature = "compiler")]
        if !settings.disable_cache {
            if let Some(dir) = settings.cache_dir {
                return Cache::open(dir).map(Self::Cached);
            }
            match Cache::default_dir().map(Cache::open) {
                Some(Ok(cache)) => return Ok(Self::Cached(cache)),
                Some(Err(error)) => warn!("{error:#}"),
                None => {}
            }
        }
        Ok(Self::Fresh)
    }

    /// The machine code of a component that is given as bytes. Only a cache keeps it.
    ///
    /// # Errors
    /// When the bytes do not compile.
    #[cfg(feature = "compiler")]
    pub(crate) fn code_of(&self, engine: &Engine, wasm: &[u8]) -> Result<Component> {
        let Self::Cached(cache) = self else {
            return Ok(Component::new(engine, wasm)?);
        };
        let mut key = Key::new(engine);
        key.add(wasm);
        cache.component(engine, &key, || Ok(wasm.to_vec()))
    }

    /// Looks for a composed component, without compiling it.
    ///
    /// # Errors
    /// When one of its files is missing.
    #[cfg_attr(
        not(feature = "compiler"),
        expect(unused_variables, reason = "a cache reads the files of the component")
    )]
    pub(crate) fn find(
        &self,
        engine: &Engine,
        id: &str,
        description: &Description,
    ) -> Result<Found> {
        Ok(match self {
            Self::Compiled(compiled) => match compiled.component(engine, id) {
                Ok(component) => Found::Code(component),
                Err(error) => Found::Nothing(Some(error)),
            },
            #[cfg(feature = "compiler")]
            Self::Cached(cache) => match find(cache, engine, description)? {
                Some(component) => Found::Code(component),
                None => Found::Nothing(None),
            },
            Self::Fresh => Found::Nothing(None),
        })
    }

    /// Compiles a component that was not found; `missing` is the reason if that was unexpected.
    ///
    /// # Errors
    /// When it cannot be compiled.
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        id: &str,
        description: &Description,
        missing: Option<&Error>,
    ) -> Result<Component> {
        let compiled = match self {
            #[cfg(feature = "compiler")]
            Self::Cached(cache) => cached(cache, engine, id, description),
            Self::Compiled(_) | Self::Fresh => fresh(engine, id, description),
        };
        let Some(missing) = missing else {
            return compiled;
        };
        let component = compiled
            .map_err(|error| anyhow!("{missing:#}; nor can it be compiled here: {error:#}"))?;
        warn!("component '{id}' is compiled again: {missing:#}");
        Ok(component)
    }
}

#[cfg(not(feature = "compiler"))]
fn fresh(_: &Engine, _: &str, _: &Description) -> Result<Component> {
    Err(anyhow!(
        "this host has no compiler; --compiled names a folder of what `routelets compile` made elsewhere"
    ))
}
