//! What a report shows of a run beyond its files: projections of its snapshots, and charts.

use crate::figure::{Bar, Chart, Confusion, Curve, Figure, Gallery, Mistake, Panel, Unit};
use crate::figure::{bars, confusion, curves, gallery, mistakes, scatter};
use crate::projection::quality::{NeighbourhoodQuality, neighbourhood, silhouette};
use crate::projection::{Points, ProjectionError, Tsne, evenly_spread, is_projectable, pca};
use crate::run::{Run, Snapshot};

/// Neighbours that a projection is judged by.
const NEIGHBOURS: usize = 10;
/// Points of which all pairs are compared for the silhouette of classes.
const SILHOUETTE_POINTS: usize = 2000;
const MOST_MISTAKES: usize = 24;

/// How much work a report is.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisOptions {
    /// Snapshots that are projected: the first, the last, and some evenly between them.
    pub snapshots: usize,
    /// The epochs whose snapshots are projected, instead; none of which there is no snapshot.
    pub epochs: Option<Vec<u32>>,
    /// Points of a projection, evenly spread over the snapshot.
    pub points: usize,
    /// How points are placed; the perplexity is lowered to a third of the points where they are few.
    pub tsne: Tsne,
}

impl Default for AnalysisOptions {
    fn default() -> Self {
        Self { snapshots: 6, epochs: None, points: 3000, tsne: Tsne::default() }
    }
}

/// What a report shows beside a run's files: its snapshots, projected, and pictures.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// One for each snapshot that could be projected, by epoch.
    pub projections: Vec<Projected>,
    /// Pictures, made by whoever has the run's data or its model; an analysis begins without.
    pub galleries: Vec<Gallery>,
    /// What could not be done, a sentence each.
    pub problems: Vec<String>,
}

/// A snapshot seen in the plane.
#[derive(Clone, Debug)]
pub struct Projected {
    /// The pictures that were projected, and what is known of them.
    pub snapshot: Snapshot,
    /// How many pictures the snapshot has.
    pub of: usize,
    /// How many of them have features that can't be projected: a run that diverged makes them.
    pub left_out: usize,
    /// Along the first two principal components.
    pub pca: Vec<[f32; 2]>,
    /// Their shares of all variance.
    pub explained: [f64; 2],
    /// How the first two components treat neighbours.
    pub pca_quality: Option<NeighbourhoodQuality>,
    /// Placed by t-SNE; empty where there are too few points.
    pub tsne: Vec<[f32; 2]>,
    /// The Kullback-Leibler divergence of [`Projected::tsne`], nats.
    pub kl_divergence: f64,
    /// How [`Projected::tsne`] treats neighbours.
    pub tsne_quality: Option<NeighbourhoodQuality>,
    /// How well classes are apart in the features; none unless there are two with several points.
    pub silhouette: Option<f64>,
}

impl Analysis {
    /// Projects the snapshots of a run.
    #[must_use]
    pub fn of(run: &Run, options: &AnalysisOptions) -> Self {
        let mut analysis = Self::default();
        let spread = || {
            spread_with_ends(run.snapshot_epochs.len(), options.snapshots)
                .into_iter()
                .map(|place| run.snapshot_epochs[place])
                .collect()
        };
        for epoch in options.epochs.clone().unwrap_or_else(spread) {
            let projected =
                run.snapshot(epoch).map_err(|error| error.to_string()).and_then(|snapshot| {
                    project(&snapshot, options).map_err(|error| error.to_string())
                });
            match projected {
                Ok(projected) => {
                    if projected.left_out > 0 {
                        analysis.problems.push(format!(
                            "snapshot of epoch {epoch}: {} of {} pictures have features that are \
                             no numbers or beyond all bounds, and are left out",
                            projected.left_out, projected.of
                        ));
                    }
                    analysis.projections.push(projected);
                }
                Err(error) => analysis.problems.push(format!("snapshot of epoch {epoch}: {error}")),
            }
        }
        analysis
    }
}

/// `limit` of `count` positions with both ends among them.
fn spread_with_ends(count: usize, limit: usize) -> Vec<usize> {
    match (count, limit) {
        (_, 0) | (0, _) => Vec::new(),
        (_, 1) => vec![count - 1],
        _ if count <= limit => (0..count).collect(),
        _ => (0..limit).map(|place| place * (count - 1) / (limit - 1)).collect(),
    }
}

