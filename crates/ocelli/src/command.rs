//! One module a command: from its arguments to the libraries and back to the terminal.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod embed;
pub(crate) mod eval;
pub(crate) mod models;
pub(crate) mod predict;
pub(crate) mod probe;
pub(crate) mod report;
pub(crate) mod sweep;
pub(crate) mod train;
pub(crate) mod weights;

use std::fs::File;
use std::path::{Path, PathBuf};

use ocelli_train::recipe::Task;
use ocelli_train::trained::Trained;
use serde::Serialize;

use crate::cli::LookArgs;
use crate::failure::Failure;

/// Looks at pictures as the command line says, where it says something.
pub(crate) fn look(trained: &mut Trained, arguments: &LookArgs) -> Result<(), Failure> {
    let LookArgs { flip, scales, sliding_window } = arguments;
    let asked = *flip || !scales.is_empty() || *sliding_window;
    if asked && trained.recipe.task != Task::Segment {
        return Err(Failure::usage(format!(
            "--flip, --scales and --sliding-window are for segmentation; the run's task is {}",
            trained.recipe.task.name()
        )));
    }
    if let Some(scale) = scales.iter().find(|scale| !(0.1..=4.0).contains(*scale)) {
        return Err(Failure::usage(format!("--scales {scale}: expected numbers from 0.1 to 4")));
    }
    if asked {
        trained.look(|evaluate| {
            evaluate.flip |= flip;
            evaluate.sliding_window |= sliding_window;
            if !scales.is_empty() {
                evaluate.scales.clone_from(scales);
            }
        });
    }
    Ok(())
}

/// Begins the table `name` in a folder, which is made: its path, and what writes its rows.
pub(crate) fn new_table(
    folder: &Path,
    name: &str,
) -> Result<(PathBuf, csv::Writer<File>), Failure> {
    let path = folder.join(name);
    let create = || -> std::io::Result<File> {
        std::fs::create_dir_all(folder)?;
        File::create(&path)
    };
    let file = create().map_err(|error| {
        Failure::failed(format!("{}: could not be made: {error}", path.display()))
    })?;
    Ok((path, csv::Writer::from_writer(file)))
}

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
