//! From a manifest to an application that is ready for requests.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

// The errors of `manifest` include their causes in one line.
use anyhow::{Context, Error, Result};
use manifest::{AllowedHosts, Manifest, TriggerRoute, Variables};
use opentelemetry::metrics::Meter;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime_wasi_http::handler::ProxyHandler;

use crate::{
    code::{
        engine::{self, engine},
        epoch::EpochClock,
        load::load_all,
        source::{self, Source},
    },
    interfaces::{
        self,
        http::{Application, Network, Outbound},
        redis::connection::permits,
        sqlite::database::Databases,
        state::Sandbox,
        stdio::Logs,
    },
    metrics::Metrics,
    serving::{
        app::{App, Component},
        link::{Linked, link},
        pool::{Pool, Reuse},
        shutdown::Shutdown,
        subscriber::{Receiver, Servers, servers},
    },
    traces::Tracer,
};

/// Instances alive at once, over all components. Each reserves 4 GiB of address space and uses the memory that it touches.
const INSTANCES: u32 = 1_000;

/// The settings of an application that are not in its manifest.
pub(crate) struct Settings {
    /// The values of its variables.
    pub(crate) variables: Arc<Variables>,
    /// Environment variables of all components.
    pub(crate) environment: Vec<(String, String)>,
    /// The destination of the components' output.
    pub(crate) logs: Logs,
    /// The SQLite databases that its components use.
    pub(crate) databases: Databases,
    /// Connections to Redis that it may have at once; any number when `None`.
    pub(crate) redis_connections: Option<usize>,
    /// Where its machine code comes from.
    pub(crate) code: source::Settings,
    /// Whether the progress of compiling is one line of the terminal.
    pub(crate) live: bool,
    /// Whether the memory of instances is reserved in advance.
    pub(crate) pooling: bool,
    /// Bytes of memory for one instance.
    pub(crate) max_memory: usize,
    /// The lifetime of instances.
    pub(crate) reuse: Reuse,
    /// Requests answered at once.
    pub(crate) max_requests: usize,
    /// How long a client may pause within a request's body.
    pub(crate) body_pause: Duration,
    /// Whether its components may read what the host counts.
    pub(crate) shares_metrics: bool,
    /// Makes the spans of its requests.
    pub(crate) tracer: Tracer,
    /// Exports what is counted.
    pub(crate) meter: Option<Meter>,
}

/// An application that is ready for requests.
pub(crate) struct Started {
    /// Answers requests.
    pub(crate) app: Arc<App>,
    /// The clock of its instances.
    pub(crate) clock: Arc<EpochClock>,
    /// Receives messages.
    pub(crate) servers: Servers,
}

/// Starts an application. Its instances end at a stop.
///
/// # Errors
/// When the application cannot start.
pub(crate) fn start(
    manifest: &Manifest,
    settings: Settings,
    shutdown: &Shutdown,
) -> Result<Started> {
    let engine = engine(engine::Limits {
        instances: INSTANCES,
        pooling: settings.pooling,
    })?;
    let clock = EpochClock::start(engine.clone());
    let network = Network::new(settings.tracer.clone());
    let routes = manifest.http_triggers.iter();
    let routes = routes.filter_map(|trigger| match &trigger.route {
        TriggerRoute::Public(route) => Some(route.as_str()),
        TriggerRoute::Private => None,
    });
    let metrics = Metrics::new(routes, settings.meter.clone());
    let sandboxes = sandboxes(manifest, &settings, &network, &clock, &metrics)?;
    let linked = load(manifest, &engine, settings.code, settings.live, &metrics)?;
    let reuse = settings.reuse;
    let tracer = &settings.tracer;
    let (components, receivers) = workers(&engine, sandboxes, linked, reuse, shutdown, tracer)?;
    let servers = servers(&manifest.redis_triggers, &settings.variables, &receivers)?;
    let app = Arc::new(App {
        router: manifest.router(),
        components,
        requests: Arc::new(Semaphore::new(settings.max_requests)),
        body_pause: settings.body_pause,
        metrics,
        shares_metrics: settings.shares_metrics,
        tracer: settings.tracer,
    });
    let application: Weak<App> = Arc::downgrade(&app);
    network.connect(application as Weak<dyn Application>);
    Ok(Started {
        app,
        clock,
        servers,
    })
}

