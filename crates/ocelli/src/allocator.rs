//! That memory freed in one step is there for the next.
//!
//! mimalloc gives what has been free for a second back to the operating system, which clears every
//! page before it hands it out again: a seventh of a training step's time (ResNet-18, 32 pictures
//! of 64 pixels; 3400 page faults a step, 1 without it). It can be told not to, but takes options
//! only from the environment as the process starts, or from unsafe code.

/// mimalloc's milliseconds until freed memory is given back; -1: never.
#[cfg(unix)]
const VARIABLE: &str = "MIMALLOC_PURGE_DELAY";

/// Starts this program once more, in the same process, with the allocator told to keep freed
/// memory. To be called before anything else has happened. Where the variable is set already, by
/// this or by the user, or starting fails, nothing is done.
#[cfg(unix)]
pub(crate) fn keep_freed_memory() {
    use std::os::unix::process::CommandExt;

    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    // Returns only if it failed, and then all goes on as it is, somewhat slower.
    let _ =
        std::process::Command::new(program).arg0(name).args(arguments).env(VARIABLE, "-1").exec();
}

/// Elsewhere a process can't be replaced.
#[cfg(not(unix))]
pub(crate) fn keep_freed_memory() {}
