//! The heaps on a memory of the tests' own, natively. Miri runs them, too; see CONTRIBUTING.md.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use proptest::prelude::*;

use crate::heaps::{Heaps, Memory, PAGE};

const MIB: usize = 1 << 20;

/// A memory that ends at a limit.
struct Arena {
    base: AtomicPtr<u8>,
    used: AtomicUsize,
    layout: Layout,
}

impl Arena {
    fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, PAGE).unwrap();
        // SAFETY: the size is not zero.
        let base = unsafe { alloc_zeroed(layout) };
        assert!(!base.is_null());
        Self {
            base: AtomicPtr::new(base),
            used: AtomicUsize::new(0),
            layout,
        }
    }

    fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Relaxed)
    }

    /// What has been handed out.
    fn used(&self) -> &[u8] {
        // SAFETY: all of it was zero from the beginning.
        unsafe { slice::from_raw_parts(self.base(), self.used.load(Ordering::Relaxed)) }
    }

    /// Where a block lies.
    fn offset(&self, block: *mut u8) -> usize {
        block.addr() - self.base().addr()
    }

    /// The offset behind the last page that is not zero.
    fn end_of_data(&self) -> usize {
        let pages = self.used().chunks(PAGE).rev();
        let zeros = pages.take_while(|page| full_of(0, page)).count();
        self.used().len() - zeros * PAGE
    }
}

/// Compared as slices, which is fast also where it is not optimised, and in Miri.
fn full_of(byte: u8, bytes: &[u8]) -> bool {
    *bytes == vec![byte; bytes.len()]
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.base(), self.layout) };
    }
}

// SAFETY: the bytes behind `used` were never handed out, are zero, and live as long as the arena.
unsafe impl Memory for &Arena {
    fn grow(self, pages: usize) -> Option<NonNull<u8>> {
        let start = self.used.load(Ordering::Relaxed);
        let end = start.checked_add(pages.checked_mul(PAGE)?)?;
        if end > self.layout.size() {
            return None;
        }
        self.used.store(end, Ordering::Relaxed);
        NonNull::new(self.base().wrapping_add(start))
    }
}

/// A block in use, full of one byte.
struct Block {
    start: *mut u8,
    layout: Layout,
    byte: u8,
}

impl Block {
    fn new(heaps: &Heaps<&Arena>, layout: Layout, byte: u8) -> Option<Self> {
        // SAFETY: the size is not zero.
        let start = unsafe { heaps.alloc(layout) };
        if start.is_null() {
            return None;
        }
        assert_eq!(start.addr() % layout.align(), 0);
        // SAFETY: the block has this size.
        unsafe { start.write_bytes(byte, layout.size()) };
        Some(Self {
            start,
            layout,
            byte,
        })
    }

    fn of(heaps: &Heaps<&Arena>, size: usize) -> Self {
        let layout = Layout::from_size_align(size, 16).unwrap();
        Self::new(heaps, layout, 0xab).unwrap()
    }

    /// Nobody else has written to it.
    fn check(&self) {
        // SAFETY: the block was written when it was allocated.
        let bytes = unsafe { slice::from_raw_parts(self.start, self.layout.size()) };
        assert!(full_of(self.byte, bytes));
    }

    fn free(self, heaps: &Heaps<&Arena>) {
        self.check();
        // SAFETY: it comes from there, with this layout.
        unsafe { heaps.dealloc(self.start, self.layout) };
    }

    fn resize(self, heaps: &Heaps<&Arena>, size: usize) -> Self {
        self.check();
        // SAFETY: it comes from there, with this layout; the size is not zero.
        let start = unsafe { heaps.realloc(self.start, self.layout, size) };
        if start.is_null() {
            return self;
        }
        let kept = size.min(self.layout.size());
        // SAFETY: what was there has been copied.
        let bytes = unsafe { slice::from_raw_parts(start, kept) };
        assert!(full_of(self.byte, bytes));
        // SAFETY: the block has this size.
        unsafe { start.write_bytes(self.byte, size) };
        let layout = Layout::from_size_align(size, self.layout.align()).unwrap();
        Self {
            start,
            layout,
            ..self
        }
    }
}

/// As a component loads its model: a file, what is unpacked from it, and a copy that stays.
#[test]
fn what_stays_lies_in_front_of_what_is_wiped() {
    let arena = Arena::new(128 * MIB);
    let heaps = Heaps::new(&arena);
    let small = Block::of(&heaps, 100);
    let file = Block::of(&heaps, 3 * MIB);
    let unpacked: Vec<Block> = (0..8).map(|_| Block::of(&heaps, MIB / 2)).collect();
    assert!(unpacked.iter().all(|block| block.start > file.start));
    file.free(&heaps);
    heaps.keep();
    let kept: Vec<Block> = (0..8).map(|_| Block::of(&heaps, MIB / 2)).collect();
    assert!(kept.iter().all(|block| block.start < unpacked[0].start));
    unpacked.into_iter().for_each(|block| block.free(&heaps));
    assert!(arena.end_of_data() > 64 * MIB);
    heaps.wipe();
    assert!(arena.end_of_data() < 5 * MIB);
    kept.iter().chain([&small]).for_each(Block::check);

    // What was wiped is used again.
    let used = arena.used().len();
    let again = Block::of(&heaps, 3 * MIB);
    assert!(arena.offset(again.start) > 64 * MIB);
    assert_eq!(arena.used().len(), used);
    again.free(&heaps);
    // What does not fit into it is taken from the memory.
    heaps.wipe();
    Block::of(&heaps, 20 * MIB).free(&heaps);
}

