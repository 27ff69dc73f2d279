//! Pages that are one file: style, script, data and pictures inside, nothing from the network.

mod compare;
mod explorer;
mod galleries;
mod tables;

use std::fmt::Write;

use crate::analysis::{Analysis, answers, charts, class_names, quantity, scored, worst_mistakes};
use crate::escape::escaped;
use crate::figure::{Confusion, MOST_CURVES, Theme, confusion, css_variables, single_chart};
use crate::picture::data_uri;
use crate::run::Run;

pub use compare::compare;

/// How large a page may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOptions {
    /// Bytes of all pictures in the page together. Where that isn't enough for every point, mistakes
    /// come first.
    pub picture_bytes: usize,
    /// Bytes of one picture; larger ones are left out.
    pub largest_picture: usize,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self { picture_bytes: 6 << 20, largest_picture: 64 << 10 }
    }
}

/// Classes that get a row in the page's table.
const MOST_CLASSES: usize = 2000;

/// The page of one run. `picture` gives a small PNG, JPEG, GIF or WebP by the picture's name in the
/// snapshot, or nothing.
#[must_use]
pub fn report(
    run: &Run,
    analysis: &Analysis,
    options: &PageOptions,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> String {
    let classes = class_names(run);
    let small = |name: &str| picture(name).filter(|bytes| bytes.len() <= options.largest_picture);
    let mut sections = vec![
        section("curves", "Curves", curve_section(&[run])),
        section(
            "features",
            "Features",
            explorer::explorer(run, analysis, &classes, options.picture_bytes, &small),
        ),
        section("mistakes", "Mistakes", mistake_section(run, analysis, &small)),
    ];
    sections.extend(galleries::sections(&analysis.galleries));
    if let Some(line) = run.by_class() {
        let note = format!(
            "<p class=\"note\">{} pictures, epoch {}.</p>",
            escaped(&split_name(&line.split)),
            line.epoch
        );
        let table = tables::classes(&line.classes, MOST_CLASSES);
        sections.push(section("classes", "Classes", note.clone() + &table));
        sections.push(section("confusion", "Confusion", note + &confusion_section(line, &classes)));
    }
    let recipe = run.recipe_text.as_deref().map_or(
        "<p class=\"note\">There is no recipe.toml in the folder.</p>".to_owned(),
        |text| format!("<pre tabindex=\"0\" aria-label=\"recipe.toml\">{}</pre>", escaped(text)),
    );
    sections.push(section("recipe", "Recipe", recipe));
    sections.push(section("environment", "Environment", tables::environment(run)));
    let problems: Vec<&String> = run.problems.iter().chain(&analysis.problems).collect();
    page(&run.name, &header(run, &problems), &sections)
}

/// A part of a page that isn't empty.
struct Section {
    anchor: String,
    title: String,
    body: String,
}

fn section(anchor: impl Into<String>, title: impl Into<String>, body: String) -> Section {
    Section { anchor: anchor.into(), title: title.into(), body }
}

fn page(title: &str, header: &str, sections: &[Section]) -> String {
    let shown = || sections.iter().filter(|section| !section.body.is_empty());
    let mut links = String::new();
    let mut body = String::new();
    for Section { anchor, title, body: content } in shown() {
        let (anchor, title) = (escaped(anchor), escaped(title));
        let _ = write!(links, "<a href=\"#{anchor}\">{title}</a>");
        let _ = write!(
            body,
            "<section id=\"{anchor}\" aria-labelledby=\"{anchor}-title\">\
             <h2 id=\"{anchor}-title\">{title}</h2>{content}</section>"
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>:root{{{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{css}</style>\n</head>\n\
         <body>\n<a class=\"skip\" href=\"#main\">Skip to content</a>\n<div class=\"page\">\n\
         {header}<nav aria-label=\"Sections\">{links}</nav>\n<main id=\"main\">{body}</main>\n\
         <footer>Made by Ocelli {version} from the run folder.</footer>\n</div>\n\
         <script>{script}</script>\n</body>\n</html>\n",
        title = escaped(title),
        light = css_variables(Theme::Light),
        dark = css_variables(Theme::Dark),
        css = include_str!("html/report.css"),
        script = include_str!("html/report.js"),
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn header(run: &Run, problems: &[&String]) -> String {
    let status = run.info.status.as_deref().unwrap_or("unknown");
    let words = match status {
        "stopped_early" => "stopped early",
        "running" => "running, or was killed",
        other => other,
    };
    let done = run.epochs.iter().map(|line| line.epoch).max().unwrap_or(0);
    let mut facts: Vec<(String, String, String)> = Vec::new();
    if let Some((key, epoch, value)) = run.best() {
        facts.push((
            format!("Best {}", in_a_sentence(&quantity(&key))),
            scored(&key, value),
            format!("validation, epoch {epoch}"),
        ));
    }
    let last_loss =
        run.split("val").chain(run.split("train")).filter(|line| line.value("loss").is_some());
    if let Some(line) = last_loss.max_by_key(|line| (line.epoch, line.split == "val")) {
        let loss = line.value("loss").unwrap_or(f64::NAN);
        facts.push((
            "Last loss".into(),
            format!("{loss:.4}"),
            format!("{}, epoch {}", split_name(&line.split).to_lowercase(), line.epoch),
        ));
    }
    let of = run.setting("train.epochs").map_or(String::new(), |epochs| format!("of {epochs}"));
    facts.push(("Epochs".into(), done.to_string(), of));
    if let Some(parameters) = run.info.parameters {
        facts.push((
            "Parameters".into(),
            tables::grouped(parameters),
            run.setting("model.name").unwrap_or_default(),
        ));
    }
    let pictures = run.info.pictures;
    if pictures.train + pictures.val + pictures.test > 0 {
        let rest = format!("for training, {} for validation", tables::grouped(pictures.val));
        facts.push(("Pictures".into(), tables::grouped(pictures.train), rest));
    }
    let seconds: f64 = run.epochs.iter().filter_map(|line| line.value("seconds")).sum();
    if seconds > 0.0 {
        facts.push(("Time".into(), tables::duration(seconds), "training and validation".into()));
    }
    let mut out = format!(
        "<header><p class=\"kind\">Training report</p><h1>{} <span class=\"status {}\">{}</span></h1>\
         <p class=\"lead\">{}</p>",
        escaped(&run.name),
        if ["finished", "running", "stopped", "failed", "stopped_early"].contains(&status) {
            status
        } else {
            "unknown"
        },
        escaped(words),
        escaped(&lead(run)),
    );
    if !problems.is_empty() {
        out.push_str(
            "<div class=\"problems\" role=\"note\"><h2>Not everything could be read</h2><ul>",
        );
        for problem in problems {
            let _ = write!(out, "<li>{}</li>", escaped(problem));
        }
        out.push_str("</ul></div>");
    }
    out.push_str("<dl class=\"facts\">");
    for (name, value, rest) in &facts {
        let _ = write!(
            out,
            "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>",
            escaped(name),
            escaped(value),
            escaped(rest)
        );
    }
    out + "</dl></header>"
}

/// A quantity's name within a sentence: abbreviations stay as they are.
fn in_a_sentence(quantity: &str) -> String {
    let mut letters = quantity.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().collect::<String>() + &quantity[first.len_utf8()..]
        }
        _ => quantity.to_owned(),
    }
}

/// Model, data and how it was trained, in a line.
fn lead(run: &Run) -> String {
    let mut parts = Vec::new();
    parts.extend(run.setting("model.name"));
    if let Some(data) = run.setting("data.train") {
        parts.push(format!("on {data}"));
    }
    if let Some(size) = run.setting("data.size") {
        parts.push(format!("at {size} px"));
    }
    if !run.info.classes.is_empty() {
        parts.push(format!("in {} classes", run.info.classes.len()));
    }
    parts.join(" ")
}

fn split_name(split: &str) -> String {
    match split {
        "train" => "Training".into(),
        "val" => "Validation".into(),
        "test" => "Test".into(),
        other => other.to_owned(),
    }
}

fn curve_section(runs: &[&Run]) -> String {
    let charts = charts(runs);
    if charts.is_empty() {
        return "<p class=\"note\">No epoch is done yet.</p>".into();
    }
    let lines = charts.iter().map(|chart| chart.curves.len()).max().unwrap_or(0);
    let mut out = String::new();
    if lines > MOST_CURVES {
        let _ = write!(
            out,
            "<p class=\"note\">The first {MOST_CURVES} of {lines} lines are drawn.</p>"
        );
    }
    out.push_str("<div class=\"charts\">");
    for chart in &charts {
        let _ = write!(out, "<figure>{}</figure>", single_chart(chart).inline_svg());
    }
    out + "</div>"
}

fn confusion_section(line: &crate::run::EpochMetrics, classes: &[String]) -> String {
    if line.confusion.is_empty() {
        return String::new();
    }
    let matrix = Confusion::new(classes.len(), &line.confusion);
    let figure = confusion("Confusion matrix", &matrix, classes);
    let name = |class: usize| classes.get(class).map_or("?", String::as_str);
    let mut rows = String::new();
    for (truth, answer, pictures) in matrix.most_frequent(10) {
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{pictures}</td></tr>",
            escaped(name(truth)),
            escaped(name(answer))
        );
    }
    let mut out = format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Confusion matrix, scrolls\">{}</div>",
        figure.inline_svg()
    );
    if !rows.is_empty() {
        let _ = write!(
            out,
            "<h3>Taken for each other most often</h3><div class=\"wide\"><table><thead><tr>\
             <th scope=\"col\">True class</th><th scope=\"col\">Answer</th>\
             <th scope=\"col\" class=\"number\">Pictures</th></tr></thead><tbody>{rows}</tbody></table></div>"
        );
    }
    out
}

fn mistake_section(
    run: &Run,
    analysis: &Analysis,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> String {
    let Some(last) = analysis.projections.last().filter(|_| answers(analysis)) else {
        return String::new();
    };
    let mistakes = worst_mistakes(run, analysis, picture);
    let common = common_folder(&last.snapshot.names);
    if mistakes.is_empty() {
        return format!(
            "<p class=\"note\">No mistakes among the pictures kept of epoch {}.</p>",
            last.snapshot.epoch
        );
    }
    let sure = mistakes.iter().any(|mistake| mistake.confidence.is_some());
    let mut out = format!(
        "<p class=\"note\">{} of epoch {}{}.</p><ul class=\"mistakes\">",
        if sure { "The surest mistakes" } else { "Mistakes" },
        last.snapshot.epoch,
        if sure { "" } else { "; how sure the model was of them was not kept" }
    );
    for mistake in &mistakes {
        out.push_str("<li>");
        match mistake.image.as_deref().and_then(data_uri) {
            Some(uri) => {
                let _ = write!(
                    out,
                    "<img src=\"{}\" alt=\"{}\">",
                    escaped(&uri),
                    escaped(mistake.picture.get(common..).unwrap_or(&mistake.picture))
                );
            }
            None => out.push_str("<span class=\"empty\">no picture</span>"),
        }
        let sure = mistake
            .confidence
            .map_or(String::new(), |value| format!(" {:.0}\u{a0}%", value * 100.0));
        let _ = write!(
            out,
            "<span class=\"answer\">{}{sure}</span><span class=\"truth\">is {}</span></li>",
            escaped(&mistake.answer),
            escaped(&mistake.truth)
        );
    }
    out + "</ul>"
}

/// How many bytes of every name are the folders that all have in common: what a page need not say of
/// where pictures lay.
fn common_folder(names: &[String]) -> usize {
    let named = || names.iter().map(String::as_str).filter(|name| !name.is_empty());
    let (Some(least), Some(greatest)) = (named().min(), named().max()) else { return 0 };
    let equal = least.bytes().zip(greatest.bytes()).take_while(|(a, b)| a == b).count();
    // A separator is ASCII, so what follows it begins a character.
    let separator = least.as_bytes()[..equal].iter().rposition(|byte| b"/\\".contains(byte));
    separator.map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests;
