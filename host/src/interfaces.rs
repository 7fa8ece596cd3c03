//! What a component sees and reaches: the interfaces that the host offers, and the state of an instance behind them.

pub(crate) mod bindings;
pub(crate) mod body;
pub(crate) mod http;
mod memory;
pub(crate) mod redis;
pub(crate) mod requests;
pub(crate) mod sqlite;
pub(crate) mod state;
pub(crate) mod stdio;
mod variables;

use anyhow::Result;
use wasmtime::{Engine, component::Linker};
use wasmtime_wasi_http::{p2, p3};

use self::state::InstanceState;

/// Everything that components may import.
///
/// # Errors
/// Never, unless two interfaces of the host have one name.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    p2::add_only_http_to_linker_async(&mut linker)?;
    p3::add_to_linker(&mut linker)?;
    variables::link(&mut linker)?;
    sqlite::guest::link(&mut linker)?;
    redis::guest::link(&mut linker)?;
    Ok(linker)
}
