//! Ctrl-C: the first asks for an orderly stop, the second ends the program. The end of standard input
//! is a second way to ask, for a process that another one started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, STOPPED};

/// A flag that Ctrl-C (or a polite `kill`) sets.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let shared = flag.clone();
    ctrlc::set_handler(move || {
        if shared.swap(true, Ordering::Relaxed) {
            // Nothing is half written: the checkpoint before is whole whatever happens.
            std::process::exit(i32::from(STOPPED));
        }
        eprintln!("\nstopping after this step, to save everything (Ctrl-C again stops at once)");
    })
    .map_err(Failure::failed)?;
    Ok(flag)
}

/// Also sets the flag when standard input ends: at the latest when the process at its other end is
/// gone, in whatever way.
pub(crate) fn stop_with_input(flag: &Arc<AtomicBool>) {
    let shared = flag.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        shared.store(true, Ordering::Relaxed);
    });
}
