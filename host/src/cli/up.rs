//! `routelets up`: from a manifest to a served application.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

// The errors of `manifest` include their causes in one line.
use anyhow::{Context, Error, Result, bail, ensure};
use manifest::{Manifest, Variables};
use opentelemetry::metrics::Meter;
use tokio::{
    runtime::{self, Runtime},
    task,
};
use tracing::warn;

use crate::{
    cli::{announcement, arguments::Up, build::build, config, exposure, settings},
    code::source,
    interfaces::{
        sqlite::database::{Databases, Location, open_all},
        stdio::Logs,
    },
    log,
    otlp::Exporters,
    serving::{
        pool::Reuse,
        scrape,
        server::{self, Socket},
        shutdown::Shutdown,
        start::{self, Started},
        subscriber,
    },
    traces::Tracer,
};

/// Tokio polls its sockets at the latest after this many polls of guests. A guest that yields takes some 100 µs for each, so
/// with the default of 61 connections would wait.
const STEPS_BETWEEN_EVENTS: u32 = 8;

/// Threads for blocking work, in addition to one for each request: a statement of SQLite occupies a thread while it waits for
/// another connection's lock, and the statement that releases the lock needs one, too.
const BLOCKING: usize = 512;

/// Runs an application until a signal stops it.
///
/// # Errors
/// When the application cannot start.
pub(super) fn up(options: Up) -> Result<()> {
    let manifest = read(&options)?;
    let runtime = runtime(options.max_concurrent_requests as usize)?;
    let result = runtime.block_on(run(options, manifest));
    // Background work had its time.
    runtime.shutdown_background();
    result
}

/// Reads the manifest, and builds its components if requested.
fn read(options: &Up) -> Result<Manifest> {
    let mut manifest = Manifest::load(&options.from).map_err(Error::msg)?;
    for warning in &manifest.warnings {
        warn!("{warning}");
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
    Ok(manifest)
}

/// The runtime, for this number of concurrent requests.
fn runtime(requests: usize) -> Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .event_interval(STEPS_BETWEEN_EVENTS)
        .max_blocking_threads(BLOCKING + requests)
        .enable_all()
        .build()
        .context("cannot start the threads that serve")
}

/// Runs the application, and exports what is known of it.
async fn run(options: Up, manifest: Manifest) -> Result<()> {
    let exporters = Exporters::from_environment()?;
    if let Some(logger) = exporters.logger() {
        log::export(logger);
    }
    let served = start_and_serve(options, manifest, &exporters).await;
    exporters.flush().await;
    served
}

async fn start_and_serve(options: Up, manifest: Manifest, exporters: &Exporters) -> Result<()> {
    let shutdown = Shutdown::default();
    shutdown.listen()?;
    // Compiling may take a while: check first that the address is free.
    let socket = match manifest.http_triggers.is_empty() {
        true => None,
        false => Some(Socket::bind(options.listen, "--listen")?),
    };
    let metrics = options.metrics_listen;
    let metrics = metrics.map(|address| Socket::bind(address, "--metrics-listen"));
    let metrics = metrics.transpose()?;
    let limits = server::Limits {
        buffer: options.http1_max_buf_size,
        client: options.client_timeout,
        shutdown: options.shutdown_timeout,
    };
    let routes = announcement::routes(&manifest);
    let (tracer, meter) = (Tracer::new(exporters.tracer()), exporters.meter());
    let start = task::spawn_blocking({
        let shutdown = shutdown.clone();
        move || {
            let settings = settings(options, &manifest, tracer, meter)?;
            start::start(&manifest, settings, &shutdown)
        }
    });
    let Started {
        app,
        clock,
        servers,
    } = tokio::select! {
        started = start => started.context("starting the application panicked")??,
        () = shutdown.requested() => return Ok(()),
    };
    if let Some(socket) = metrics {
        let listener = socket.listen()?;
        announcement::metrics(&format!("http://{}/metrics", listener.local_addr()?));
        // Until the process ends, so that the last numbers can be read, too.
        tokio::spawn(scrape::serve(Arc::clone(&app.metrics), listener));
    }
    let serve = async {
        if let Some(socket) = socket {
            let listener = socket.listen()?;
            let address = format!("http://{}", listener.local_addr()?);
            announcement::serving(&address, routes);
            server::serve(app, &clock, listener, limits, &shutdown).await;
        }
        Ok(())
    };
    // An application with Redis triggers ends when it loses Redis.
    let subscribe = subscriber::run(servers, &shutdown, limits.shutdown);
    tokio::try_join!(serve, subscribe).map(drop)
}

/// The settings of the application that are not in its manifest.
fn settings(
    options: Up,
    manifest: &Manifest,
    tracer: Tracer,
    meter: Option<Meter>,
) -> Result<start::Settings> {
    let config = config::Settings::load(&options, manifest.folder())?;
    let logs = logs(&options, manifest, config.log_dir)?;
    let variables = variables(&options, manifest)?;
    settings::check(&variables)?;
    if !manifest.http_triggers.is_empty() {
        exposure::warn_if_open(&variables, options.listen);
    }
    Ok(start::Settings {
        variables: Arc::new(variables),
        logs,
        databases: databases(&options, manifest, &config.databases)?,
        redis_connections: config.redis_connections,
        live: log::is_live(),
        pooling: !options.disable_pooling,
        max_memory: options.max_instance_memory,
        reuse: Reuse {
            requests: options.max_instance_reuse_count,
            concurrent: options.max_instance_concurrent_reuse_count,
            idle: options.idle_instance_timeout,
            timeout: options.request_timeout,
        },
        max_requests: options.max_concurrent_requests as usize,
        body_pause: options.client_timeout,
        shares_metrics: options.metrics_listen.is_none(),
        tracer,
        meter,
        environment: options.env,
        code: source::Settings {
            compiled: options.compiled,
            #[cfg(feature = "compiler")]
            cache_dir: options.cache_dir,
            #[cfg(feature = "compiler")]
            disable_cache: options.disable_cache,
        },
    })
}

/// The destination of the components' output.
fn logs(options: &Up, manifest: &Manifest, folder: Option<PathBuf>) -> Result<Logs> {
    let unknown = |id: &&String| !manifest.components.contains_key(*id);
    if let Some(id) = options.follow.iter().find(unknown) {
        bail!("--follow: the application has no component '{id}'");
    }
    let logs = Logs {
        folder,
        truncate: options.truncate_logs,
        follow: options.follow.clone(),
        quiet: options.quiet,
    };
    logs.open()?;
    Ok(logs)
}

/// The values of the application's variables.
fn variables(options: &Up, manifest: &Manifest) -> Result<Variables> {
    let mut given = BTreeMap::new();
    for source in &options.variable {
        given.extend(source.read().map_err(Error::msg)?);
    }
    Variables::resolve(manifest, &given, |name| std::env::var(name)).map_err(Error::msg)
}

/// The SQLite databases of the components, after the statements of the command line.
fn databases(
    options: &Up,
    manifest: &Manifest,
    locations: &BTreeMap<String, Location>,
) -> Result<Databases> {
    let served = manifest.served();
    let uses = served.keys().flat_map(|id| {
        let labels = manifest.components[*id].sqlite_databases.iter();
        labels.map(|label| (*id, label.as_str()))
    });
    let databases = open_all(locations, uses)?;
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