fn project(whole: &Snapshot, options: &AnalysisOptions) -> Result<Projected, ProjectionError> {
    let usable: Vec<usize> = (0..whole.len())
        .filter(|row| features(whole, *row).iter().all(|value| is_projectable(*value)))
        .collect();
    let rows: Vec<usize> = evenly_spread(usable.len(), options.points)
        .into_iter()
        .map(|place| usable[place])
        .collect();
    let snapshot = Snapshot {
        epoch: whole.epoch,
        features: rows.iter().flat_map(|row| features(whole, *row)).copied().collect(),
        width: whole.width,
        labels: rows.iter().map(|row| whole.labels[*row]).collect(),
        answers: rows.iter().map(|row| whole.answers[*row]).collect(),
        confidences: rows.iter().map(|row| whole.confidences[*row]).collect(),
        names: rows.iter().map(|row| whole.names[*row].clone()).collect(),
    };
    let points = Points::new(&snapshot.features, snapshot.width)?;
    let components = pca(points, snapshot.width.min(2))?;
    let along = |row: &[f64], axis: usize| row.get(axis).map_or(0.0, |value| *value as f32);
    let flat: Vec<[f32; 2]> =
        components.projected.iter().map(|row| [along(row, 0), along(row, 1)]).collect();
    let share = |axis: usize| components.explained_variance_ratio.get(axis).copied().unwrap_or(0.0);
    let perplexity = options.tsne.perplexity.min((rows.len() as f64 - 1.0) / 3.0);
    let placed = if perplexity > 1.0 && rows.len() >= 4 {
        Some(Tsne { perplexity, ..options.tsne.clone() }.fit(points)?)
    } else {
        None
    };
    let quality = |placed: &[[f32; 2]]| {
        let projection = Points::new(placed.as_flattened(), 2).ok()?;
        neighbourhood(points, projection, NEIGHBOURS.min((rows.len().max(1) - 1) / 2)).ok()
    };
    Ok(Projected {
        of: whole.len(),
        left_out: whole.len() - usable.len(),
        pca_quality: quality(&flat),
        pca: flat,
        explained: [share(0), share(1)],
        tsne_quality: placed.as_ref().and_then(|placed| quality(&placed.points)),
        kl_divergence: placed.as_ref().map_or(f64::NAN, |placed| placed.kl_divergence),
        tsne: placed.map(|placed| placed.points).unwrap_or_default(),
        silhouette: class_silhouette(&snapshot),
        snapshot,
    })
}

fn features(snapshot: &Snapshot, row: usize) -> &[f32] {
    &snapshot.features[row * snapshot.width..(row + 1) * snapshot.width]
}

fn class_silhouette(snapshot: &Snapshot) -> Option<f64> {
    let labelled: Vec<(usize, usize)> = snapshot
        .labels
        .iter()
        .enumerate()
        .filter_map(|(row, label)| Some((row, (*label)?)))
        .collect();
    let kept = evenly_spread(labelled.len(), SILHOUETTE_POINTS);
    let labels: Vec<usize> = kept.iter().map(|place| labelled[*place].1).collect();
    let values: Vec<f32> =
        kept.iter().flat_map(|place| features(snapshot, labelled[*place].0)).copied().collect();
    silhouette(Points::new(&values, snapshot.width).ok()?, &labels).ok()
}

/// Charts of the quantities by epoch that the runs have: loss, scores, learning rate, and whatever
/// else their tasks wrote.
#[must_use]
pub fn charts(runs: &[&Run]) -> Vec<Chart> {
    const NOT_DRAWN: [&str; 4] = ["pictures", "seconds", "images_per_second", "step"];
    const FIRST: [&str; 5] = ["loss", "accuracy", "top5", "miou", "learning_rate"];
    let mut keys: Vec<&str> = FIRST.to_vec();
    let written = runs.iter().flat_map(|run| &run.epochs).flat_map(|line| line.values.keys());
    let mut others: Vec<&str> = written
        .map(String::as_str)
        .filter(|key| !FIRST.contains(key) && !NOT_DRAWN.contains(key))
        .collect();
    others.sort_unstable();
    others.dedup();
    keys.extend(others.into_iter().take(12));
    keys.into_iter().filter_map(|key| chart(runs, key)).collect()
}

