//! The words for what was chosen, what happened, and where everything is.

use std::fmt::Write;

use ocelli_train::recipe::Task;
use ocelli_train::recipe::suggest::Suggestion;
use ocelli_train::run_folder::{RunFolder, RunStatus};
use ocelli_train::trainer::{Ending, RunStart};

use super::scores;

/// What was chosen for pictures without a recipe.
pub(crate) fn suggestion(suggestion: &Suggestion) -> String {
    let mut text = String::from("no recipe given; chosen for these pictures:\n");
    for reason in &suggestion.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    text
}

/// What is about to be trained.
pub(crate) fn start(start: &RunStart<'_>) -> String {
    let RunStart { recipe, info, .. } = start;
    let mut text = String::new();
    for note in start.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = writeln!(
        text,
        "{} ({:.1} M parameters) on {}, {} threads, seed {}",
        recipe.model.name,
        info.parameters as f64 / 1e6,
        info.device,
        info.threads,
        info.seed
    );
    let test = if info.pictures.test > 0 {
        format!(", test {}", info.pictures.test)
    } else {
        String::new()
    };
    let classes = match recipe.task {
        Task::Classify | Task::Segment => format!("{} classes; ", info.classes.len()),
        Task::Colorize | Task::SelfSupervised(_) => String::new(),
    };
    let _ = writeln!(
        text,
        "{classes}pictures: train {}, val {}{test}; {} px, batches of {}",
        info.pictures.train, info.pictures.val, recipe.data.size, recipe.train.batch_size
    );
    if start.state.epoch > 0 || start.state.batch > 0 {
        let _ = writeln!(
            text,
            "going on after epoch {}, batch {} of {}",
            start.state.epoch, start.state.batch, start.batches
        );
    }
    let _ = writeln!(text, "run folder: {}", start.folder.display());
    text
}

fn counted(count: u32, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// How a run ended, and where everything is.
pub(crate) fn ending(ending: &Ending, folder: &RunFolder) -> String {
    let path = folder.path().display();
    let mut text = String::from("\n");
    let _ = match ending.status {
        RunStatus::Stopped => writeln!(
            text,
            "stopped, everything saved: {} done. Go on with\n  ocelli resume {path}",
            counted(ending.epochs, "epoch")
        ),
        RunStatus::StoppedEarly => {
            writeln!(
                text,
                "stopped early after {}: validation no longer improved",
                counted(ending.epochs, "epoch")
            )
        }
        _ => writeln!(text, "finished {}", counted(ending.epochs, "epoch")),
    };
    if let Some(best) = ending.best {
        let _ = writeln!(
            text,
            "best validation: epoch {}, {}",
            best.epoch,
            scores::named(ending.best_by, best.value)
        );
    }
    if let Some(test) = &ending.test {
        let value = scores::named(ending.best_by, ending.best_by.value(test));
        let _ = writeln!(text, "test with the best weights: {value}");
    }
    if ending.broken > 0 {
        let _ =
            writeln!(text, "{} broken pictures were left out: {path}/broken.jsonl", ending.broken);
    }
    if ending.status != RunStatus::Stopped && folder.backbone_file().is_file() {
        let backbone = folder.backbone_file();
        let _ = writeln!(
            text,
            "backbone {} (model.weights of another recipe)\n\
             numbers  {path}/metrics.jsonl\n\
             recipe   {path}/recipe.toml",
            backbone.display()
        );
    } else if ending.status != RunStatus::Stopped {
        let _ = writeln!(
            text,
            "weights {path}/checkpoints/best/model.safetensors\n\
             numbers {path}/metrics.jsonl\n\
             recipe  {path}/recipe.toml\n\
             next    ocelli eval {path}\n        ocelli predict {path} PICTURE\n        ocelli report {path}"
        );
    }
    text
}