/// What instances of each component see and reach.
fn sandboxes(
    manifest: &Manifest,
    settings: &Settings,
    network: &Arc<Network>,
    clock: &Arc<EpochClock>,
    metrics: &Metrics,
) -> Result<BTreeMap<String, Arc<Sandbox>>> {
    let redis = permits(settings.redis_connections);
    let sandbox = |id: &str| -> Result<Sandbox> {
        let description = &manifest.components[id];
        let named = || format!("component '{id}'");
        let ids = manifest.components.keys().map(String::as_str);
        let allowed = AllowedHosts::resolve(description, &settings.variables, ids);
        let databases = settings.databases.iter();
        let databases =
            databases.filter(|(label, _)| description.sqlite_databases.contains(*label));
        let component = Arc::from(id);
        Ok(Sandbox {
            metrics: metrics.component(&component),
            id: component,
            environment: environment(&description.environment, &settings.environment),
            files: files(description, manifest.folder()).with_context(named)?,
            variables: Arc::clone(&settings.variables),
            outbound: Arc::new(Outbound {
                component: id.into(),
                allowed: allowed.map_err(Error::msg).with_context(named)?,
                network: Arc::clone(network),
            }),
            databases: databases
                .map(|(label, database)| (label.clone(), Arc::clone(database)))
                .collect(),
            redis: Arc::clone(&redis),
            stdout: settings.logs.sink(id, "stdout")?,
            stderr: settings.logs.sink(id, "stderr")?,
            max_memory: settings.max_memory,
            clock: Arc::clone(clock),
        })
    };
    manifest
        .served()
        .into_keys()
        .map(|id| Ok((id.to_owned(), Arc::new(sandbox(id)?))))
        .collect()
}

/// Loads the components and links their imports.
fn load(
    manifest: &Manifest,
    engine: &Engine,
    code: source::Settings,
    live: bool,
    metrics: &Metrics,
) -> Result<BTreeMap<String, Linked>> {
    let linker = interfaces::linker(engine)?;
    let source = Source::open(code)?;
    let served = manifest.served();
    let descriptions: Vec<_> = served
        .keys()
        .map(|id| (*id, &manifest.components[*id]))
        .collect();
    let loaded = load_all(engine, &source, &descriptions, live, |id, component| {
        link(&linker, component, &served[id])
    })?;
    let found = loaded.components.len().saturating_sub(loaded.compiled);
    metrics.loaded(found, loaded.compiled);
    let owned = loaded
        .components
        .into_iter()
        .map(|(id, linked)| (id.to_owned(), linked));
    Ok(owned.collect())
}

/// Components that answer requests, and those that receive messages, by id.
type Workers = (HashMap<String, Component>, BTreeMap<String, Arc<Receiver>>);

/// Prepares the components for their triggers.
fn workers(
    engine: &Engine,
    sandboxes: BTreeMap<String, Arc<Sandbox>>,
    mut linked: BTreeMap<String, Linked>,
    reuse: Reuse,
    shutdown: &Shutdown,
    tracer: &Tracer,
) -> Result<Workers> {
    let (mut components, mut receivers) = Workers::default();
    for (id, sandbox) in sandboxes {
        let Linked { http, redis } = linked
            .remove(&id)
            .with_context(|| format!("loading component '{id}' panicked"))?;
        if let Some(pre) = redis {
            let receiver = Receiver {
                engine: engine.clone(),
                pre,
                sandbox: Arc::clone(&sandbox),
                timeout: reuse.timeout,
                tracer: tracer.clone(),
            };
            receivers.insert(id.clone(), Arc::new(receiver));
        }
        if let Some(pre) = http {
            let component = Component {
                id: Arc::clone(&sandbox.id),
                instances: ProxyHandler::new(Pool {
                    engine: engine.clone(),
                    pre,
                    sandbox,
                    reuse,
                    shutdown: shutdown.clone(),
                }),
            };
            components.insert(id, component);
        }
    }
    Ok((components, receivers))
}

/// The command line's variables after the manifest's, which they replace.
fn environment(
    manifest: &BTreeMap<String, String>,
    given: &[(String, String)],
) -> Vec<(String, String)> {
    let mut environment = manifest.clone();
    environment.extend(given.iter().cloned());
    environment.into_iter().collect()
}

/// Copies the files of a component to a separate folder, so that it sees only these files.
fn files(component: &manifest::Component, application: &Path) -> Result<Option<TempDir>> {
    if component.files.is_empty() {
        return Ok(None);
    }
    let found = manifest::expand_files(component, application).map_err(Error::msg)?;
    let folder = tempfile::Builder::new()
        .prefix("routelets-")
        .tempdir()
        .context("cannot make a folder for its files")?;
    manifest::stage_files(&found, folder.path()).map_err(Error::msg)?;
    Ok(Some(folder))
}
