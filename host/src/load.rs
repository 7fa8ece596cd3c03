//! From a component's files to something that can be instantiated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, anyhow};
use composition::Parts;
use manifest::Component as Description;
use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};
use wasmtime_wasi_http::{handler::ProxyPre, p2, p3};

use crate::{
    bindings::handler::RedisHandlerPre,
    cache::{Cache, Key},
    compiled::Compiled,
    log, redis, sqlite,
    state::InstanceState,
    variables,
};

/// A component as a trigger needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trigger {
    Http,
    Redis,
}

/// A component that can be instantiated, by what it is to answer.
pub(crate) struct Loaded {
    pub(crate) http: Option<ProxyPre<InstanceState>>,
    pub(crate) redis: Option<RedisHandlerPre<InstanceState>>,
}

/// Where machine code comes from, and goes to.
pub(crate) enum Code {
    /// Compiled ahead of time.
    Compiled(Compiled),
    /// Compiled when it is not in a cache.
    Cached(Cache),
    /// Compiled, and kept in memory only.
    Fresh,
}

/// Everything that turns files into components.
pub(crate) struct Loader {
    engine: Engine,
    linker: Linker<InstanceState>,
    code: Code,
}

impl Loader {
    /// A loader that compiles what `code` does not have.
    ///
    /// # Errors
    /// Never, unless two interfaces of the host have one name.
    pub(crate) fn new(engine: Engine, code: Code) -> Result<Self> {
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        p2::add_only_http_to_linker_async(&mut linker)?;
        p3::add_to_linker(&mut linker)?;
        variables::link(&mut linker)?;
        sqlite::link(&mut linker)?;
        redis::link(&mut linker)?;
        Ok(Self {
            engine,
            linker,
            code,
        })
    }

    /// Loads components on all cores, each for its triggers.
    ///
    /// # Errors
    /// The first one, by the components' ids, of those that were found before loading stopped.
    pub(crate) fn load_all<'a>(
        &self,
        components: &[(&'a str, &Description, &BTreeSet<Trigger>)],
    ) -> Result<BTreeMap<&'a str, Loaded>> {
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let work = || {
            let mut done = Vec::new();
            while let Some((id, description, triggers)) =
                components.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let loaded = self.load(id, description, triggers);
                if loaded.is_err() {
                    // The application cannot start: what others would still compile is in vain.
                    next.store(components.len(), Ordering::Relaxed);
                }
                done.push((*id, loaded.with_context(|| format!("component '{id}'"))));
            }
            done
        };
        let mut loaded: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_default())
                .collect()
        });
        loaded.sort_by_key(|(id, _)| *id);
        loaded
            .into_iter()
            .map(|(id, loaded)| Ok((id, loaded?)))
            .collect()
    }

    fn load(
        &self,
        id: &str,
        description: &Description,
        triggers: &BTreeSet<Trigger>,
    ) -> Result<Loaded> {
        let component = self.component(id, description)?;
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| anyhow!("it needs what this host does not have: {error:#}"))?;
        let (mut http, mut redis) = (None, None);
        for trigger in triggers {
            match trigger {
                Trigger::Http => http = Some(answering(pre.clone())?),
                Trigger::Redis => redis = Some(receiving(pre.clone())?),
            }
        }
        Ok(Loaded { http, redis })
    }

    fn component(&self, id: &str, description: &Description) -> Result<Component> {
        match &self.code {
            Code::Compiled(compiled) => compiled.component(&self.engine, id).or_else(|error| {
                let component = self.fresh(id, description).map_err(|failure| {
                    anyhow!("{error:#}; nor can it be compiled here: {failure:#}")
                })?;
                log::warn(format_args!("component '{id}' is compiled anew: {error:#}"));
                Ok(component)
            }),
            Code::Cached(cache) => {
                let parts = parts(description)?;
                let key = key(&self.engine, &parts);
                cache.component(&self.engine, &key, || parts.whole(id))
            }
            Code::Fresh => self.fresh(id, description),
        }
    }

    fn fresh(&self, id: &str, description: &Description) -> Result<Component> {
        let wasm = parts(description)?.whole(id)?;
        Ok(Component::new(&self.engine, wasm)?)
    }
}

fn answering(pre: InstancePre<InstanceState>) -> Result<ProxyPre<InstanceState>> {
    if let Ok(service) = p3::bindings::ServicePre::new(pre.clone()) {
        return Ok(ProxyPre::P3(service));
    }
    match p2::bindings::ProxyPre::new(pre) {
        Ok(proxy) => Ok(ProxyPre::P2(proxy)),
        Err(_) => Err(anyhow!(
            "it answers no HTTP requests: it exports neither wasi:http/handler@0.3 nor \
             wasi:http/incoming-handler@0.2"
        )),
    }
}

fn receiving(pre: InstancePre<InstanceState>) -> Result<RedisHandlerPre<InstanceState>> {
    RedisHandlerPre::new(pre).map_err(|_| {
        anyhow!("it receives no Redis messages: it does not export spin:redis/inbound-redis@3.0.0")
    })
}

/// Reads what a component is made from.
///
/// # Errors
/// When one of the files is missing.
pub(crate) fn parts(description: &Description) -> Result<Parts<'_>> {
    Parts::read(description, read)
}

/// Everything that [`Parts::whole`] and the compiler make their result from.
fn key(engine: &Engine, parts: &Parts<'_>) -> Key {
    let mut key = Key::new(engine);
    key.add(&composition::REVISION.to_le_bytes());
    key.add(&parts.wasm);
    for (dependency, wasm) in &parts.dependencies {
        key.add(format!("{dependency:?}").as_bytes());
        key.add(wasm);
    }
    key
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| {
        format!(
            "cannot read {} (is it built? `routelets build` does)",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests;
