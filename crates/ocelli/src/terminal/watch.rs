//! A run as it goes: a live bar on a terminal, plain lines elsewhere, one line an epoch on both.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget};
use ocelli_train::recipe::Task;
use ocelli_train::record::{BrokenRecord, EpochRecord, Split};
use ocelli_train::trainer::{Observer, RunStart, StepEvent};

use super::{progress, scores, summary};

/// Broken pictures that are told one by one; the rest are in the run folder's list.
const BROKEN_TOLD: usize = 5;

pub(crate) struct TerminalObserver {
    bar: ProgressBar,
    epochs: u32,
    task: Task,
    broken: usize,
    header_due: bool,
}

impl TerminalObserver {
    pub(crate) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bar: ProgressBar::with_draw_target(Some(0), target),
            epochs: 0,
            task: Task::default(),
            broken: 0,
            header_due: true,
        }
    }

    /// A line above the bar.
    fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }
}

impl Observer for TerminalObserver {
    fn started(&mut self, start: &RunStart<'_>) {
        self.epochs = start.recipe.train.epochs;
        self.task = start.recipe.task;
        self.bar.set_style(progress::style("{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left"));
        self.say(summary::start(start).trim_end());
    }

    fn stepped(&mut self, event: &StepEvent) {
        if event.batch == 1 || self.bar.length() != Some(event.batches as u64) {
            self.bar.reset();
            self.bar.set_length(event.batches as u64);
        }
        let prefix = match event.split {
            Split::Train => format!("epoch {}/{}", event.epoch, self.epochs),
            Split::Val => "validating".to_owned(),
            Split::Test => "testing".to_owned(),
        };
        self.bar.set_prefix(prefix);
        if let (Some(loss), Some(rate)) = (event.loss, event.images_per_second) {
            self.bar.set_message(format!("loss {loss:.3}  {rate:.0} images/s"));
        } else {
            self.bar.set_message("");
        }
        self.bar.set_position(event.batch as u64);
    }

    fn broken(&mut self, record: &BrokenRecord) {
        self.broken += 1;
        if self.broken <= BROKEN_TOLD {
            self.say(&format!("left out: {}: {}", record.name, record.reason));
        } else if self.broken == BROKEN_TOLD + 1 {
            self.say(
                "left out: further broken pictures are listed in the run folder's broken.jsonl",
            );
        }
    }

    fn note(&mut self, text: &str) {
        self.say(&format!("note: {text}"));
    }

    fn epoch(&mut self, train: &EpochRecord, val: &EpochRecord, best: bool) {
        if self.header_due {
            self.header_due = false;
            self.say(&scores::epoch_header(self.task, self.epochs));
        }
        self.say(&scores::epoch(self.task, train, val, best, self.epochs));
    }
}

impl Drop for TerminalObserver {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
