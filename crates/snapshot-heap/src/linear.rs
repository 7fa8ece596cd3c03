//! The memory of a WebAssembly module.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::ptr::{self, NonNull};

use crate::heaps::{Memory, PAGE};

/// The module's first memory. What else grows it, such as the C library, takes pages of its own.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

// SAFETY: memory.grow returns new pages, which are zero and stay. Pointers into linear memory are addresses.
unsafe impl Memory for Linear {
    fn grow(self, pages: usize) -> Option<NonNull<u8>> {
        let before = core::arch::wasm32::memory_grow::<0>(pages);
        if before == usize::MAX {
            return None;
        }
        NonNull::new(ptr::with_exposed_provenance_mut(before * PAGE))
    }
}
