//! The interfaces of `host/wit` as Rust sees them.

wasmtime::component::bindgen!({
    path: "wit",
    world: "host",
    imports: {
        "spin:variables/variables": async,
        default: async | trappable,
    },
    // A function that fails returns the interface's error and never traps.
    trappable_error_type: {
        "spin:redis/redis.error" => spin::redis::redis::Error,
        "spin:sqlite/sqlite.error" => spin::sqlite::sqlite::Error,
    },
    with: {
        "spin:redis/redis.connection": crate::interfaces::redis::connection::Connection,
        "spin:sqlite/sqlite.connection": crate::interfaces::sqlite::database::Connection,
    },
});

pub(crate) use spin::{redis::redis, sqlite::sqlite, variables::variables};

/// The export that receives messages.
pub(crate) mod handler {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "redis-handler",
        exports: { default: async },
        with: { "spin:redis/redis": crate::interfaces::bindings::spin::redis::redis },
    });
}
