//! Memory in two heaps, so that what the component starts with lies close together.
//!
//! While the model is loaded, its file and what is unpacked from it take several times the memory of what remains. A snapshot
//! keeps what was freed: Whisper tiny.en would start with 213 MB instead of 51 MB. Zeros in its place would not help, for
//! Wasmtime maps the initial memory of an instance in no time where it is dense, and copies it where it is not. So large
//! blocks go to a heap behind a gap, which is wiped when the model is loaded; what stays goes to a heap in front.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr::{self, NonNull};

use dlmalloc::{Allocator, Dlmalloc};

/// Blocks of this many bytes and more go to the heap in the back.
const LARGE: usize = 32 << 10;
pub(crate) const PAGE: usize = 64 << 10;
/// What the heap in the back asks for at a time, at least.
const CHUNK: usize = 16 << 20;
/// Room in front for everything but the weights.
const ROOM: usize = 64 << 20;

/// The memory that both heaps lie in. It grows at its end and never shrinks.
///
/// # Safety
/// The pages that [`Memory::grow`] returns are zero, can be read and written as long as the heaps exist, and belong to nobody
/// else. Their addresses ascend from call to call. Where they continue those before, one pointer reaches both.
pub unsafe trait Memory: Copy + Send {
    /// Adds this many pages of 64 KiB: where they begin, or nothing where the memory is at its limit.
    fn grow(self, pages: usize) -> Option<NonNull<u8>>;
}

/// A heap in front and one in the back.
pub struct Heaps<M>(UnsafeCell<State<M>>);

struct State<M> {
    memory: M,
    front: Dlmalloc<Pages<Front<M>>>,
    back: Dlmalloc<Pages<Back<M>>>,
    /// What parts the two, once there is anything in the back.
    boundary: Option<NonNull<u8>>,
    /// Blocks in the back.
    blocks: usize,
    /// Large blocks go to the front, too.
    keep: bool,
}

// SAFETY: a component has one thread.
#[cfg(target_family = "wasm")]
unsafe impl<M> Sync for Heaps<M> {}

impl<M: Memory> Heaps<M> {
    /// Both empty.
    #[must_use]
    pub const fn new(memory: M) -> Self {
        Self(UnsafeCell::new(State {
            memory,
            front: Dlmalloc::new_with_allocator(Pages(Front {
                memory,
                room: Cell::new(Extent::EMPTY),
                closed: Cell::new(false),
            })),
            back: Dlmalloc::new_with_allocator(Pages(Back::new(memory, Extent::EMPTY, 0))),
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
        let all = Extent {
            start: start.as_ptr(),
            size: end - start.addr().get(),
        };
        // SAFETY: these pages belong to the heap in the back, which has no block in use and is replaced by one that knows
        // nothing of what was in them.
        unsafe { ptr::write_bytes(all.start, 0, all.size) };
        state.back = Dlmalloc::new_with_allocator(Pages(Back::new(state.memory, all, end)));
    }
}

// SAFETY: both heaps are allocators; a block returns to the one it came from, which its address tells.
unsafe impl<M: Memory> GlobalAlloc for Heaps<M> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above; the layout is the caller's.
        unsafe { (*self.0.get()).alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block is one that `alloc` returned for this layout.
        unsafe { (*self.0.get()).dealloc(block, layout) }
    }
}

impl<M: Memory> State<M> {
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
                .is_some_and(|boundary| block >= boundary.as_ptr())
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
        let room = (first.saturating_mul(9) / 4).saturating_add(ROOM);
        let Some(room) = grow(self.memory, room) else {
            return false;
        };
        let end = room.start.wrapping_add(room.size);
        let Some(boundary) = NonNull::new(end) else {
            return false;
        };
        let front = &self.front.allocator().0;
        front.room.set(room);
        front.closed.set(true);
        self.boundary = Some(boundary);
        self.back.allocator().0.end.set(end.addr());
        true
    }
}

/// Adjacent pages.
#[derive(Clone, Copy)]
struct Extent {
    start: *mut u8,
    /// Bytes.
    size: usize,
}

impl Extent {
    const EMPTY: Self = Self {
        start: ptr::null_mut(),
        size: 0,
    };
}

/// Where the pages of a heap come from.
trait Region {
    /// `size` bytes, whole pages, or more. They are zero, they belong to nothing else, and they are never taken back.
    fn take(&self, size: usize) -> Option<Extent>;
}

/// A region as dlmalloc asks for one.
struct Pages<R>(R);

// SAFETY: the pages of a region belong to nothing else, and are never taken back.
unsafe impl<R: Region + Send> Allocator for Pages<R> {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let size = size.checked_next_multiple_of(PAGE);
        let extent = size.and_then(|size| self.0.take(size));
        let Extent { start, size } = extent.unwrap_or(Extent::EMPTY);
        (start, size, 0)
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
struct Front<M> {
    memory: M,
    room: Cell<Extent>,
    /// The back has begun.
    closed: Cell<bool>,
}

// SAFETY: what the pointers lead to is its own.
unsafe impl<M: Send> Send for Front<M> {}

impl<M: Memory> Region for Front<M> {
    fn take(&self, size: usize) -> Option<Extent> {
        if !self.closed.get() {
            return grow(self.memory, size);
        }
        let room = self.room.get();
        let left = room.size.checked_sub(size)?;
        self.room.set(Extent {
            start: room.start.wrapping_add(size),
            size: left,
        });
        Some(Extent { size, ..room })
    }
}

/// The memory of the back: what an earlier heap left, then pages as they come.
struct Back<M> {
    memory: M,
    /// What an earlier heap left.
    left: Cell<Extent>,
    /// The address at which the memory of this heap ends.
    end: Cell<usize>,
    /// Pages that belong to something else lie in between.
    torn: Cell<bool>,
}

// SAFETY: as above.
unsafe impl<M: Send> Send for Back<M> {}

impl<M> Back<M> {
    const fn new(memory: M, left: Extent, end: usize) -> Self {
        Self {
            memory,
            left: Cell::new(left),
            end: Cell::new(end),
            torn: Cell::new(false),
        }
    }
}

impl<M: Memory> Region for Back<M> {
    fn take(&self, size: usize) -> Option<Extent> {
        let left = self.left.replace(Extent::EMPTY);
        if left.size >= size {
            return Some(left);
        }
        let taken = grow(self.memory, size.max(CHUNK)).or_else(|| grow(self.memory, size));
        let Some(taken) = taken else {
            self.left.set(left);
            return None;
        };
        let start = taken.start.addr();
        self.torn.set(self.torn.get() || start != self.end.get());
        self.end.set(start + taken.size);
        Some(taken)
    }
}

/// Adds at least `size` bytes to the memory.
fn grow(memory: impl Memory, size: usize) -> Option<Extent> {
    let pages = size.div_ceil(PAGE);
    let start = memory.grow(pages)?.as_ptr();
    let size = pages * PAGE;
    Some(Extent { start, size })
}
