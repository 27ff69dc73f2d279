//! That memory freed in one step is there for the next.
//!
//! mimalloc gives what has been free for a second back to the operating system, which clears every
//! page before it hands it out again: thousands of page faults a training step, every one of them
//! for memory that the step before had. This is here, with the kernels, since it takes unsafe code.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc 2 and 3, which their Rust bindings do not name: the
/// milliseconds until freed memory is given back.
const PURGE_DELAY: mi_option_t = 15;

/// From now on, memory that is freed stays with the process. For programs whose global allocator is
/// mimalloc; the environment variable `MIMALLOC_PURGE_DELAY` no longer counts then.
pub fn keep_freed_memory() {
    // SAFETY: the option exists, and may be set at any time from any thread.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    fn the_option_is_the_delay_that_mimalloc_starts_with_and_takes_ours() {
        // SAFETY: reading an option that exists.
        let delay = || unsafe { mi_option_get(PURGE_DELAY) };
        // 10 ms in version 2, 1000 ms in version 3: its neighbours begin otherwise.
        assert!([10, 1000].contains(&delay()), "{}", delay());
        keep_freed_memory();
        assert_eq!(delay(), -1);
    }
}
