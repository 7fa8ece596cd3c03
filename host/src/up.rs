//! `routelets up`: from a manifest to a served application.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

// The errors of `manifest` say all in one line, their causes included.
use anyhow::{Context, Error, Result, bail, ensure};
use manifest::{AllowedHosts, Handler, Manifest, TriggerRoute, Variables};
use tempfile::TempDir;
use tokio::{runtime, sync::Semaphore, task};
use wasmtime_wasi_http::handler::ProxyHandler;

use crate::{
    app::{App, Component},
    build::build,
    cache::Cache,
    cli::Up,
    engine::{self, engine},
    epoch::EpochClock,
    folders::Logs,
    load::Loader,
    log::{self, Listed},
    outbound::Network,
    pool::Pool,
    server::{self, Socket},
    shutdown::Shutdown,
    state::Sandbox,
};

/// Instances alive at once, over all components. Each reserves 4 GiB of address space and costs
/// what it touches.
const INSTANCES: u32 = 1_000;

/// Tokio looks at its sockets at the latest after this many steps of guests. A guest that yields by
/// itself takes steps of some 100 µs, so the default of 61 would let connections wait.
const STEPS_BETWEEN_EVENTS: u32 = 8;

/// Runs an application until it is told to stop.
///
/// # Errors
/// What keeps it from starting.
pub(crate) fn up(options: Up) -> Result<()> {
    log::init(options.log_format, options.quiet);
    let mut manifest = Manifest::load(&options.from).map_err(Error::msg)?;
    for warning in &manifest.warnings {
        log::warn(format_args!("{warning}"));
    }
    if options.build {
        build(&manifest, &[])?;
    }
    if !options.component_id.is_empty() {
        manifest.retain_components(&options.component_id)?;
    }
    ensure!(
        !manifest.http_triggers.is_empty(),
        "{}: the application has no triggers",
        manifest.path.display()
    );
    let runtime = runtime::Builder::new_multi_thread()
        .event_interval(STEPS_BETWEEN_EVENTS)
        .enable_all()
        .build()
        .context("cannot start the threads that serve")?;
    let result = runtime.block_on(run(options, manifest));
    // What still runs in the background had its time.
    runtime.shutdown_background();
    result
}

async fn run(options: Up, manifest: Manifest) -> Result<()> {
    let shutdown = Shutdown::default();
    shutdown.listen()?;
    // Compiling may take a while: that the address is taken should be known before.
    let socket = Socket::bind(options.listen)?;
    let limits = server::Limits {
        buffer: options.http1_max_buf_size,
        shutdown: options.shutdown_timeout,
    };
    let start = task::spawn_blocking({
        let shutdown = shutdown.clone();
        move || start(&options, &manifest, &shutdown)
    });
    let started = tokio::select! {
        started = start => started.context("starting the application panicked")??,
        () = shutdown.requested() => return Ok(()),
    };
    let listener = socket.listen()?;
    let url = format!("http://{}", listener.local_addr()?);
    log::serving(&url, &started.routes);
    server::serve(started.app, &started.clock, listener, limits, &shutdown).await;
    Ok(())
}

/// An application that is ready for requests.
struct Started {
    app: Arc<App>,
    clock: Arc<EpochClock>,
    /// What answers which public route, in the order of the manifest.
    routes: Vec<Listed>,
}

