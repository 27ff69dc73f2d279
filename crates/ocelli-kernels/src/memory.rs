//! Memory that is not cleared before it is written, and scratch that threads keep.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;

/// A result on its way: room for `len` floats, not yet written. Clearing a large activation first
/// would cost as much as a pass over it.
#[derive(Debug)]
pub(crate) struct Output(Vec<f32>, usize);

impl Output {
    pub(crate) fn new(len: usize) -> Self {
        Self(Vec::with_capacity(len), len)
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.as_mut_ptr()
    }

    /// The finished result.
    ///
    /// # Safety
    /// Every one of the floats must have been written.
    pub(crate) unsafe fn finish(mut self) -> Vec<f32> {
        // SAFETY: there is capacity for them, and the caller says that they are written.
        unsafe { self.0.set_len(self.1) };
        self.0
    }
}

/// Floats of a tensor of these sizes. No product of some of them overflows either, be another one
/// zero or not: what is computed from the sizes of an empty tensor is as sound as of any.
///
/// # Panics
/// If they are more than memory can be.
pub(crate) fn tensor_len(sizes: &[usize]) -> usize {
    let most = isize::MAX as usize / size_of::<f32>();
    let len = sizes.iter().try_fold(1usize, |len, &size| len.checked_mul(size.max(1)));
    match len {
        Some(len) if len <= most => len * usize::from(!sizes.contains(&0)),
        _ => panic!("a tensor of {sizes:?} floats is larger than memory can be"),
    }
}

/// Cache line, and the widest vector.
const ALIGNMENT: usize = 64;

/// Aligned memory of floats that holds values, but says nothing about which.
#[derive(Debug)]
pub(crate) struct Scratch {
    pointer: NonNull<f32>,
    capacity: usize,
}

impl Scratch {
    fn layout(capacity: usize) -> Layout {
        Layout::array::<f32>(capacity)
            .and_then(|layout| layout.align_to(ALIGNMENT))
            .expect("scratch is smaller than the address space")
    }

    fn new(capacity: usize) -> Self {
        let layout = Self::layout(capacity.max(1));
        // SAFETY: the layout's size is not zero.
        let pointer = unsafe { alloc(layout) }.cast::<f32>();
        let Some(pointer) = NonNull::new(pointer) else { handle_alloc_error(layout) };
        // Values must exist before a slice of them does; paid once, scratch is kept.
        // SAFETY: just allocated with this many floats.
        unsafe { pointer.write_bytes(0, capacity.max(1)) };
        Self { pointer, capacity: capacity.max(1) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(self.pointer.as_ptr().cast(), Self::layout(self.capacity)) };
    }
}

thread_local! {
    /// What a thread keeps between uses.
    static POOL: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` with `len` floats, aligned to a cache line, that hold whatever the last user left.
/// May be nested; a thread reuses what it has.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let found = POOL.with_borrow_mut(|pool| {
        // The smallest that is large enough, so that a large one stays for who needs it.
        let fitting = pool.iter().enumerate().filter(|(_, scratch)| scratch.capacity >= len);
        let index = fitting
            .min_by_key(|(_, scratch)| (scratch.capacity, scratch.pointer))
            .map(|(index, _)| index);
        let found = index.map(|index| pool.swap_remove(index));
        if found.is_none() && !pool.is_empty() {
            // It makes way for the larger one: a thread keeps as many as it uses at a time.
            drop(pool.swap_remove(largest(pool)));
        }
        found
    });
    let scratch = found.unwrap_or_else(|| Scratch::new(len));
    // SAFETY: `scratch` owns `capacity >= len` floats that hold values.
    let result = work(unsafe { std::slice::from_raw_parts_mut(scratch.pointer.as_ptr(), len) });
    POOL.with_borrow_mut(|pool| pool.push(scratch));
    result
}

/// Where the largest is.
fn largest(pool: &[Scratch]) -> usize {
    let sizes = pool.iter().map(|scratch| scratch.capacity).enumerate();
    sizes.max_by_key(|&(_, capacity)| capacity).map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_as_many_pieces_of_scratch_as_it_used_at_a_time() {
        std::thread::spawn(|| {
            for len in [100, 10, 1000, 20, 500] {
                with_scratch(len, |_| with_scratch(len / 10, |_| ()));
            }
            let mut kept = POOL.with_borrow(|pool| {
                pool.iter().map(|scratch| scratch.capacity).collect::<Vec<_>>()
            });
            kept.sort_unstable();
            assert_eq!(kept, [100, 1000]);
        })
        .join()
        .expect("the thread's assertions hold");
    }

    #[test]
    fn a_tensor_is_as_long_as_its_sizes_multiply_to() {
        assert_eq!(tensor_len(&[2, 3, 5]), 30);
        assert_eq!(tensor_len(&[7, 0, 5]), 0);
        assert_eq!(tensor_len(&[]), 1);
        let half = 1 << (usize::BITS / 2);
        for sizes in [[half, half, 1], [half, half, 0], [usize::MAX, 1, 1], [usize::MAX / 8, 2, 1]]
        {
            let panic = std::panic::catch_unwind(|| tensor_len(&sizes)).expect_err("too large");
            let message = panic.downcast::<String>().expect("a message");
            assert!(message.contains("larger than memory can be"), "{message}");
        }
    }

    #[test]
    fn scratch_is_aligned_reused_and_apart_when_nested() {
        let first = with_scratch(1000, |outer| {
            outer.fill(1.0);
            with_scratch(1000, |inner| {
                assert_eq!(inner.as_ptr() as usize % ALIGNMENT, 0);
                inner.fill(2.0);
            });
            assert!(outer.iter().all(|&value| value == 1.0));
            outer.as_ptr() as usize
        });
        let again: Vec<usize> =
            (0..4).map(|_| with_scratch(900, |a| a.as_ptr() as usize)).collect();
        assert!(again.iter().all(|&address| address == again[0]));
        with_scratch(0, |nothing| assert!(nothing.is_empty()));
        assert_ne!(first, 0);
    }
}
