//! Draws three sheets of made-up masks, to look at: `picture_sheets FOLDER`.
#![allow(clippy::print_stdout)]

use std::path::Path;

use ocelli_report::sheet::{LegendEntry, Sheet, SheetRow, Tile, png};

const CAMVID: [(&str, [u8; 3]); 11] = [
    ("sky", [128, 128, 128]),
    ("building", [128, 0, 0]),
    ("pole", [192, 192, 128]),
    ("road", [128, 64, 128]),
    ("pavement", [60, 40, 222]),
    ("tree", [128, 128, 0]),
    ("sign", [192, 128, 128]),
    ("fence", [64, 64, 128]),
    ("car", [64, 0, 128]),
    ("pedestrian", [64, 64, 0]),
    ("bicyclist", [0, 128, 192]),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected FOLDER")?;
    std::fs::create_dir_all(&folder)?;
    for (name, sheet) in [("street", street()), ("small", small()), ("forty", forty())] {
        let path = Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(&path, png(&sheet)?)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Pictures of a street, its masks as they are learned, and the truth.
fn street() -> Sheet {
    let row = |name: &str, shift: f32| {
        let size = (480, 360);
        let truth = move |x: f32, y: f32| street_class(x + shift, y);
        let color = |class: usize| CAMVID[class].1;
        SheetRow {
            label: Some(name.into()),
            tiles: vec![
                drawn("picture", size, |x, y| {
                    let light = ((x * 40.0).sin() * (y * 31.0).cos() * 24.0) as i16;
                    color(truth(x, y))
                        .map(|value| (i16::from(value) + 40 + light).clamp(0, 255) as u8)
                }),
                drawn("epoch 1", size, |_, y| color(if y > 0.55 { 3 } else { 0 })),
                drawn("epoch 10", size, |x, y| {
                    let shake = |a: f32, b: f32| (a * 37.0 + b * 11.0).sin() * 0.02;
                    color(truth(x + shake(y, x), y + shake(x, y)))
                }),
                drawn("truth", size, |x, y| color(truth(x, y))),
            ],
        }
    };
    Sheet {
        title: "camvid-unet: masks of the validation split".into(),
        rows: vec![row("0001TP_009210.png", 0.0), row("0016E5_08123.png", 0.3)],
        legend: legend(CAMVID.into_iter().map(|(name, color)| (name.to_owned(), color))),
        note: Some("Mean IoU 0.18 after epoch 1, 0.61 after epoch 10.".into()),
    }
}

fn street_class(x: f32, y: f32) -> usize {
    let near = |a: f32, b: f32, radius: f32| (x - a).hypot(y - b) < radius;
    match () {
        () if near(0.3, 0.7, 0.1) => 8,
        () if near(0.62, 0.62, 0.05) => 10,
        () if (x - 0.8).abs() < 0.01 && y > 0.2 => 2,
        () if near(0.8, 0.22, 0.05) => 6,
        () if y > 0.6 + (x - 0.5).abs() * 0.5 => 3,
        () if y > 0.55 + (x - 0.5).abs() * 0.4 => 4,
        () if near(0.15, 0.35, 0.2) => 5,
        () if y > 0.25 + (x * 6.0).floor() * 0.04 => 1,
        () => 0,
    }
}

/// Two rows of two pictures of 32 pixels, as colorization has them.
fn small() -> Sheet {
    let hue = |x: f32, y: f32| [x, y, 1.0 - x].map(|value| (value * 255.0) as u8);
    let gray = move |x: f32, y: f32| {
        let [red, green, blue] = hue(x, y).map(u16::from);
        [((red * 3 + green * 6 + blue) / 10) as u8; 3]
    };
    let row = || SheetRow {
        label: None,
        tiles: vec![drawn("gray", (32, 32), gray), drawn("colorized, with skips", (32, 32), hue)],
    };
    Sheet { title: "Colorized".into(), rows: vec![row(), row()], ..Sheet::default() }
}

/// Forty classes, some of long names.
fn forty() -> Sheet {
    let color = |class: usize| {
        let turn = class as f32 * 2.4;
        [0.0, 2.1, 4.2].map(|shift| ((turn + shift).sin() * 100.0 + 140.0) as u8)
    };
    let name = |class: usize| match class % 9 {
        0 => format!("class {class} with a name much longer than a legend has room for"),
        1 => format!("čáp {class}"),
        _ => format!("class {class}"),
    };
    let tile = |title: &str, size| {
        drawn(title, size, move |x, y| color((x * 8.0) as usize + (y * 5.0) as usize * 8))
    };
    let tiles = vec![
        tile("picture", (500, 375)),
        tile("prediction", (250, 188)),
        tile("truth", (375, 500)),
    ];
    Sheet {
        title: "Forty classes".into(),
        rows: vec![SheetRow { label: Some("tall and wide.jpg".into()), tiles }],
        legend: legend((0..40).map(|class| (name(class), color(class)))),
        note: Some(
            "A note that is longer than a line is wide wraps over as many as it needs, ".repeat(3),
        ),
    }
}

fn legend(entries: impl Iterator<Item = (String, [u8; 3])>) -> Vec<LegendEntry> {
    entries.map(|(name, color)| LegendEntry { name, color }).collect()
}

fn drawn(title: &str, (width, height): (u32, u32), color: impl Fn(f32, f32) -> [u8; 3]) -> Tile {
    let share = |place: u32, of: u32| (place as f32 + 0.5) / of as f32;
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y)| color(share(x, width), share(y, height))).collect();
    Tile { title: title.into(), width, height, rgb }
}