fn start(options: &Up, manifest: &Manifest, shutdown: &Shutdown) -> Result<Started> {
    let logs = Logs::new(options, manifest.folder())?;
    let variables = Arc::new(variables(options, manifest)?);
    let ids = served(manifest);
    if let Some(id) = options
        .follow
        .iter()
        .find(|id| !manifest.components.contains_key(*id))
    {
        bail!("--follow: the application has no component '{id}'");
    }

    let engine = engine(engine::Limits {
        instances: INSTANCES,
        pooling: !options.disable_pooling,
    })?;
    let clock = EpochClock::start(engine.clone());
    let network = Network::new();
    let mut sandboxes = Vec::with_capacity(ids.len());
    for id in &ids {
        let description = &manifest.components[*id];
        let sink = |stream| logs.sink(options, id, stream);
        sandboxes.push(Arc::new(Sandbox {
            id: (*id).into(),
            environment: environment(&description.environment, &options.env),
            files: files(description, manifest.folder())
                .with_context(|| format!("component '{id}'"))?,
            variables: Arc::clone(&variables),
            allowed: AllowedHosts::resolve(
                description,
                &variables,
                manifest.components.keys().map(String::as_str),
            )
            .map_err(Error::msg)
            .with_context(|| format!("component '{id}'"))?,
            network: Arc::clone(&network),
            stdout: sink("stdout")?,
            stderr: sink("stderr")?,
            max_memory: options.max_instance_memory,
            clock: Arc::clone(&clock),
        }));
    }
    let loader = Loader::new(engine.clone(), cache(options)?)?;
    let descriptions: Vec<_> = ids
        .iter()
        .map(|id| (*id, &manifest.components[*id]))
        .collect();
    let mut loaded = loader.load_all(&descriptions)?;
    let mut components = HashMap::new();
    for sandbox in sandboxes {
        let id = sandbox.id.clone();
        let pre = loaded
            .remove(id.as_str())
            .with_context(|| format!("loading component '{id}' panicked"))?;
        let pool = Pool {
            engine: engine.clone(),
            pre,
            sandbox,
            reuse: options.reuse(),
            shutdown: shutdown.clone(),
        };
        components.insert(
            id.clone(),
            Component {
                id: id.into(),
                instances: ProxyHandler::new(pool),
            },
        );
    }
    let app = Arc::new(App {
        router: manifest.router(),
        components,
        requests: Arc::new(Semaphore::new(options.max_concurrent_requests as usize)),
    });
    network.connect(&app);
    Ok(Started {
        app,
        clock,
        routes: routes(manifest),
    })
}

/// The components that answer requests, each once. Others are there to be dependencies.
fn served(manifest: &Manifest) -> BTreeSet<&str> {
    let handlers = manifest
        .http_triggers
        .iter()
        .map(|trigger| &trigger.handler);
    handlers
        .filter_map(|handler| match handler {
            Handler::Component(id) => Some(id.as_str()),
            Handler::Static(_) => None,
        })
        .collect()
}

/// The public routes.
fn routes(manifest: &Manifest) -> Vec<Listed> {
    let public = |trigger: &manifest::HttpTrigger| {
        let TriggerRoute::Public(route) = &trigger.route else {
            return None;
        };
        let id = match &trigger.handler {
            Handler::Component(id) => id,
            Handler::Static(_) => &trigger.id,
        };
        let path = format!("/{}", route.as_str().trim_start_matches('/'));
        let prefix = path.strip_suffix("/...");
        Some(Listed {
            id: id.clone(),
            path: prefix.unwrap_or(&path).to_owned(),
            wildcard: prefix.is_some(),
        })
    };
    manifest.http_triggers.iter().filter_map(public).collect()
}

fn variables(options: &Up, manifest: &Manifest) -> Result<Variables> {
    let mut given = BTreeMap::new();
    for source in &options.variable {
        given.extend(source.read().map_err(Error::msg)?);
    }
    Variables::resolve(manifest, &given, |name| std::env::var(name)).map_err(Error::msg)
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

/// Copies the files of a component to a folder of its own, so that it sees these files and no
/// others.
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

/// The cache that the command line asks for. The default one is a help, and a program without a
/// home does without.
fn cache(options: &Up) -> Result<Option<Cache>> {
    if options.disable_cache {
        return Ok(None);
    }
    if let Some(dir) = &options.cache_dir {
        return Cache::open(dir.clone()).map(Some);
    }
    let Some(dir) = Cache::default_dir() else {
        return Ok(None);
    };
    Ok(Cache::open(dir)
        .inspect_err(|error| log::warn(format_args!("{error:#}")))
        .ok())
}
