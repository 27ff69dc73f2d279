//! The words for what was chosen, what happened, and where everything is.

use std::fmt::Write;

use ocelli_train::compare::ComparedRun;
use ocelli_train::recipe::suggest::Suggestion;
use ocelli_train::record::EpochRecord;
use ocelli_train::run_folder::{RunFolder, RunStatus};
use ocelli_train::trainer::{Ending, RunStart};

use super::table::Table;

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
    let _ = writeln!(
        text,
        "{} classes; pictures: train {}, val {}{test}; {} px, batches of {}",
        info.classes.len(),
        info.pictures.train,
        info.pictures.val,
        recipe.data.size,
        recipe.train.batch_size
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

/// The line above the epochs' lines.
pub(crate) fn epoch_header(epochs: u32) -> String {
    let width = epochs.to_string().len().max(2) * 2 + 1;
    format!(
        "{:>width$}   train loss  accuracy   val loss  accuracy     top-5   images/s    lr",
        "epoch"
    )
}

/// An epoch's line; a star marks the best so far.
pub(crate) fn epoch(train: &EpochRecord, val: &EpochRecord, best: bool, epochs: u32) -> String {
    let width = epochs.to_string().len().max(2);
    format!(
        "{:>width$}/{epochs:<width$} {:>12.4}  {:>7}  {:>9.4}  {:>7}{} {:>7} {:>10.1}    {:.2e}",
        train.epoch,
        train.loss,
        percent(train.accuracy),
        val.loss,
        percent(val.accuracy),
        if best { " *" } else { "  " },
        percent(val.top5),
        train.images_per_second,
        train.learning_rate.unwrap_or_default(),
    )
}

fn counted(count: u32, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2}", share * 100.0))
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
            best_value(ending, best.value)
        );
    }
    if let Some(test) = &ending.test {
        let _ = writeln!(text, "test with the best weights: accuracy {}", percent(test.accuracy));
    }
    if ending.broken > 0 {
        let _ =
            writeln!(text, "{} broken pictures were left out: {path}/broken.jsonl", ending.broken);
    }
    if ending.status != RunStatus::Stopped {
        let _ = writeln!(
            text,
            "weights {path}/checkpoints/best/model.safetensors\n\
             numbers {path}/metrics.jsonl\n\
             recipe  {path}/recipe.toml\n\
             next    ocelli eval {path}\n        ocelli predict {path} PICTURE"
        );
    }
    text
}

fn best_value(ending: &Ending, value: f64) -> String {
    match ending.best_by {
        ocelli_train::recipe::BestBy::Accuracy => format!("accuracy {}", percent(value)),
        ocelli_train::recipe::BestBy::Loss => format!("loss {value:.4}"),
    }
}

/// A measured model: the whole, then class by class.
pub(crate) fn evaluation(data: &str, record: &EpochRecord) -> String {
    let mut text = format!(
        "{data}: {} pictures\naccuracy {}  top-5 {}  loss {:.4}\n",
        record.pictures,
        percent(record.accuracy),
        percent(record.top5),
        record.loss
    );
    if let Some(average) = record.macro_average {
        let _ = writeln!(
            text,
            "mean over classes: precision {} %  recall {} %  F1 {} %\n",
            percent_or_dash(average.precision),
            percent_or_dash(average.recall),
            percent_or_dash(average.f1)
        );
    }
    let mut table = Table::new(&["class", "pictures", "precision", "recall", "F1"]);
    for class in &record.classes {
        table.row(&[
            class.class.clone(),
            class.support.to_string(),
            percent_or_dash(class.precision),
            percent_or_dash(class.recall),
            percent_or_dash(class.f1),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// The experiment table.
pub(crate) fn comparison(runs: &[ComparedRun]) -> String {
    let mut table = Table::new(&[
        "run",
        "network",
        "loss",
        "optimizer",
        "lr",
        "schedule",
        "batch",
        "px",
        "epochs",
        "accuracy %",
        "top-5 %",
        "val loss",
        "test %",
        "minutes",
    ]);
    for run in runs {
        let [height, width] = run.size;
        let epochs = if run.epochs == run.epochs_planned {
            run.epochs.to_string()
        } else {
            format!("{} of {}", run.epochs, run.epochs_planned)
        };
        table.row(&[
            run.run.clone(),
            run.model.clone(),
            run.loss.clone(),
            run.optimizer.clone(),
            format!("{:e}", run.learning_rate),
            run.schedule.clone(),
            run.batch_size.to_string(),
            if height == width { height.to_string() } else { format!("{height}x{width}") },
            epochs,
            percent_or_dash(run.accuracy),
            percent_or_dash(run.top5),
            run.val_loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}")),
            percent_or_dash(run.test_accuracy),
            format!("{:.1}", run.seconds / 60.0),
        ]);
    }
    table.to_string()
}