fn chart(runs: &[&Run], key: &str) -> Option<Chart> {
    let mut lines = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        for (order, split) in ["val", "train", "test"].into_iter().enumerate() {
            let points: Vec<(f64, f64)> = run
                .split(split)
                .filter_map(|line| Some((f64::from(line.epoch), *line.values.get(key)?)))
                .collect();
            if points.is_empty() {
                continue;
            }
            let (name, colour) = if runs.len() > 1 {
                (format!("{}, {split}", run.name), place)
            } else {
                (split.to_owned(), order)
            };
            lines.push(Curve { name, points, colour, dashed: split == "train" });
        }
    }
    let values = || lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    if lines.is_empty() {
        return None;
    }
    let is_share = ["accuracy", "top5", "iou", "precision", "recall", "f1", "knn"]
        .iter()
        .any(|part| key.contains(part))
        && values().all(|value| value.is_nan() || value.abs() <= 1.0);
    let unit = match key {
        "learning_rate" if values().all(|value| value > 0.0) => Unit::Logarithmic,
        _ if is_share => Unit::Share,
        _ => Unit::Number,
    };
    Some(Chart { title: quantity(key), unit, curves: lines })
}

/// A quantity's name in words.
pub(crate) fn quantity(key: &str) -> String {
    match key {
        "loss" => "Loss".into(),
        "top5" => "Top-5 accuracy".into(),
        "miou" => "Mean IoU".into(),
        "f1" => "F1".into(),
        "iou" => "IoU".into(),
        "psnr" => "PSNR".into(),
        "ssim" => "SSIM".into(),
        "ciede2000" => "CIEDE2000".into(),
        "knn" => "Accuracy of nearest neighbours".into(),
        "embedding_std" => "Spread of the projections".into(),
        other => {
            let words = other.replace('_', " ");
            let mut letters = words.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect())
                .unwrap_or_default()
        }
    }
}

/// A quantity's value with its unit.
pub(crate) fn scored(key: &str, value: f64) -> String {
    match key {
        "psnr" => format!("{value:.2} dB"),
        "ssim" | "embedding_std" => format!("{value:.3}"),
        "ciede2000" => format!("{value:.2}"),
        key if key.contains("loss") => format!("{value:.4}"),
        _ => format!("{:.2} %", value * 100.0),
    }
}

/// The names of the classes: those of `run.json`, or else those of the metrics.
pub(crate) fn class_names(run: &Run) -> Vec<String> {
    if !run.info.classes.is_empty() {
        return run.info.classes.clone();
    }
    let names = run.by_class().map(|line| line.classes.iter().map(|class| class.class.clone()));
    names.map(Iterator::collect).unwrap_or_default()
}

