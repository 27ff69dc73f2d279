//! Where the time of a step goes: time, operations and memory traffic by kernel and shape.
//!
//! Off, it costs a load and a branch a kernel. On, every kernel that a caller enters is timed from
//! outside, with all of its threads.
//!
//! ```
//! use ocelli_kernels::profile;
//!
//! profile::start();
//! // … kernels run …
//! for entry in profile::finish() {
//!     println!("{} {:?} {} calls", entry.name, entry.time, entry.calls);
//! }
//! ```

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::pass::Extent;

static ENABLED: AtomicBool = AtomicBool::new(false);
static ENTRIES: Mutex<BTreeMap<String, Entry>> = Mutex::new(BTreeMap::new());

/// What a kernel cost, for one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The kernel, and the shape where it matters.
    pub name: String,
    /// How often it ran.
    pub calls: usize,
    /// From entry to return, all calls together.
    pub time: Duration,
    /// Additions and multiplications of the definition, all calls together: a convolution's as if
    /// each product were formed.
    pub operations: f64,
    /// Bytes of operands and results, each counted once a call.
    pub bytes: f64,
}

/// What a call costs whom it is told to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) operations: usize,
    /// Floats read or written.
    pub(crate) floats: usize,
}

/// A pass over activations that reads or writes `tensors` of their size.
pub(crate) fn pass(name: &str, pass: &str, extent: Extent, tensors: usize) -> (String, Cost) {
    let Extent { groups, rows, channels } = extent;
    let name = format!("{name} [{}, {channels}] {pass}", groups * rows);
    (name, Cost { operations: 2 * tensors * extent.len(), floats: tensors * extent.len() })
}

/// Begins to record, with nothing recorded.
pub fn start() {
    lock().clear();
    ENABLED.store(true, Ordering::Relaxed);
}

/// Ends recording; what was recorded, the longest time first.
#[must_use]
pub fn finish() -> Vec<Entry> {
    ENABLED.store(false, Ordering::Relaxed);
    let mut entries: Vec<Entry> = std::mem::take(&mut *lock()).into_values().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.time));
    entries
}

/// Does `work`, and records it under `describe` where recording is on.
#[inline]
pub(crate) fn record<R>(describe: impl FnOnce() -> (String, Cost), work: impl FnOnce() -> R) -> R {
    if !ENABLED.load(Ordering::Relaxed) {
        return work();
    }
    let started = Instant::now();
    let result = work();
    let time = started.elapsed();
    let (name, cost) = describe();
    let mut entries = lock();
    let entry = entries.entry(name.clone()).or_insert_with(|| Entry {
        name,
        calls: 0,
        time: Duration::ZERO,
        operations: 0.0,
        bytes: 0.0,
    });
    entry.calls += 1;
    entry.time += time;
    entry.operations += cost.operations as f64;
    entry.bytes += (cost.floats * size_of::<f32>()) as f64;
    result
}

fn lock() -> std::sync::MutexGuard<'static, BTreeMap<String, Entry>> {
    // A panic elsewhere leaves whole entries behind.
    ENTRIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_name_are_added_up_and_nothing_is_recorded_while_off() {
        let cost = Cost { operations: 6, floats: 2 };
        let work = || record(|| ("profile test".into(), cost), || 7);
        assert_eq!(work(), 7);
        start();
        assert_eq!([work(), work()], [7, 7]);
        let entries = finish();
        let entry = entries.iter().find(|entry| entry.name == "profile test").expect("recorded");
        assert_eq!((entry.calls, entry.operations, entry.bytes), (2, 12.0, 16.0));
        assert_eq!(work(), 7);
        assert!(finish().is_empty());
    }
}
