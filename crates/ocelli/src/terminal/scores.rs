//! How good a model is: a line an epoch, a table for an evaluation, a table for runs side by side.

mod comparison;

pub(crate) use comparison::comparison;

use std::fmt::Write;

use ocelli_train::recipe::{BestBy, Task};
use ocelli_train::record::EpochRecord;

use super::table::Table;

/// The line above the epochs' lines.
pub(crate) fn epoch_header(task: Task, epochs: u32) -> String {
    let width = epochs.to_string().len().max(2) * 2 + 1;
    let columns = match task {
        Task::Classify => "train loss  accuracy   val loss  accuracy     top-5",
        Task::Segment => "train loss    pixels   val loss      mIoU    pixels",
        Task::Colorize => "train loss   val loss      PSNR      SSIM  CIEDE2000",
        Task::SelfSupervised(_) => "train loss    spread        kNN",
    };
    format!("{:>width$}   {columns}   images/s    lr", "epoch")
}

/// An epoch's line; a star marks the best so far.
pub(crate) fn epoch(
    task: Task,
    train: &EpochRecord,
    val: &EpochRecord,
    best: bool,
    epochs: u32,
) -> String {
    let width = epochs.to_string().len().max(2);
    let star = if best { " *" } else { "  " };
    let columns = match task {
        Task::Classify => format!(
            "{:>12.4}  {:>7}  {:>9.4}  {:>7}{star} {:>7}",
            train.loss,
            percent(train.accuracy),
            val.loss,
            percent(val.accuracy),
            percent(val.top5),
        ),
        Task::Segment => format!(
            "{:>12.4}  {:>7}  {:>9.4}  {:>7}{star} {:>7}",
            train.loss,
            percent(train.accuracy),
            val.loss,
            percent(val.regions.miou),
            percent(val.accuracy),
        ),
        Task::Colorize => format!(
            "{:>12.4}  {:>9.4}  {:>5} dB{star} {:>7}  {:>9}",
            train.loss,
            val.loss,
            number(val.colors.psnr, 2),
            number(val.colors.ssim, 4),
            number(val.colors.ciede2000, 2),
        ),
        Task::SelfSupervised(_) => format!(
            "{:>12.4}  {:>8}  {:>9}{star}",
            train.loss,
            number(val.embedding.embedding_std, 3),
            percent(val.embedding.knn),
        ),
    };
    format!(
        "{:>width$}/{epochs:<width$} {columns} {:>10.1}    {:.2e}",
        train.epoch,
        train.images_per_second,
        train.learning_rate.unwrap_or_default(),
    )
}

/// What a validation is best by, and how good it is.
pub(crate) fn named(by: BestBy, value: f64) -> String {
    match by {
        BestBy::Accuracy => format!("accuracy {}", percent(Some(value))),
        BestBy::Miou => format!("mIoU {}", percent(Some(value))),
        BestBy::Loss => format!("loss {value:.4}"),
        BestBy::Psnr => format!("PSNR {value:.2} dB"),
        BestBy::Ssim => format!("SSIM {value:.4}"),
        BestBy::Ciede2000 => format!("CIEDE2000 {value:.2}"),
        BestBy::Knn => format!("kNN accuracy {}", percent(Some(value))),
        BestBy::Last => "the last".to_owned(),
    }
}

/// A measured model: the whole, then class by class.
pub(crate) fn evaluation(data: &str, record: &EpochRecord, classes: &[String]) -> String {
    let mut text = format!("{data}: {} pictures\n", record.pictures);
    if let Some(miou) = record.regions.miou {
        let regions = &record.regions;
        let _ = writeln!(
            text,
            "mIoU {}  pixels {}  frequency-weighted IoU {}  Dice {}  loss {:.4}\n",
            percent(Some(miou)),
            percent(record.accuracy),
            percent(regions.frequency_weighted_iou),
            percent(regions.mean_dice),
            record.loss
        );
        text.push_str(&regions_table(record, classes));
    } else if let Some(psnr) = record.colors.psnr {
        let _ = writeln!(
            text,
            "PSNR {psnr:.2} dB  SSIM {}  CIEDE2000 {}  loss {:.4}",
            number(record.colors.ssim, 4),
            number(record.colors.ciede2000, 2),
            record.loss
        );
    } else if let Some(spread) = record.embedding.embedding_std {
        let _ = writeln!(
            text,
            "spread of the projections {spread:.3}{}",
            record.embedding.knn.map_or_else(String::new, |share| {
                format!("  accuracy of nearest neighbours {}", percent(Some(share)))
            })
        );
    } else {
        let _ = writeln!(
            text,
            "accuracy {}  top-5 {}  loss {:.4}",
            percent(record.accuracy),
            percent(record.top5),
            record.loss
        );
        text.push_str(&classes_table(record));
    }
    text
}

fn classes_table(record: &EpochRecord) -> String {
    let mut text = String::new();
    if let Some(average) = record.macro_average {
        let _ = writeln!(
            text,
            "mean over classes: precision {} %  recall {} %  F1 {} %\n",
            hundredths(average.precision),
            hundredths(average.recall),
            hundredths(average.f1)
        );
    }
    let mut table = Table::new(&["class", "pictures", "precision", "recall", "F1"]);
    for class in &record.classes {
        table.row(&[
            class.class.clone(),
            class.support.to_string(),
            hundredths(class.precision),
            hundredths(class.recall),
            hundredths(class.f1),
        ]);
    }
    let _ = write!(text, "{table}");
    text
}

/// IoU and Dice by class, with the pixels that each class has.
pub(crate) fn regions_table(record: &EpochRecord, classes: &[String]) -> String {
    let mut table = Table::new(&["class", "pixels", "IoU", "Dice"]);
    for (number, class) in (0u64..).zip(classes) {
        let cells = record.confusion.iter().filter(|cell| cell[0] == number);
        let score = |scores: &std::collections::BTreeMap<String, Option<f64>>| {
            hundredths(scores.get(class).copied().flatten())
        };
        table.row(&[
            class.clone(),
            cells.map(|cell| cell[2]).sum::<u64>().to_string(),
            score(&record.regions.iou),
            score(&record.regions.dice),
        ]);
    }
    table.to_string()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

fn hundredths(share: Option<f64>) -> String {
    number(share.map(|share| share * 100.0), 2)
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
