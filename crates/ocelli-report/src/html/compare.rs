//! Several runs on one page.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{curve_section, galleries, page, section, tables};
use crate::analysis::{quantity, scored};
use crate::escape::escaped;
use crate::figure::Gallery;
use crate::run::{EpochMetrics, Run};

/// Runs of a page; more curves could not be told apart.
const MOST_RUNS: usize = 100;
/// Classes that get a row.
const MOST_CLASSES: usize = 1000;

/// The page that compares runs: the table of the experiments, how each class fared in each, their curves
/// on the same axes, and `galleries` of what they made of the same pictures.
#[must_use]
pub fn compare(runs: &[Run], galleries: &[Gallery]) -> String {
    let runs: Vec<&Run> = runs.iter().take(MOST_RUNS).collect();
    let header = format!(
        "<header><p class=\"kind\">Comparison</p><h1>{} runs</h1><p class=\"lead\">{}</p></header>",
        runs.len(),
        escaped(&runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", "))
    );
    let mut sections = vec![
        section("experiments", "Experiments", table(&runs)),
        section("classes", "Classes", by_class(&runs)),
        section("curves", "Curves", curve_section(&runs)),
    ];
    sections.extend(galleries::sections(galleries));
    sections.push(section("differences", "Differences", differences(&runs)));
    page("Comparison of runs", &header, &sections)
}

fn table(runs: &[&Run]) -> String {
    let mut out = String::from(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Experiments, scrolls\">\
         <table class=\"sortable\"><thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Network</th>\
         <th scope=\"col\">Loss</th><th scope=\"col\">Optimizer</th>\
         <th scope=\"col\" class=\"number\">Learning rate</th><th scope=\"col\" class=\"number\">Epochs</th>\
         <th scope=\"col\">Score</th><th scope=\"col\" class=\"number\">Best</th>\
         <th scope=\"col\" class=\"number\">Time</th></tr></thead><tbody>",
    );
    for run in runs {
        let setting = |key: &str| run.setting(key).unwrap_or_else(|| "–".into());
        let loss = run.setting("train.loss.name").unwrap_or_else(|| setting("train.loss"));
        let epochs = run.epochs.iter().map(|line| line.epoch).max().unwrap_or(0);
        let (score, best, order) = match run.best() {
            Some((key, _, value)) => (quantity(&key), scored(&key, value), value),
            None => ("–".into(), "–".into(), -1.0),
        };
        let seconds: f64 = run.epochs.iter().filter_map(|line| line.value("seconds")).sum();
        let rate = setting("optimizer.lr");
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"number\" data-value=\"{}\">{}</td>\
             <td class=\"number\" data-value=\"{epochs}\">{epochs}</td><td>{}</td>\
             <td class=\"number\" data-value=\"{order}\">{best}</td>\
             <td class=\"number\" data-value=\"{seconds}\">{}</td></tr>",
            escaped(&run.name),
            escaped(&setting("model.name")),
            escaped(&loss),
            escaped(&setting("optimizer.name")),
            escaped(&rate),
            escaped(&rate),
            escaped(&score),
            tables::duration(seconds),
        );
    }
    out + "</tbody></table></div>"
}

/// A row for each class that any run has, by the score that all of them give classes: IoU, or else F1.
fn by_class(runs: &[&Run]) -> String {
    let lines: Vec<_> = runs.iter().filter_map(|run| Some((*run, run.by_class()?))).collect();
    let has = |key: &str| {
        let given =
            |line: &EpochMetrics| line.classes.iter().any(|class| class.values.contains_key(key));
        lines.len() > 1 && lines.iter().all(|(_, line)| given(line))
    };
    let Some(key) = ["iou", "f1"].into_iter().find(|key| has(key)) else { return String::new() };
    let mut names: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for class in lines.iter().flat_map(|(_, line)| &line.classes) {
        if seen.insert(class.class.as_str()) && names.len() < MOST_CLASSES {
            names.push(&class.class);
        }
    }
    let mut out = format!(
        "<p class=\"note\">{} by class, at each run's latest measurement.</p>\
         <div class=\"wide tall\" tabindex=\"0\" role=\"group\" aria-label=\"Classes, scrolls\">\
         <table class=\"sortable\"><thead><tr><th scope=\"col\">Class</th>",
        quantity(key)
    );
    for (run, _) in &lines {
        let _ = write!(out, "<th scope=\"col\" class=\"number\">{}</th>", escaped(&run.name));
    }
    out.push_str("</tr></thead><tbody>");
    for name in names {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(name));
        for (_, line) in &lines {
            let class = line.classes.iter().find(|class| class.class == name);
            out.push_str(&tables::share_cell(class.and_then(|class| class.value(key))));
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>"
}

/// The recipe's values that are not the same in all runs.
fn differences(runs: &[&Run]) -> String {
    let recipes: Vec<Vec<(String, String)>> = runs
        .iter()
        .map(|run| {
            let mut settings = Vec::new();
            flatten("", &run.recipe, &mut settings);
            settings
        })
        .collect();
    let mut keys: Vec<&String> = recipes.iter().flatten().map(|setting| &setting.0).collect();
    keys.sort();
    keys.dedup();
    let value = |recipe: &[(String, String)], key: &str| {
        recipe
            .iter()
            .find(|setting| setting.0 == key)
            .map_or("–".to_owned(), |setting| setting.1.clone())
    };
    let mut rows = String::new();
    for key in keys {
        let values: Vec<String> = recipes.iter().map(|recipe| value(recipe, key)).collect();
        if values.iter().all(|value| value == &values[0]) {
            continue;
        }
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th>", escaped(key));
        for value in values {
            let _ = write!(rows, "<td>{}</td>", escaped(&value));
        }
        rows.push_str("</tr>");
    }
    if rows.is_empty() {
        return "<p class=\"note\">The recipes are the same.</p>".into();
    }
    let mut out = String::from(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Differences, scrolls\"><table><thead><tr>\
         <th scope=\"col\">Recipe key</th>",
    );
    for run in runs {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(&run.name));
    }
    out + "</tr></thead><tbody>" + &rows + "</tbody></table></div>"
}

fn flatten(prefix: &str, table: &toml::Table, out: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, out),
            toml::Value::String(text) => out.push((name, text.clone())),
            other => out.push((name, other.to_string())),
        }
    }
}
