//! The memory of one instance: its limit, and what is counted.

use prometheus_client::metrics::gauge::Gauge;
use wasmtime::{Error, ResourceLimiter, Result, StoreLimits, StoreLimitsBuilder};

use crate::metrics::Component;

/// Limits the linear memory of an instance, and counts it and the instance itself while it exists.
pub(crate) struct Memory {
    limits: StoreLimits,
    instances: Gauge,
    memory: Gauge,
    /// Bytes that this instance has added to the gauge.
    held: i64,
    /// Bytes of the last growth, which may still fail.
    last: i64,
}

impl Memory {
    /// For an instance of a component that may have this many bytes.
    pub(crate) fn new(limit: usize, component: &Component) -> Self {
        component.instances.inc();
        Self {
            limits: StoreLimitsBuilder::new().memory_size(limit).build(),
            instances: component.instances.clone(),
            memory: component.memory.clone(),
            held: 0,
            last: 0,
        }
    }

    fn add(&mut self, bytes: i64) {
        self.memory.inc_by(bytes);
        self.held += bytes;
        self.last = bytes;
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let granted = self.limits.memory_growing(current, desired, maximum)?;
        let bytes = desired.saturating_sub(current);
        self.add(match granted {
            true => i64::try_from(bytes).unwrap_or(i64::MAX),
            false => 0,
        });
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.add(-self.last);
        self.last = 0;
        self.limits.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.limits.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.instances.dec();
        self.memory.dec_by(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_while_the_instance_exists() {
        let component = Component::default();
        let counted = || (component.instances.get(), component.memory.get());
        let mut memory = Memory::new(300, &component);
        let other = Memory::new(300, &component);
        assert!(memory.memory_growing(0, 100, None).unwrap());
        assert!(memory.memory_growing(100, 250, None).unwrap());
        assert_eq!(counted(), (2, 250));
        // Beyond the limit.
        assert!(!memory.memory_growing(250, 301, None).unwrap());
        memory.memory_grow_failed(Error::msg("refused")).unwrap();
        assert_eq!(counted(), (2, 250));
        // Granted, but the system has no more.
        assert!(memory.memory_growing(250, 300, None).unwrap());
        assert_eq!(counted(), (2, 300));
        memory.memory_grow_failed(Error::msg("no memory")).unwrap();
        assert_eq!(counted(), (2, 250));
        drop(memory);
        assert_eq!(counted(), (1, 0));
        drop(other);
        assert_eq!(counted(), (0, 0));
    }
}
