//! The Wasmtime engine: what the compiler may emit and how instances get their memory.

use anyhow::{Context, Result};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

#[cfg(feature = "compiler")]
use crate::code::aot;

/// Bytes of a linear memory or stack that are zeroed in place when an instance goes, instead of
/// being handed back to the kernel: a fresh instance then starts with few page faults. Every
/// instance that was ever alive at the same time keeps as much.
const KEEP_RESIDENT: usize = 512 << 10;

/// The limits of the engine's allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Instances alive at once, over all components.
    pub(crate) instances: u32,
    /// Reserve memory for all instances at start (about 4 GiB of address space each) instead of at
    /// each instantiation.
    pub(crate) pooling: bool,
}

#[cfg(feature = "compiler")]
impl Limits {
    /// Enough to compile: no memory is reserved.
    pub(crate) const COMPILING: Self = Self {
        instances: 1,
        pooling: false,
    };
}

/// Makes the engine. Where the address space is too small for the pool (`ulimit -v`, 39-bit
/// kernels) instances are allocated on demand.
///
/// # Errors
/// When this CPU or kernel is not supported by Wasmtime.
pub(crate) fn engine(limits: Limits) -> Result<Engine> {
    if limits.pooling
        && let Ok(engine) = Engine::new(config().allocation_strategy(pool(limits.instances)))
    {
        return Ok(engine);
    }
    Engine::new(config().allocation_strategy(InstanceAllocationStrategy::OnDemand))
        .map_err(anyhow::Error::from)
        .context("cannot start Wasmtime")
}

/// Makes an engine whose code also runs on other machines of this architecture. It only compiles.
///
/// # Errors
/// When this architecture is not supported by Wasmtime.
#[cfg(feature = "compiler")]
pub(crate) fn portable() -> Result<Engine> {
    let mut config = config();
    aot::portable(&mut config)
        .and_then(|()| {
            // Only debuggers and profilers need these.
            config.native_unwind_info(false).generate_address_map(false);
            Engine::new(&config)
        })
        .map_err(anyhow::Error::from)
        .context("cannot start the compiler")
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true);
    config
}

/// The ratios follow Spin: a composed component has a core instance for each part and its
/// adapters. There are twice as many memories, because the stand-in for an environment has one, too.
fn pool(instances: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(4))
        .table_elements(100_000)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(10 << 20)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_memory_size(4 << 30)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT / 4)
        .async_stack_keep_resident(KEEP_RESIDENT / 16);
    InstanceAllocationStrategy::Pooling(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_allocators_compile_the_same_code() {
        // Both share the compilation cache, so a fallback must not recompile everything.
        let hash = |pooling| {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let engine = engine(Limits {
                instances: 10,
                pooling,
            })
            .unwrap();
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(true), hash(false));
    }
}