/// The mistakes of the latest snapshot: where probabilities were kept, the surest first.
pub(crate) fn worst_mistakes(
    run: &Run,
    analysis: &Analysis,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Vec<Mistake> {
    let Some(snapshot) = analysis.projections.last().map(|projected| &projected.snapshot) else {
        return Vec::new();
    };
    let classes = class_names(run);
    let mut wrong: Vec<(usize, usize, usize)> = (0..snapshot.len())
        .filter_map(|row| Some((row, snapshot.labels[row]?, snapshot.answers[row]?)))
        .filter(|(_, truth, answer)| truth != answer)
        .collect();
    let sureness = |row: usize| snapshot.confidences[row].unwrap_or(0.0);
    wrong.sort_by(|a, b| sureness(b.0).total_cmp(&sureness(a.0)).then(a.0.cmp(&b.0)));
    let name =
        |class: usize| classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
    wrong
        .into_iter()
        .take(MOST_MISTAKES)
        .map(|(row, truth, answer)| Mistake {
            picture: snapshot.names[row].clone(),
            truth: name(truth),
            answer: name(answer),
            confidence: snapshot.confidences[row].map(f64::from),
            image: picture(&snapshot.names[row]),
        })
        .collect()
}

/// A line of numbers that backs a projection.
pub(crate) fn note(quality: Option<NeighbourhoodQuality>, divergence: Option<f64>) -> String {
    let mut parts = Vec::new();
    if let Some(divergence) = divergence.filter(|value| value.is_finite()) {
        parts.push(format!("KL {divergence:.2}"));
    }
    if let Some(quality) = quality {
        parts.push(format!("trustworthiness {:.3}", quality.trustworthiness));
        parts.push(format!("neighbours kept {:.0} %", quality.preservation * 100.0));
    }
    parts.join(", ")
}

/// All figures of a run with the names of their files: what `figures/` holds.
#[must_use]
pub fn figures(
    run: &Run,
    analysis: &Analysis,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Vec<(String, Figure)> {
    let classes = class_names(run);
    let mut all = run_figures(run, analysis, &classes, picture);
    all.extend(class_figures(run, &classes));
    let mut all: Vec<(String, Figure)> =
        all.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect();
    all.extend(analysis.galleries.iter().map(|shown| (shown.name.clone(), gallery(shown))));
    all
}

/// Whether the latest snapshot has answers that could be mistaken.
pub(crate) fn answers(analysis: &Analysis) -> bool {
    let last = analysis.projections.last();
    last.is_some_and(|last| last.snapshot.answers.iter().any(Option::is_some))
}

fn run_figures(
    run: &Run,
    analysis: &Analysis,
    classes: &[String],
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Vec<(&'static str, Figure)> {
    let mut all = Vec::new();
    if !run.epochs.is_empty() {
        all.push(("curves", curves(&run.name, &charts(&[run]))));
    }
    if !analysis.projections.is_empty() {
        let rows: Vec<Vec<Panel<'_>>> = analysis.projections.iter().map(panels).collect();
        all.push(("projections", scatter(&format!("{}: features", run.name), &rows, classes)));
        if answers(analysis) {
            all.push(("mistakes", mistakes("Mistakes", &worst_mistakes(run, analysis, picture))));
        }
    }
    all
}

fn class_figures(run: &Run, classes: &[String]) -> Vec<(&'static str, Figure)> {
    let mut all = Vec::new();
    if let Some(line) = run.by_class() {
        let place = format!("{}, epoch {}", line.split, line.epoch);
        if !line.confusion.is_empty() {
            let matrix = Confusion::new(classes.len(), &line.confusion);
            all.push(("confusion", confusion(&format!("Confusion, {place}"), &matrix, classes)));
        }
        let key = if line.classes.iter().any(|class| class.values.contains_key("iou")) {
            "iou"
        } else {
            "f1"
        };
        let mut by_value: Vec<Bar> = line
            .classes
            .iter()
            .map(|class| Bar {
                name: class.class.clone(),
                value: class.value(key),
                note: class
                    .value("support")
                    .map_or(String::new(), |support| format!("of {support}")),
            })
            .collect();
        by_value.sort_by(|a, b| {
            b.value.unwrap_or(-1.0).total_cmp(&a.value.unwrap_or(-1.0)).then(a.name.cmp(&b.name))
        });
        if !by_value.is_empty() {
            let unit = format!("{}, {place}", quantity(key));
            all.push(("classes", bars("Classes", &unit, &by_value)));
        }
    }
    all
}

fn panels(projected: &Projected) -> Vec<Panel<'_>> {
    let snapshot = &projected.snapshot;
    let axis = |place: usize| {
        format!("Component {} ({:.1} % of variance)", place + 1, projected.explained[place] * 100.0)
    };
    let mut panels = vec![Panel {
        title: format!("PCA, epoch {}", snapshot.epoch),
        note: note(projected.pca_quality, None),
        axes: [axis(0), axis(1)],
        measured: true,
        points: &projected.pca,
        labels: &snapshot.labels,
    }];
    if !projected.tsne.is_empty() {
        panels.push(Panel {
            title: format!("t-SNE, epoch {}", snapshot.epoch),
            note: note(projected.tsne_quality, Some(projected.kl_divergence)),
            axes: ["t-SNE 1 (no unit)".into(), "t-SNE 2 (no unit)".into()],
            measured: false,
            points: &projected.tsne,
            labels: &snapshot.labels,
        });
    }
    panels
}
