//! Marks as SVG, and SVG as PNG.

use std::collections::BTreeSet;
use std::fmt::Write;

use resvg::{tiny_skia, usvg};

use super::{Anchor, Figure, FigureError, Mark, Shape, Theme, text};
use crate::escape::escaped;

/// Pixels of a PNG: 64 million are 256 MB while it is drawn.
const MOST_PIXELS: f32 = 64e6;

pub(super) fn standalone(figure: &Figure, theme: Theme) -> String {
    let mut glyphs = BTreeSet::new();
    let mut body = String::new();
    for mark in &figure.marks {
        draw(&mut body, mark, &|ink| ink.colour(theme), &mut |out, text| {
            outlined(out, text, theme, &mut glyphs);
        });
    }
    let mut svg = head(figure, "xmlns=\"http://www.w3.org/2000/svg\" ", "");
    svg.push_str("<defs>");
    for glyph in glyphs {
        let _ = write!(svg, "<path id=\"g{glyph}\" d=\"{}\"/>", text::outline(glyph));
    }
    let background = super::Ink::Background.colour(theme);
    let _ = write!(svg, "</defs><rect width=\"100%\" height=\"100%\" fill=\"{background}\"/>");
    svg + &body + "</svg>\n"
}

pub(super) fn inline(figure: &Figure) -> String {
    let mut svg = head(figure, "", " class=\"figure\"");
    for mark in &figure.marks {
        draw(&mut svg, mark, &|ink| ink.css(), &mut |out, mark| {
            let Mark::Text { at: [x, y], size, anchor, ink, turned, text } = mark else { return };
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let turn = if *turned {
                format!(" transform=\"rotate(-90 {x:.1} {y:.1})\"")
            } else {
                String::new()
            };
            let _ = write!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
                 fill=\"{}\"{turn}>{}</text>",
                ink.css(),
                escaped(text)
            );
        });
    }
    svg + "</svg>"
}

fn head(figure: &Figure, namespace: &str, class: &str) -> String {
    let (width, height) = (figure.width.ceil(), figure.height.ceil());
    format!(
        "<svg {namespace}width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\"{class} aria-label=\"{0}. {1}\"><title>{0}</title><desc>{1}</desc>",
        escaped(&figure.title),
        escaped(&figure.description)
    )
}

fn draw(
    out: &mut String,
    mark: &Mark,
    colour: &dyn Fn(super::Ink) -> String,
    text: &mut dyn FnMut(&mut String, &Mark),
) {
    match mark {
        Mark::Rect { x, y, width, height, ink, hint } => {
            let _ = write!(
                out,
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{}\"",
                colour(*ink)
            );
            match hint {
                Some(hint) => {
                    let _ = write!(out, "><title>{}</title></rect>", escaped(hint));
                }
                None => out.push_str("/>"),
            }
        }
        Mark::Line { points, ink, width, dashed } => {
            out.push_str("<path d=\"");
            for (place, [x, y]) in points.iter().enumerate() {
                let _ = write!(out, "{}{x:.2} {y:.2}", if place == 0 { 'M' } else { 'L' });
            }
            let dash = if *dashed { " stroke-dasharray=\"5 4\"" } else { "" };
            let _ = write!(
                out,
                "\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" \
                 stroke-linecap=\"round\"{dash}/>",
                colour(*ink)
            );
        }
        Mark::Symbol { at, size, shape, ink, opacity } => {
            let _ = write!(
                out,
                "<path d=\"{}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
                outline_of(*shape, *at, *size),
                colour(*ink)
            );
        }
        Mark::Text { .. } => text(out, mark),
        Mark::Picture { x, y, size, data_uri, alternative, whole } => {
            let fit = if *whole { "meet" } else { "slice" };
            let _ = write!(
                out,
                "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{size}\" height=\"{size}\" \
                 preserveAspectRatio=\"xMidYMid {fit}\" href=\"{}\"><title>{}</title></image>",
                escaped(data_uri),
                escaped(alternative)
            );
        }
    }
}

