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
    cli::Up,
    code::Code,
    config::Settings,
    engine::{self, engine},
    epoch::EpochClock,
    folders::Logs,
    load::{Loaded, Loader, Trigger},
    log::{self, Listed},
    outbound::Network,
    pool::Pool,
    redis,
    server::{self, Socket},
    shutdown::Shutdown,
    sqlite::{self, Databases, Location},
    state::Sandbox,
    subscriber::{self, Receiver, Servers},
};

/// Instances alive at once, over all components. Each reserves 4 GiB of address space and costs
/// what it touches.
const INSTANCES: u32 = 1_000;

/// Tokio looks at its sockets at the latest after this many steps of guests. A guest that yields by
/// itself takes steps of some 100 µs, so the default of 61 would let connections wait.
const STEPS_BETWEEN_EVENTS: u32 = 8;

/// Threads for what blocks, beside one for each request: a statement of SQLite holds one while it
/// waits for another connection's lock, and what gives the lock back needs one, too.
const BLOCKING: usize = 512;

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
        !manifest.http_triggers.is_empty() || !manifest.redis_triggers.is_empty(),
        "{}: the application has no triggers",
        manifest.path.display()
    );
    let runtime = runtime::Builder::new_multi_thread()
        .event_interval(STEPS_BETWEEN_EVENTS)
        .max_blocking_threads(BLOCKING + options.max_concurrent_requests as usize)
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
    let socket = match manifest.http_triggers.is_empty() {
        true => None,
        false => Some(Socket::bind(options.listen)?),
    };
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
    let serve = async {
        if let Some(socket) = socket {
            let listener = socket.listen()?;
            let url = format!("http://{}", listener.local_addr()?);
            log::serving(&url, &started.routes);
            let app = Arc::clone(&started.app);
            server::serve(app, &started.clock, listener, limits, &shutdown).await;
        }
        Ok(())
    };
    // Without Redis there is no application that has Redis triggers.
    let subscribe = subscriber::run(started.servers, &shutdown, limits.shutdown);
    tokio::try_join!(serve, subscribe)?;
    Ok(())
}

/// An application that is ready for requests.
struct Started {
    app: Arc<App>,
    clock: Arc<EpochClock>,
    /// Where messages come from.
    servers: Servers,
    /// What answers which public route, in the order of the manifest.
    routes: Vec<Listed>,
}

fn start(options: &Up, manifest: &Manifest, shutdown: &Shutdown) -> Result<Started> {
    let settings = Settings::load(options, manifest.folder())?;
    let logs = Logs::new(settings.log_dir)?;
    let variables = Arc::new(variables(options, manifest)?);
    let ids = served(manifest);
    let databases = databases(options, manifest, &ids, &settings.databases)?;
    let redis = redis::permits(settings.redis_connections);
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
    for id in ids.keys() {
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
            databases: databases
                .iter()
                .filter(|(label, _)| description.sqlite_databases.contains(*label))
                .map(|(label, database)| (label.clone(), Arc::clone(database)))
                .collect(),
            redis: Arc::clone(&redis),
            stdout: sink("stdout")?,
            stderr: sink("stderr")?,
            max_memory: options.max_instance_memory,
            clock: Arc::clone(&clock),
        }));
    }
    let loader = Loader::new(engine.clone(), Code::of(options)?)?;
    let descriptions: Vec<_> = ids
        .iter()
        .map(|(id, triggers)| (*id, &manifest.components[*id], triggers))
        .collect();
    let mut loaded = loader.load_all(&descriptions)?;
    let mut components = HashMap::new();
    let mut receivers = BTreeMap::new();
    for (id, sandbox) in ids.keys().zip(sandboxes) {
        let Loaded { http, redis } = loaded
            .remove(id)
            .with_context(|| format!("loading component '{id}' panicked"))?;
        if let Some(pre) = redis {
            let receiver = Receiver {
                engine: engine.clone(),
                pre,
                sandbox: Arc::clone(&sandbox),
                timeout: options.request_timeout,
            };
            receivers.insert(*id, Arc::new(receiver));
        }
        if let Some(pre) = http {
            let pool = Pool {
                engine: engine.clone(),
                pre,
                sandbox,
                reuse: options.reuse(),
                shutdown: shutdown.clone(),
            };
            let component = Component {
                id: (*id).into(),
                instances: ProxyHandler::new(pool),
            };
            components.insert((*id).to_owned(), component);
        }
    }
    let servers = subscriber::servers(&manifest.redis_triggers, &variables, &receivers)?;
    let app = Arc::new(App {
        router: manifest.router(),
        components,
        requests: Arc::new(Semaphore::new(options.max_concurrent_requests as usize)),
    });
    network.connect(&app);
    Ok(Started {
        app,
        clock,
        servers,
        routes: routes(manifest),
    })
}

/// The components that have triggers. Others are there to be dependencies.
pub(crate) fn served(manifest: &Manifest) -> BTreeMap<&str, BTreeSet<Trigger>> {
    let mut served = BTreeMap::<_, BTreeSet<_>>::new();
    for trigger in &manifest.http_triggers {
        if let Handler::Component(id) = &trigger.handler {
            served.entry(id.as_str()).or_default().insert(Trigger::Http);
        }
    }
    for trigger in &manifest.redis_triggers {
        let triggers = served.entry(&trigger.component).or_default();
        triggers.insert(Trigger::Redis);
    }
    served
}

/// The SQLite databases of the components, after the statements of the command line.
fn databases(
    options: &Up,
    manifest: &Manifest,
    ids: &BTreeMap<&str, BTreeSet<Trigger>>,
    locations: &BTreeMap<String, Location>,
) -> Result<Databases> {
    let uses = ids.keys().flat_map(|id| {
        let labels = manifest.components[*id].sqlite_databases.iter();
        labels.map(|label| (*id, label.as_str()))
    });
    let databases = sqlite::open_all(locations, uses)?;
    for statements in &options.sqlite {
        let label = &statements.database;
        databases
            .get(label)
            .with_context(|| format!("--sqlite: no component uses a database '{label}'"))?
            .execute(&statements.text()?)
            .context("--sqlite")?;
    }
    Ok(databases)
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
