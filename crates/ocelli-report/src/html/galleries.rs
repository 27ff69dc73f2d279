//! Galleries in a page.

use std::fmt::Write;

use super::{Section, section};
use crate::escape::escaped;
use crate::figure::Gallery;
use crate::picture::data_uri;

/// A section for each gallery that has pictures.
pub(super) fn sections(galleries: &[Gallery]) -> impl Iterator<Item = Section> {
    let shown = galleries.iter().filter(|gallery| !gallery.groups.is_empty());
    shown.map(|gallery| section(gallery.name.clone(), gallery.title.clone(), body(gallery)))
}

fn body(gallery: &Gallery) -> String {
    let mut out = String::new();
    if !gallery.note.is_empty() {
        let _ = write!(out, "<p class=\"note\">{}</p>", escaped(&gallery.note));
    }
    if !gallery.legend.is_empty() {
        out.push_str("<ul class=\"swatches\" aria-label=\"Colours\">");
        for entry in &gallery.legend {
            let [red, green, blue] = entry.color;
            let _ = write!(
                out,
                "<li><span class=\"swatch\" style=\"background:rgb({red} {green} {blue})\"></span>{}</li>",
                escaped(&entry.name)
            );
        }
        out.push_str("</ul>");
    }
    let longest = gallery.groups.iter().map(|group| group.pictures.len()).max().unwrap_or(1);
    let _ = write!(out, "<ul class=\"gallery\" style=\"--longest:{longest}\">");
    for group in &gallery.groups {
        let _ = write!(
            out,
            "<li><h3>{}</h3><div class=\"tiles\" style=\"--tiles:{}\">",
            escaped(&group.label),
            group.pictures.len()
        );
        for picture in &group.pictures {
            out.push_str("<figure>");
            match data_uri(&picture.image) {
                Some(uri) => {
                    let alternative = escaped(&picture.alternative);
                    let _ = write!(out, "<img src=\"{uri}\" alt=\"{alternative}\">");
                }
                None => out.push_str("<span class=\"empty\">no picture</span>"),
            }
            let _ = write!(out, "<figcaption>{}</figcaption></figure>", escaped(&picture.caption));
        }
        out.push_str("</div></li>");
    }
    out + "</ul>"
}
