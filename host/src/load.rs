//! From a component's files to something that can be instantiated.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, anyhow};
use manifest::Component as Description;
use wasmtime::{
    Engine,
    component::{InstancePre, Linker},
};
use wasmtime_wasi_http::{handler::ProxyPre, p2, p3};

use crate::{
    bindings::handler::RedisHandlerPre, code::Code, redis, sqlite, state::InstanceState, variables,
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

/// Everything that turns files into components.
pub(crate) struct Loader {
    engine: Engine,
    linker: Linker<InstanceState>,
    code: Code,
}

impl Loader {
    /// A loader that has its machine code from `code`.
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
        let component = self.code.component(&self.engine, id, description)?;
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

#[cfg(test)]
mod tests;