#[test]
fn what_is_in_use_is_not_wiped() {
    let arena = Arena::new(128 * MIB);
    let heaps = Heaps::new(&arena);
    let block = Block::of(&heaps, MIB);
    heaps.wipe();
    block.free(&heaps);
    heaps.wipe();
    assert_eq!(arena.end_of_data(), 0);
}

/// Others, such as the C library, grow the memory, too.
#[test]
fn what_belongs_to_others_is_not_wiped() {
    let arena = Arena::new(160 * MIB);
    let heaps = Heaps::new(&arena);
    let first = Block::of(&heaps, MIB);
    let foreign = (&arena).grow(1).unwrap().as_ptr();
    // SAFETY: a page.
    unsafe { foreign.write_bytes(7, PAGE) };
    let second = Block::of(&heaps, 20 * MIB);
    assert!(second.start > foreign);
    first.free(&heaps);
    second.free(&heaps);
    heaps.wipe();
    // SAFETY: as above.
    let foreign = unsafe { slice::from_raw_parts(foreign, PAGE) };
    assert!(full_of(7, foreign));
}

#[test]
fn a_full_front_goes_on_in_the_back() {
    let arena = Arena::new(160 * MIB);
    let heaps = Heaps::new(&arena);
    Block::of(&heaps, MIB).free(&heaps);
    heaps.keep();
    let blocks: Vec<Block> = (0..5).map(|_| Block::of(&heaps, 16 * MIB)).collect();
    assert!(arena.offset(blocks[0].start) < 64 * MIB);
    assert!(arena.offset(blocks[4].start) > 64 * MIB);
    heaps.wipe();
    blocks.into_iter().for_each(|block| block.free(&heaps));
}

#[test]
fn where_the_memory_ends_there_is_no_block() {
    let arena = Arena::new(MIB);
    let heaps = Heaps::new(&arena);
    for size in [MIB, usize::MAX / 2] {
        let layout = Layout::from_size_align(size, 1).unwrap();
        assert!(Block::new(&heaps, layout, 1).is_none());
    }
    Block::of(&heaps, 1000).free(&heaps);
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { size: usize, align: u32 },
    Free(prop::sample::Index),
    Resize(prop::sample::Index, usize),
    Keep,
    Wipe,
    Foreign(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let size = || prop_oneof![3 => 1_usize..5000, 2 => 30_000_usize..300_000, 1 => 300_000_usize..3_000_000];
    prop_oneof![
        8 => (size(), 0_u32..8).prop_map(|(size, align)| Step::Allocate { size, align }),
        6 => any::<prop::sample::Index>().prop_map(Step::Free),
        3 => (any::<prop::sample::Index>(), size()).prop_map(|(which, size)| Step::Resize(which, size)),
        1 => Just(Step::Keep),
        2 => Just(Step::Wipe),
        1 => (1_usize..4).prop_map(Step::Foreign),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 32 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Blocks are aligned, within the memory, and nobody else's, whatever happens around them.
    #[test]
    fn blocks_keep_what_is_in_them(steps in prop::collection::vec(step(), 1..80)) {
        let arena = Arena::new(128 * MIB);
        let heaps = Heaps::new(&arena);
        let mut blocks: Vec<Block> = Vec::new();
        let mut foreign: Vec<*mut u8> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let byte = number as u8 | 1;
            match step {
                Step::Allocate { size, align } => {
                    let layout = Layout::from_size_align(size, 1 << align).unwrap();
                    blocks.extend(Block::new(&heaps, layout, byte));
                }
                Step::Free(which) if !blocks.is_empty() => {
                    blocks.swap_remove(which.index(blocks.len())).free(&heaps);
                }
                Step::Resize(which, size) if !blocks.is_empty() => {
                    let block = blocks.swap_remove(which.index(blocks.len()));
                    blocks.push(block.resize(&heaps, size));
                }
                Step::Free(_) | Step::Resize(..) => {}
                Step::Keep => heaps.keep(),
                Step::Wipe => {
                    heaps.wipe();
                    blocks.iter().for_each(Block::check);
                }
                Step::Foreign(pages) => {
                    if let Some(page) = (&arena).grow(pages) {
                        // SAFETY: at least a page.
                        unsafe { page.as_ptr().write_bytes(0xff, PAGE) };
                        foreign.push(page.as_ptr());
                    }
                }
            }
        }
        blocks.into_iter().for_each(|block| block.free(&heaps));
        for page in foreign {
            // SAFETY: as above.
            let bytes = unsafe { slice::from_raw_parts(page, PAGE) };
            prop_assert!(full_of(0xff, bytes));
        }
    }
}
