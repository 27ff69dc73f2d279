use image::{ImageFormat, RgbImage};
use tempfile::TempDir;

use super::*;
use crate::source::{SourceOptions, open};

fn stats_of(folder: &TempDir) -> Result<Stats, StatsError> {
    let found = open(folder.path().to_str().unwrap(), &SourceOptions::default()).unwrap();
    stats(&found.train, &DecodeOptions::default(), &|_, _| ())
}

fn save(folder: &TempDir, path: &str, picture: &RgbImage) {
    let file = folder.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    picture.save_with_format(file, ImageFormat::Png).unwrap();
}

#[test]
fn mean_and_deviation_are_those_of_all_pixels() {
    let folder = TempDir::new().unwrap();
    let first = RgbImage::from_fn(30, 20, |x, y| image::Rgb([x as u8 * 8, y as u8, 255]));
    let second = RgbImage::from_fn(7, 100, |x, y| image::Rgb([x as u8, y as u8 * 2, 255]));
    save(&folder, "a/1.png", &first);
    save(&folder, "b/1.png", &second);
    let stats = stats_of(&folder).unwrap();
    for channel in 0..3 {
        let values: Vec<f64> = first
            .pixels()
            .chain(second.pixels())
            .map(|pixel| f64::from(pixel[channel]) / 255.0)
            .collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        assert!((stats.mean[channel] - mean).abs() < 1e-12);
        assert!((stats.std[channel] - variance.sqrt()).abs() < 1e-9);
    }
    assert_eq!(stats.std[2], 0.0, "a constant channel has none at all");
    assert_eq!(stats.width, Spread { min: 7, median: 7, max: 30 });
    assert_eq!(stats.height, Spread { min: 20, median: 20, max: 100 });
    let bins = [
        Bin { from: 4, below: 8, pictures: 1 },
        Bin { from: 8, below: 16, pictures: 0 },
        Bin { from: 16, below: 32, pictures: 1 },
    ];
    assert_eq!(stats.shorter_sides, bins);
    assert_eq!(stats.formats, BTreeMap::from([("PNG".to_owned(), 2)]));
    let text = stats.to_text();
    assert!(
        text.contains("2 pictures") && text.contains("16 to 31") && text.contains("1.0000"),
        "{text}"
    );
}

#[test]
fn broken_pictures_are_listed_and_the_rest_counted() {
    let folder = TempDir::new().unwrap();
    save(&folder, "a/1.png", &RgbImage::new(3, 3));
    save(&folder, "b/1.png", &RgbImage::new(3, 3));
    std::fs::write(folder.path().join("b/2.png"), "").unwrap();
    let stats = stats_of(&folder).unwrap();
    assert_eq!((stats.pictures, stats.broken.len()), (2, 1));
    assert!(stats.to_text().contains("b/2.png: the file is empty"));
}

#[test]
fn data_without_any_sound_picture_has_no_numbers() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("2.png"), "").unwrap();
    assert!(matches!(stats_of(&folder), Err(StatsError::AllBroken { pictures: 1, .. })));
    let nothing = stats(&Dataset::default(), &DecodeOptions::default(), &|_, _| ());
    assert_eq!(nothing, Err(StatsError::Empty));
}
