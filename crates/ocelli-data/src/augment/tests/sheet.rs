//! A sheet with several draws of every transform, for people to look at:
//! `cargo test -p ocelli-data sheet -- --ignored --nocapture`.

use std::path::{Path, PathBuf};

use crate::augment::*;
use crate::picture::Picture;
use crate::random::{Purpose, generator};

const SIDE: u32 = 112;
const DRAWS: u32 = 8;

/// A photograph of the shared development data, where there is such a folder.
fn photograph() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data/camvid/train/images"))
        .find(|folder| folder.is_dir())?;
    std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).min()
}

#[test]
#[ignore = "draws a sheet to look at: cargo test --workspace --lib sheet_of -- --ignored"]
fn sheet_of_every_transform() {
    let Some(path) = photograph() else {
        eprintln!("skipped: there is no shared/data beside the project");
        return;
    };
    let photograph = image::open(&path).unwrap().to_rgb8();
    let (width, height) = photograph.dimensions();
    let photograph = Picture::new(width, height, photograph.into_raw());
    #[derive(serde::Deserialize)]
    struct Rows {
        rows: Vec<Transform>,
    }
    let Rows { rows } = toml::from_str(
        r#"rows = [
            { resize = {} },
            { random_resized_crop = {} },
            { random_crop = { padding = 60, padding_mode = "reflect" } },
            { random_horizontal_flip = {} },
            { random_vertical_flip = {} },
            { random_rotation = { degrees = 45, interpolation = "bilinear", fill = [255, 0, 0] } },
            { color_jitter = { brightness = 0.8, contrast = 0.8, saturation = 0.8, hue = 0.2 } },
            { color_jitter = { hue = 0.5 } },
            { random_grayscale = { p = 0.5 } },
            { random_solarize = {} },
            { gaussian_blur = { sigma = [0.1, 6.0] } },
            { rand_augment = {} },
            { trivial_augment_wide = {} },
            { auto_augment = {} },
        ]"#,
    )
    .unwrap();
    let mut sheet = image::RgbImage::new(DRAWS * SIDE, rows.len() as u32 * SIDE);
    for (row, transform) in rows.iter().enumerate() {
        // The rest at the size of the cell, so that its detail is visible.
        let mut list = vec![transform.clone()];
        if row >= 3 {
            list.insert(0, Transform::Resize(Resize::default()));
        }
        let pipeline = Pipeline::new(&list, [SIDE; 2]).unwrap();
        for draw in 0..DRAWS {
            let random = &mut generator(0, Purpose::Augment, row as u64, u64::from(draw));
            let cell = pipeline.apply_to_picture(photograph.clone(), random);
            let cell = image::RgbImage::from_raw(SIDE, SIDE, cell.into_pixels()).unwrap();
            let (x, y) = (i64::from(draw * SIDE), row as i64 * i64::from(SIDE));
            image::imageops::replace(&mut sheet, &cell, x, y);
        }
    }
    let target = std::env::temp_dir().join("ocelli-augment.png");
    sheet.save(&target).unwrap();
    eprintln!("{}", target.display());
}
