//! Tables, and numbers as people read them.

use std::fmt::Write;

use crate::analysis::quantity;
use crate::escape::escaped;
use crate::run::{ClassMetrics, Run};

/// A whole number in groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Seconds in the two largest units.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60) {
        (0, 0, 0, _) => format!("{seconds:.1} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

/// A row for each class, to be sorted by any column.
pub(super) fn classes(classes: &[ClassMetrics], most: usize) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let columns: Vec<&str> = ["precision", "recall", "f1", "iou", "accuracy", "support"]
        .into_iter()
        .filter(|column| classes.iter().any(|class| class.values.contains_key(*column)))
        .collect();
    let mut out = String::from(
        "<div class=\"wide tall\" tabindex=\"0\" role=\"group\" aria-label=\"Classes, scrolls\">\
         <table class=\"sortable\"><thead><tr><th scope=\"col\">Class</th>",
    );
    for column in &columns {
        let title = if *column == "support" { "Pictures".into() } else { quantity(column) };
        let _ = write!(out, "<th scope=\"col\" class=\"number\">{title}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for class in classes.iter().take(most) {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&class.class));
        for column in &columns {
            match class.value(column) {
                Some(value) if *column == "support" => {
                    let _ = write!(out, "<td class=\"number\" data-value=\"{value}\">{value}</td>");
                }
                value => out.push_str(&share_cell(value)),
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    if classes.len() > most {
        let _ = write!(out, "<p class=\"note\">The first {most} of {} classes.</p>", classes.len());
    }
    out
}

/// A cell with a share from 0 to 1, and a line as long.
pub(super) fn share_cell(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "<td class=\"number\" data-value=\"-1\">–</td>".to_owned();
    };
    let percent = value.clamp(0.0, 1.0) * 100.0;
    format!(
        "<td class=\"number share\" data-value=\"{value}\" style=\"--share:{percent:.1}%\">{:.1} %</td>",
        value * 100.0
    )
}

/// What the run was made with.
pub(super) fn environment(run: &Run) -> String {
    let info = &run.info;
    let text = |value: &Option<String>| value.clone();
    let rows: Vec<(&str, Option<String>)> = vec![
        ("Ocelli", text(&info.version)),
        ("Commit", text(&info.commit)),
        ("Device", text(&info.device)),
        ("Threads", info.threads.map(|threads| threads.to_string())),
        ("Instruction set", text(&info.isa)),
        (
            "Exact convolution",
            info.exact_convolution.map(|exact| if exact { "yes" } else { "no" }.into()),
        ),
        ("Seed", info.seed.map(|seed| seed.to_string())),
        ("Data fingerprint", text(&info.data_fingerprint)),
        ("Pictures left out", (run.broken_pictures > 0).then(|| run.broken_pictures.to_string())),
        ("Started", text(&info.started)),
        ("Resumed", (!info.resumed.is_empty()).then(|| info.resumed.join(", "))),
        ("Ended", text(&info.ended)),
    ];
    let mut out = String::from("<dl class=\"environment\">");
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
        }
    }
    out + "</dl>"
}
