//! One module a command: from its arguments to the libraries and back to the terminal.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod eval;
pub(crate) mod models;
pub(crate) mod predict;
pub(crate) mod probe;
pub(crate) mod train;
pub(crate) mod weights;

use serde::Serialize;

use crate::failure::Failure;

/// Prints one JSON object on a line of standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed)?;
    print_text(&format!("{text}\n"))
}

/// Prints to standard output. A reader that went away, such as `head`, is no failure.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
