//! The state of one instance of a component.

use std::sync::{Arc, Weak};

use manifest::Variables;
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, Result, Store, component::ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    code::epoch::{self, EpochClock, Running},
    interfaces::{
        http::{Hooks, Outbound},
        memory::Memory,
        requests::AtWork,
        sqlite::database::Databases,
        stdio::Sink,
    },
    metrics,
};

/// Connections to databases that one instance may have.
const CONNECTIONS: usize = 256;

/// What instances of a component may see and reach.
pub(crate) struct Sandbox {
    /// The component's id.
    pub(crate) id: Arc<str>,
    /// Its environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Its files: the folder that it sees as its root, read-only.
    pub(crate) files: Option<TempDir>,
    /// The variables of the application.
    pub(crate) variables: Arc<Variables>,
    /// The hosts it may call, and the way there.
    pub(crate) outbound: Arc<Outbound>,
    /// The SQLite databases it may open.
    pub(crate) databases: Databases,
    /// One permit for each connection to Redis that the application may have.
    pub(crate) redis: Arc<Semaphore>,
    /// Its standard output.
    pub(crate) stdout: Arc<Sink>,
    /// Its standard error.
    pub(crate) stderr: Arc<Sink>,
    /// Bytes of linear memory that one instance may have.
    pub(crate) max_memory: usize,
    /// What is counted of it.
    pub(crate) metrics: metrics::Component,
    /// The clock that makes it yield.
    pub(crate) clock: Arc<EpochClock>,
}

/// The state of one instance.
pub(crate) struct InstanceState {
    sandbox: Arc<Sandbox>,
    requests: AtWork,
    hooks: Hooks,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    memory: Memory,
    connections: Arc<Semaphore>,
    alive: Arc<()>,
    _running: Running,
}

impl Sandbox {
    /// A store for a new instance.
    ///
    /// # Errors
    /// When the folder of its files has gone.
    pub(crate) fn store(self: &Arc<Self>, engine: &Engine) -> Result<Store<InstanceState>> {
        let requests = AtWork::default();
        let mut wasi = WasiCtx::builder();
        wasi.envs(&self.environment)
            .stdout(self.stdout.instance(&requests))
            .stderr(self.stderr.instance(&requests));
        if let Some(files) = &self.files {
            wasi.preopened_dir(files.path(), "/", FsPerms::ReadOnly)?;
        }
        let state = InstanceState {
            sandbox: Arc::clone(self),
            hooks: Hooks::new(&self.outbound, &requests),
            requests,
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            memory: Memory::new(self.max_memory, &self.metrics),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            alive: Arc::default(),
            _running: self.clock.run(),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        epoch::yield_at_ticks(&mut store);
        Ok(store)
    }
}

impl InstanceState {
    /// What the instance may see and reach.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The requests that it has at work.
    pub(crate) fn requests(&self) -> &AtWork {
        &self.requests
    }

    /// What the instance holds by handles.
    pub(crate) fn resources(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// A permit for one more connection to a database.
    pub(crate) fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).try_acquire_owned().ok()
    }

    /// Held while the instance exists.
    pub(crate) fn alive(&self) -> Weak<()> {
        Arc::downgrade(&self.alive)
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
