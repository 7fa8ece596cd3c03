//! Runs the initialiser and takes the snapshot.

use anyhow::{Context, Error, Result, anyhow};
use wasmtime::{
    Config, Engine, Store,
    component::{Instance, Lift, Linker, ResourceTable, WasmList},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::code::source::{Settings, Source};

struct State {
    table: ResourceTable,
    wasi: WasiCtx,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// The component after `init(model)`, and the result of `init`.
///
/// # Errors
/// When the bytes are not a component, or it traps or refuses the model.
pub(crate) fn snapshot(wasm: &[u8], model: &[u8]) -> Result<(String, Vec<u8>)> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(take(wasm, model))
}

async fn take(wasm: &[u8], model: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut wizer = Wizer::new();
    wizer.init_func("init").keep_init_func(true);
    let (context, instrumented) = wizer.instrument_component(wasm)?;

    let engine = Engine::new(
        Config::new()
            .wasm_component_model(true)
            .wasm_component_model_async(true),
    )?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let state = State {
        table: ResourceTable::new(),
        wasi: WasiCtx::builder().build(),
    };
    let mut store = Store::new(&engine, state);
    // The model is passed as one list, which is larger than the default limit.
    store.set_hostcall_fuel(usize::MAX);
    // The same for every model.
    let component = Source::open(Settings::default())?.code_of(&engine, &instrumented)?;
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let init = instance
        .get_typed_func::<(&[u8],), (Result<String, String>,)>(&mut store, "init")
        .map_err(Error::from)
        .context(
            "it cannot be initialised: it has no `init: func(list<u8>) -> result<string, string>`",
        )?;
    let (answer,) = init.call_async(&mut store, (model,)).await?;
    let name = answer.map_err(Error::msg)?;

    let mut initialised = Initialised {
        store,
        instance,
        failure: None,
    };
    let snapshot = wizer.snapshot_component(&context, &mut initialised).await;
    match initialised.failure {
        Some(error) => Err(anyhow!("its state cannot be read: {error:#}")),
        None => Ok((name, snapshot?)),
    }
}

/// Reads the state of an instance through the functions that the instrumentation added.
struct Initialised {
    store: Store<State>,
    instance: Instance,
    failure: Option<wasmtime::Error>,
}

impl Initialised {
    async fn call<R: Lift + 'static>(&mut self, interface: &str, function: &str) -> Option<R> {
        let result = self.try_call(interface, function).await;
        result
            .map_err(|error| self.failure.get_or_insert(error).to_string())
            .ok()
    }

    async fn try_call<R: Lift + 'static>(
        &mut self,
        interface: &str,
        function: &str,
    ) -> wasmtime::Result<R> {
        let missing = || wasmtime::format_err!("{interface} has no {function}");
        let interface_index = self
            .instance
            .get_export_index(&mut self.store, None, interface)
            .ok_or_else(missing)?;
        let index = self
            .instance
            .get_export_index(&mut self.store, Some(&interface_index), function)
            .ok_or_else(missing)?;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut self.store, index)?;
        Ok(function.call_async(&mut self.store, ()).await?.0)
    }
}

impl ComponentInstanceState for Initialised {
    async fn call_func_ret_list_u8(
        &mut self,
        interface: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        if let Some(list) = self.call::<WasmList<u8>>(interface, function).await {
            contents(list.as_le_slice(&self.store));
        }
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.call(interface, function).await.unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.call(interface, function).await.unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        let value: f32 = self.call(interface, function).await.unwrap_or_default();
        value.to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        let value: f64 = self.call(interface, function).await.unwrap_or_default();
        value.to_bits()
    }
}
