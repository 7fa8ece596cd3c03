//! From a component's files to something that can be instantiated.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, anyhow};
use manifest::{Component as Description, Dependency};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};
use wasmtime_wasi_http::{handler::ProxyPre, p2, p3};

use crate::{
    cache::{Cache, Key},
    compose::{self, compose},
    state::InstanceState,
    variables,
};

/// Everything that turns files into components.
pub(crate) struct Loader {
    engine: Engine,
    linker: Linker<InstanceState>,
    cache: Option<Cache>,
}

impl Loader {
    /// A loader that compiles what `cache` does not have.
    ///
    /// # Errors
    /// Never, unless two interfaces of the host have one name.
    pub(crate) fn new(engine: Engine, cache: Option<Cache>) -> Result<Self> {
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        p2::add_only_http_to_linker_async(&mut linker)?;
        p3::add_to_linker(&mut linker)?;
        variables::link(&mut linker)?;
        compose::link(&mut linker)?;
        Ok(Self {
            engine,
            linker,
            cache,
        })
    }

    /// Loads components on all cores; the results are in the order of `components`.
    ///
    /// # Errors
    /// The first one by that order.
    pub(crate) fn load_all(
        &self,
        components: &[(&str, &Description)],
    ) -> Result<Vec<ProxyPre<InstanceState>>> {
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(components.len());
        let mut loaded: Vec<_> = thread::scope(|scope| {
            let work = || {
                let mut done = Vec::new();
                while let Some((id, description)) =
                    components.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    done.push((
                        *id,
                        self.load(id, description)
                            .with_context(|| format!("component '{id}'")),
                    ));
                }
                done
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_default())
                .collect()
        });
        let mut in_order = Vec::with_capacity(components.len());
        for (id, _) in components {
            let position = loaded.iter().position(|(loaded, _)| loaded == id);
            let (_, result) = loaded.swap_remove(
                position.ok_or_else(|| anyhow!("component '{id}': loading panicked"))?,
            );
            in_order.push(result?);
        }
        Ok(in_order)
    }

    fn load(&self, id: &str, description: &Description) -> Result<ProxyPre<InstanceState>> {
        let wasm = read(&description.source)?;
        let dependencies = description
            .dependencies
            .iter()
            .map(|dependency| Ok((dependency, read(&dependency.source)?)))
            .collect::<Result<Vec<_>>>()?;
        let component = match &self.cache {
            Some(cache) => {
                let key = key(&self.engine, &wasm, &dependencies);
                cache.component(&self.engine, &key, || whole(id, wasm, dependencies))?
            }
            None => Component::new(&self.engine, whole(id, wasm, dependencies)?)?,
        };
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| anyhow!("it needs what this host does not have: {error:#}"))?;
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
}

/// The component with its dependencies inside.
fn whole(id: &str, wasm: Vec<u8>, dependencies: Vec<(&Dependency, Vec<u8>)>) -> Result<Vec<u8>> {
    if dependencies.is_empty() {
        Ok(wasm)
    } else {
        compose(id, wasm, dependencies)
    }
}

/// Everything that [`whole`] and the compiler make their result from.
fn key(engine: &Engine, wasm: &[u8], dependencies: &[(&Dependency, Vec<u8>)]) -> Key {
    let mut key = Key::new(engine);
    key.add(wasm);
    for (dependency, wasm) in dependencies {
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
