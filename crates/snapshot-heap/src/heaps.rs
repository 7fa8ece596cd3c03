//! Memory in two heaps, so that what the component starts with lies close together.
//!
//! While the model is loaded, its file and what is unpacked from it take several times the memory of what remains.
//! Wasmtime maps the initial memory of an instance in no time where it is dense, and copies it where it is not. So large
//! blocks go to a heap behind a gap, which is wiped when the model is loaded; what stays goes to a heap in front.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

use dlmalloc::{Allocator, Dlmalloc};

/// Blocks of this many bytes and more go to the heap in the back.
const LARGE: usize = 32 << 10;
const PAGE: usize = 64 << 10;
/// What the heap in the back asks for at a time, at least.
const CHUNK: usize = 16 << 20;
/// Room in front for everything but the weights.
const ROOM: usize = 64 << 20;

/// A heap in front and one in the back.
pub struct Heaps(UnsafeCell<State>);

struct State {
    front: Dlmalloc<Pages<Front>>,
    back: Dlmalloc<Pages<Back>>,
    /// The address that parts the two, once there is anything in the back.
    boundary: Option<usize>,
    /// Blocks in the back.
    blocks: usize,
    /// Large blocks go to the front, too.
    keep: bool,
}

// SAFETY: a component has one thread.
unsafe impl Sync for Heaps {}

impl Heaps {
    /// Both empty.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "Default is not const")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(State {
            front: Dlmalloc::new_with_allocator(Pages(Front {
                room: Cell::new(None),
            })),
            back: Dlmalloc::new_with_allocator(Pages(Back::new(0, 0))),
            boundary: None,
            blocks: 0,
            keep: false,
        }))
    }

    /// From now on everything goes to the front, until [`Heaps::wipe`].
    pub fn keep(&self) {
        // SAFETY: one thread, and no reference outlives a method.
        let state = unsafe { &mut *self.0.get() };
        state.keep = true;
    }

    /// Wipes the back, unless something in it is still in use.
    pub fn wipe(&self) {
        // SAFETY: as above.
        let state = unsafe { &mut *self.0.get() };
        state.keep = false;
        let pages = &state.back.allocator().0;
        let unused = state.blocks == 0 && !pages.torn.get();
        let Some(start) = state.boundary.filter(|_| unused) else {
            return;
        };
        let end = pages.end.get();
        // SAFETY: the pages from `start` to `end` belong to the heap in the back, which has no block in use and is
        // replaced by one that knows nothing of what was in them.
        unsafe { ptr::write_bytes(start as *mut u8, 0, end - start) };
        state.back = Dlmalloc::new_with_allocator(Pages(Back::new(start, end)));
    }
}

// SAFETY: both heaps are allocators; a block returns to the one it came from, which its address tells.
unsafe impl GlobalAlloc for Heaps {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above; the layout is the caller's.
        unsafe { (*self.0.get()).alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block is one that `alloc` returned for this layout.
        unsafe { (*self.0.get()).dealloc(block, layout) }
    }
}

impl State {
    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE || self.keep {
            // SAFETY: the caller's.
            let block = unsafe { self.front.malloc(layout.size(), layout.align()) };
            if !block.is_null() {
                return block;
            }
        }
        if self.boundary.is_none() && !self.part(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's.
        let block = unsafe { self.back.malloc(layout.size(), layout.align()) };
        self.blocks += usize::from(!block.is_null());
        block
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe {
            if self
                .boundary
                .is_some_and(|boundary| block as usize >= boundary)
            {
                self.back.free(block, layout.size(), layout.align());
                self.blocks -= 1;
            } else {
                self.front.free(block, layout.size(), layout.align());
            }
        }
    }

    /// Begins the back, behind a gap into which the front can grow. The first large block is the model's file; its
    /// weights may take twice its size, where it has them in 16 bits.
    fn part(&mut self, first: usize) -> bool {
        let room = first.saturating_mul(9) / 4 + ROOM;
        let Some((start, size)) = grow(room) else {
            return false;
        };
        let region = (start, start + size);
        self.front.allocator().0.room.set(Some(region));
        self.boundary = Some(start + size);
        self.back.allocator().0.begin(start + size);
        true
    }
}

/// Where the pages of a heap come from.
trait Region {
    /// `size` bytes, whole pages, or more: where they begin, and how many they are. They are zero, they belong to nothing
    /// else, and they are never taken back.
    fn take(&self, size: usize) -> Option<(usize, usize)>;
}

/// A region as dlmalloc asks for one.
struct Pages<R>(R);

// SAFETY: the pages of a region belong to nothing else, and none is ever taken back.
unsafe impl<R: Region + Send> Allocator for Pages<R> {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let region = self.0.take(size.next_multiple_of(PAGE));
        region.map_or((ptr::null_mut(), 0, 0), |(start, size)| {
            (start as *mut u8, size, 0)
        })
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

/// The memory of the front: pages as they come, then, once the back has begun, those of the room left for it.
struct Front {
    room: Cell<Option<(usize, usize)>>,
}

impl Region for Front {
    fn take(&self, size: usize) -> Option<(usize, usize)> {
        match self.room.get() {
            None => grow(size),
            Some((start, end)) if end - start >= size => {
                self.room.set(Some((start + size, end)));
                Some((start, size))
            }
            Some(_) => None,
        }
    }
}

/// The memory of the back: what an earlier heap left, then pages as they come.
struct Back {
    /// Where the unused part of what was left begins.
    start: Cell<usize>,
    /// Where the memory of this heap ends.
    end: Cell<usize>,
    /// Pages that belong to something else lie in between.
    torn: Cell<bool>,
}

impl Back {
    fn begin(&self, start: usize) {
        self.start.set(start);
        self.end.set(start);
    }

    const fn new(start: usize, end: usize) -> Self {
        Self {
            start: Cell::new(start),
            end: Cell::new(end),
            torn: Cell::new(false),
        }
    }
}

impl Region for Back {
    fn take(&self, size: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.start.get(), self.end.get());
        if end - start >= size {
            let all = end - start;
            self.start.set(end);
            return Some((start, all));
        }
        let (start, size) = grow(size.max(CHUNK)).or_else(|| grow(size))?;
        self.torn.set(self.torn.get() || start != end);
        self.start.set(start + size);
        self.end.set(start + size);
        Some((start, size))
    }
}

/// Adds pages to the memory: where they begin, and how many bytes they have.
fn grow(size: usize) -> Option<(usize, usize)> {
    let pages = size.div_ceil(PAGE);
    let before = core::arch::wasm32::memory_grow::<0>(pages);
    (before != usize::MAX).then(|| (before * PAGE, pages * PAGE))
}
