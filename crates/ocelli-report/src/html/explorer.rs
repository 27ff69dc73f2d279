//! The scatter that one can move in: its frame, and the data that the script draws.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::analysis::{Analysis, Projected, note};
use crate::escape::{escaped, script_json};
use crate::figure::{Shape, class_style};
use crate::picture::data_uri;
use crate::run::Run;

use super::common_folder;

pub(super) fn explorer(
    run: &Run,
    analysis: &Analysis,
    classes: &[String],
    picture_bytes: usize,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> String {
    let task = run.setting("task").unwrap_or_default();
    if analysis.projections.is_empty() && ["segment", "colorize"].contains(&task.as_str()) {
        // Their snapshots are pictures.
        return String::new();
    }
    if analysis.projections.is_empty() {
        return "<p class=\"note\">No features were kept: name epochs under <code>train.snapshots</code> \
                in the recipe, or wait for the first of them.</p>"
            .into();
    }
    let styles: Vec<Value> = (0..classes.len())
        .map(|class| {
            let (ink, shape) = class_style(class, classes.len());
            let shape = Shape::ALL.iter().position(|other| *other == shape).unwrap_or(0);
            json!([ink.css(), shape])
        })
        .collect();
    let all: Vec<String> = analysis
        .projections
        .iter()
        .flat_map(|projected| projected.snapshot.names.iter().cloned())
        .collect();
    let common = common_folder(&all);
    let data = json!({
        "run": run.name,
        "classes": classes,
        "styles": styles,
        "snapshots": analysis.projections.iter().map(|shown| snapshot(shown, common))
            .collect::<Vec<_>>(),
        "pictures": pictures(analysis, picture_bytes, common, picture),
    });
    let first = &analysis.projections[0];
    let more = if first.of > first.snapshot.len() {
        format!(" {} of {} pictures are shown.", first.snapshot.len(), first.of)
    } else {
        String::new()
    };
    format!(
        "<p class=\"note\">Each point is a picture, placed by its penultimate features.{more} \
         Choose one to see it: click, tap, or focus the plot and use the arrow keys; \
         <kbd>+</kbd> and <kbd>−</kbd> zoom, <kbd>0</kbd> shows all.</p>\
         <div class=\"explorer\" id=\"explorer\">\
         <div class=\"controls\" role=\"group\" aria-label=\"What is shown\">\
         <span class=\"switch\" id=\"method\" role=\"group\" aria-label=\"Projection\"></span>\
         <span class=\"switch\" id=\"epoch\" role=\"group\" aria-label=\"Epoch\"></span>\
         <span class=\"switch\"><button type=\"button\" id=\"zoom-in\" aria-label=\"Zoom in\">+</button>\
         <button type=\"button\" id=\"zoom-out\" aria-label=\"Zoom out\">−</button>\
         <button type=\"button\" id=\"zoom-all\">All</button></span>\
         <label class=\"check\"><input type=\"checkbox\" id=\"wrong\"> Mistakes only</label></div>\
         <div class=\"plot\"><canvas id=\"scatter\" tabindex=\"0\" role=\"application\" \
         aria-roledescription=\"scatter plot\" aria-label=\"{label}\" aria-describedby=\"numbers\"></canvas>\
         <p class=\"numbers\" id=\"numbers\"></p></div>\
         <aside class=\"side\"><div class=\"detail\" id=\"detail\" aria-live=\"polite\">\
         <p class=\"note\">No picture chosen.</p></div>\
         <div class=\"filter\"><label for=\"search\">Classes</label>\
         <span class=\"row\"><input id=\"search\" type=\"search\" placeholder=\"Find a class\" autocomplete=\"off\">\
         <button type=\"button\" id=\"everything\">All</button></span>\
         <ul id=\"legend\" aria-label=\"Classes shown\"></ul></div></aside></div>\
         <noscript><p class=\"note\">The plot needs scripts; figures/projections.svg shows the same.</p></noscript>\
         <script type=\"application/json\" id=\"data\">{data}</script>",
        label = escaped(&format!(
            "Scatter plot of {} pictures in {} classes. Arrow keys move from point to point.",
            first.snapshot.len(),
            classes.len()
        )),
        data = script_json(&data),
    )
}

/// A name without the folders that all have in common.
fn short(name: &str, common: usize) -> &str {
    name.get(common..).unwrap_or(name)
}

fn snapshot(projected: &Projected, common: usize) -> Value {
    let snapshot = &projected.snapshot;
    let place =
        |class: &Option<usize>| class.map_or(-1, |class| i64::try_from(class).unwrap_or(-1));
    let percent = |axis: usize| format!("{:.1} %", projected.explained[axis] * 100.0);
    let classes = projected
        .silhouette
        .map_or(String::new(), |value| format!(", silhouette of the classes {value:.3}"));
    let pca_note = format!(
        "PCA: {} and {} of variance, {}{classes}",
        percent(0),
        percent(1),
        note(projected.pca_quality, None)
    );
    let tsne_note =
        format!("t-SNE: {}{classes}", note(projected.tsne_quality, Some(projected.kl_divergence)));
    json!({
        "epoch": snapshot.epoch,
        "names": snapshot.names.iter().map(|name| short(name, common)).collect::<Vec<_>>(),
        "labels": snapshot.labels.iter().map(place).collect::<Vec<_>>(),
        "answers": snapshot.answers.iter().map(place).collect::<Vec<_>>(),
        "confidences": snapshot.confidences.iter().map(|value| value.map(|value| rounded(value, 4)))
            .collect::<Vec<_>>(),
        "pca": {
            "points": coordinates(&projected.pca),
            "axes": [
                format!("Component 1 ({})", percent(0)),
                format!("Component 2 ({})", percent(1)),
            ],
            "note": pca_note,
        },
        "tsne": {
            "points": coordinates(&projected.tsne),
            "axes": ["t-SNE 1 (no unit)", "t-SNE 2 (no unit)"],
            "note": tsne_note,
        },
    })
}

/// Coordinates one after the other, with the digits that a screen can show.
fn coordinates(points: &[[f32; 2]]) -> Vec<f64> {
    let largest = points.iter().flatten().fold(0.0f32, |most, value| most.max(value.abs()));
    let digits = if largest > 0.0 { (4 - largest.log10().floor() as i32).clamp(0, 12) } else { 0 };
    points.iter().flatten().map(|value| rounded(*value, digits)).collect()
}

fn rounded(value: f32, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    let rounded = (f64::from(value) * scale).round() / scale;
    if rounded.is_finite() { rounded } else { 0.0 }
}

/// Pictures by name, as many as the bytes allow: first those of the latest mistakes, then the
/// others, evenly spread.
fn pictures(
    analysis: &Analysis,
    bytes: usize,
    common: usize,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> BTreeMap<String, String> {
    let mut order: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    let snapshots = || analysis.projections.iter().rev().map(|projected| &projected.snapshot);
    let mut add = |name: &'_ str| !name.is_empty() && seen.insert(name.to_owned());
    for snapshot in snapshots().take(1) {
        for row in 0..snapshot.len() {
            if snapshot.labels[row] != snapshot.answers[row] && add(&snapshot.names[row]) {
                order.push(&snapshot.names[row]);
            }
        }
    }
    for snapshot in snapshots() {
        // Strides of a number that shares no factor with the length visit all, far apart.
        let count = snapshot.len();
        let step =
            (count * 382 / 1000..count.max(2)).find(|step| coprime(*step, count)).unwrap_or(1);
        for place in 0..count {
            let row = (place as u128 * step as u128 % count as u128) as usize;
            if add(&snapshot.names[row]) {
                order.push(&snapshot.names[row]);
            }
        }
    }
    let mut left = bytes;
    let mut kept = BTreeMap::new();
    for name in order {
        let Some(uri) = picture(name).as_deref().and_then(data_uri) else { continue };
        if uri.len() > left {
            break;
        }
        left -= uri.len();
        kept.insert(short(name, common).to_owned(), uri);
    }
    kept
}

fn coprime(a: usize, b: usize) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}