/// A shape of about the same area as a circle of the radius `size`.
fn outline_of(shape: Shape, [x, y]: [f32; 2], size: f32) -> String {
    let polygon = |corners: &[(f32, f32)]| {
        let mut data = String::new();
        for (place, (dx, dy)) in corners.iter().enumerate() {
            let command = if place == 0 { 'M' } else { 'L' };
            let _ = write!(data, "{command}{:.2} {:.2}", x + dx * size, y + dy * size);
        }
        data + "Z"
    };
    let bar = |turned: bool| {
        let (long, thin) = (1.25, 0.42);
        let corners = [
            (-long, -thin),
            (-thin, -thin),
            (-thin, -long),
            (thin, -long),
            (thin, -thin),
            (long, -thin),
            (long, thin),
            (thin, thin),
            (thin, long),
            (-thin, long),
            (-thin, thin),
            (-long, thin),
        ];
        let turn = std::f32::consts::FRAC_1_SQRT_2;
        corners.map(|(a, b)| if turned { (turn * (a - b), turn * (a + b)) } else { (a, b) })
    };
    match shape {
        Shape::Circle => format!(
            "M{:.2} {y:.2}a{size:.2} {size:.2} 0 1 0 {:.2} 0a{size:.2} {size:.2} 0 1 0 {:.2} 0Z",
            x - size,
            2.0 * size,
            -2.0 * size
        ),
        Shape::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Shape::Triangle => polygon(&[(0.0, -1.3), (1.15, 0.8), (-1.15, 0.8)]),
        Shape::Diamond => polygon(&[(0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)]),
        Shape::Plus => polygon(&bar(false)),
        Shape::Cross => polygon(&bar(true)),
    }
}

fn outlined(out: &mut String, mark: &Mark, theme: Theme, glyphs: &mut BTreeSet<u16>) {
    let Mark::Text { at: [x, y], size, anchor, ink, turned, text } = mark else { return };
    let (letters, width) = text::place(text);
    let back = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    let turn = if *turned { "rotate(-90)" } else { "" };
    let _ = write!(
        out,
        "<g fill=\"{}\" transform=\"translate({x:.2} {y:.2}){turn}scale({size})\">",
        ink.colour(theme)
    );
    for letter in letters {
        glyphs.insert(letter.glyph);
        let _ = write!(out, "<use href=\"#g{}\" x=\"{:.3}\"/>", letter.glyph, letter.x - back);
    }
    out.push_str("</g>");
}

pub(super) fn png(figure: &Figure, theme: Theme, scale: f32) -> Result<Vec<u8>, FigureError> {
    let pixels = pixels(figure, theme, scale)?;
    pixels.encode_png().map_err(|error| failed(figure, scale, error.to_string()))
}

/// The figure drawn, `scale` pixels a CSS pixel; every pixel is opaque.
pub(super) fn pixels(
    figure: &Figure,
    theme: Theme,
    scale: f32,
) -> Result<tiny_skia::Pixmap, FigureError> {
    let (width, height) = (figure.width.ceil() * scale, figure.height.ceil() * scale);
    let failed = |reason: String| failed(figure, scale, reason);
    if !(width >= 1.0 && height >= 1.0 && width * height <= MOST_PIXELS) {
        return Err(failed(format!("expected 1 to {MOST_PIXELS} pixels")));
    }
    let svg = figure.svg(theme);
    let tree = usvg::Tree::from_str(&svg, &usvg::Options::default())
        .map_err(|error| failed(error.to_string()))?;
    let mut pixels = tiny_skia::Pixmap::new(width as u32, height as u32)
        .ok_or_else(|| failed("there are no pixels".into()))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    Ok(pixels)
}

fn failed(figure: &Figure, scale: f32, reason: String) -> FigureError {
    FigureError::Draw {
        title: figure.title.clone(),
        width: (figure.width.ceil() * scale) as u32,
        height: (figure.height.ceil() * scale) as u32,
        reason,
    }
}
