//! Several runs on one page.

use std::fmt::Write;

use super::{curve_section, page, section, tables};
use crate::analysis::quantity;
use crate::escape::escaped;
use crate::run::Run;

/// Runs of a page; more curves could not be told apart.
const MOST_RUNS: usize = 100;

/// The page that compares runs: the table of the experiments, and their curves on the same axes.
#[must_use]
pub fn compare(runs: &[Run]) -> String {
    let runs: Vec<&Run> = runs.iter().take(MOST_RUNS).collect();
    let header = format!(
        "<header><p class=\"kind\">Comparison</p><h1>{} runs</h1><p class=\"lead\">{}</p></header>",
        runs.len(),
        escaped(&runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", "))
    );
    let sections = [
        section("experiments", "Experiments", table(&runs)),
        section("curves", "Curves", curve_section(&runs)),
        section("differences", "Differences", differences(&runs)),
    ];
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
            Some((key, _, value)) if key == "loss" => {
                (quantity(&key), format!("{value:.4}"), value)
            }
            Some((key, _, value)) => (quantity(&key), format!("{:.2} %", value * 100.0), value),
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
