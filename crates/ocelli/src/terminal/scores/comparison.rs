use ocelli_train::compare::ComparedRun;
use ocelli_train::recipe::Task;

use super::{hundredths, number};
use crate::terminal::table::Table;

/// What a run's scores are called and how they are shown.
type Column = (&'static str, fn(&ComparedRun) -> String);

/// The experiment table: what all runs have, and the scores of the tasks that are among them. Runs of
/// segmentation are then laid side by side class by class.
pub(crate) fn comparison(runs: &[ComparedRun]) -> String {
    let shows = |task| runs.iter().any(|run| run.task == task);
    let mut columns: Vec<Column> = vec![
        ("run", |run| run.run.clone()),
        ("network", |run| run.model.clone()),
        ("loss", |run| run.loss.clone()),
        ("optimizer", |run| run.optimizer.clone()),
        ("lr", |run| format!("{:e}", run.learning_rate)),
        ("schedule", |run| run.schedule.clone()),
        ("batch", |run| run.batch_size.to_string()),
        ("px", pixels),
        ("epochs", epochs),
    ];
    if shows(Task::Segment) {
        columns.push(("mIoU %", |run| hundredths(run.miou)));
    }
    if shows(Task::Classify) || shows(Task::Segment) {
        columns.push(("accuracy %", |run| hundredths(run.accuracy)));
    }
    if shows(Task::Classify) {
        columns.push(("top-5 %", |run| hundredths(run.top5)));
    }
    if shows(Task::Colorize) {
        columns.push(("PSNR dB", |run| number(run.colors.psnr, 2)));
        columns.push(("SSIM", |run| number(run.colors.ssim, 4)));
        columns.push(("CIEDE2000", |run| number(run.colors.ciede2000, 2)));
    }
    if runs.iter().any(|run| run.task.method().is_some()) {
        columns.push(("spread", |run| number(run.embedding.embedding_std, 3)));
        columns.push(("kNN %", |run| hundredths(run.embedding.knn)));
    }
    columns.push(("val loss", |run| number(run.val_loss.filter(|loss| loss.is_finite()), 4)));
    if shows(Task::Classify) || shows(Task::Segment) {
        columns.push(("test %", |run| hundredths(run.test_miou.or(run.test_accuracy))));
    }
    columns.push(("minutes", |run| format!("{:.1}", run.seconds / 60.0)));
    let header: Vec<&str> = columns.iter().map(|column| column.0).collect();
    let mut table = Table::new(&header);
    for run in runs {
        table.row(&columns.iter().map(|column| column.1(run)).collect::<Vec<_>>());
    }
    let mut text = table.to_string();
    if let Some(classes) = by_class(runs) {
        text.push('\n');
        text.push_str(&classes);
    }
    text
}

/// IoU by class, a column a run; `None` where no run segments.
fn by_class(runs: &[ComparedRun]) -> Option<String> {
    let segmenting: Vec<&ComparedRun> = runs.iter().filter(|run| !run.iou.is_empty()).collect();
    let mut classes: Vec<&String> = Vec::new();
    for class in segmenting.iter().flat_map(|run| run.classes.iter()) {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let header = std::iter::once("IoU %").chain(segmenting.iter().map(|run| run.run.as_str()));
    let mut table = Table::new(&header.collect::<Vec<_>>());
    for class in &classes {
        let score = |run: &&ComparedRun| hundredths(run.iou.get(*class).copied().flatten());
        let cells = segmenting.iter().map(score);
        table.row(&std::iter::once((*class).clone()).chain(cells).collect::<Vec<_>>());
    }
    (!classes.is_empty()).then(|| table.to_string())
}

fn pixels(run: &ComparedRun) -> String {
    let [height, width] = run.size;
    if height == width { height.to_string() } else { format!("{height}x{width}") }
}

fn epochs(run: &ComparedRun) -> String {
    if run.epochs == run.epochs_planned {
        run.epochs.to_string()
    } else {
        format!("{} of {}", run.epochs, run.epochs_planned)
    }
}
