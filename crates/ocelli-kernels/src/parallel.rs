//! Work shared among threads: tasks by number, and pointers that tasks write apart through.

use std::ops::Range;

use rayon::prelude::*;

/// Runs `task` for every index below `count`, in no particular order.
pub(crate) fn for_each(count: usize, task: impl Fn(usize) + Send + Sync) {
    if count < 2 || rayon::current_num_threads() == 1 {
        (0..count).for_each(task);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(task);
    }
}

/// Part `index` of `parts` equal ranges of `0..length`; the first ones are one longer where it
/// doesn't divide.
pub(crate) fn part(length: usize, parts: usize, index: usize) -> Range<usize> {
    let (size, longer) = (length / parts, length % parts);
    let start = index * size + index.min(longer);
    start..start + size + usize::from(index < longer)
}

/// How many parts of at least `at_least` elements `length` makes: at most `at_most`, at least one.
/// Depends on no thread count, so that what is computed by parts is the same on every machine.
pub(crate) fn parts(length: usize, at_least: usize, at_most: usize) -> usize {
    (length / at_least.max(1)).clamp(1, at_most)
}

/// A pointer through which tasks write to places apart from each other.
#[derive(Debug)]
pub(crate) struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: the pointer alone does nothing; whoever dereferences it vouches for places apart.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    pub(crate) fn pointer(self) -> *mut T {
        self.0
    }

    /// A part of what the pointer points to.
    ///
    /// # Safety
    /// The range must lie within one allocation, hold values, outlive `'a`, and be accessed
    /// through nothing else in the meantime.
    pub(crate) unsafe fn slice<'a>(self, range: Range<usize>) -> &'a mut [T] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_length_without_gap_or_overlap() {
        for length in [0, 1, 7, 64, 101] {
            for count in 1..12 {
                let mut next = 0;
                for index in 0..count {
                    let range = part(length, count, index);
                    assert_eq!(range.start, next);
                    next = range.end;
                }
                assert_eq!(next, length);
            }
        }
        assert_eq!(
            [parts(10, 100, 8), parts(0, 0, 8), parts(250, 100, 8), parts(9999, 1, 8)],
            [1, 1, 2, 8]
        );
    }
}
