use image::{GrayImage, Luma};
use tempfile::TempDir;

use crate::decode::DecodeOptions;
use crate::source::{Labels, SourceOptions, open};
use crate::stats::{Stats, stats};

fn close(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
}

/// Two masks of ten pixels: six and four of a; none and five of b; ignored ones; c nowhere.
fn counted() -> Stats {
    let folder = TempDir::new().unwrap();
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    let masks = [[0, 0, 0, 0, 0, 0, 255, 255, 255, 255], [0, 0, 0, 0, 1, 1, 1, 1, 1, 255]];
    for (number, mask) in masks.iter().enumerate() {
        let image = GrayImage::from_fn(10, 1, |x, _| Luma([mask[x as usize]]));
        image.save(folder.path().join(format!("masks/{number}.png"))).unwrap();
        image.save(folder.path().join(format!("images/{number}.png"))).unwrap();
    }
    image::RgbImage::new(3, 3).save(folder.path().join("images/bad.png")).unwrap();
    GrayImage::from_pixel(3, 3, Luma([9])).save(folder.path().join("masks/bad.png")).unwrap();
    std::fs::write(folder.path().join("classes.csv"), "index,name\n0,a\n1,b\n2,c\n").unwrap();
    let options = SourceOptions { labels: Labels::Masks, ..SourceOptions::default() };
    let found = open(folder.path().to_str().unwrap(), &options).unwrap();
    stats(&found.train, &DecodeOptions::default(), &|_, _| ()).unwrap()
}

#[test]
fn classes_are_counted_by_pixels_and_by_pictures() {
    let stats = counted();
    assert!(stats.classes.is_empty(), "no picture has a class");
    let masks = stats.masks.unwrap();
    assert_eq!((masks.masks, masks.broken.len(), masks.ignored_pixels), (2, 1, 5));
    let counts: Vec<_> = masks.classes.iter().map(|it| (it.pixels, it.pictures)).collect();
    assert_eq!(counts, [(10, 2), (5, 1), (0, 0)]);
    close(Some(masks.ignored_share), 0.25);
    close(Some(masks.classes[0].share), 10.0 / 15.0);
}

#[test]
fn weights_balance_as_their_sources_say() {
    let masks = counted().masks.unwrap();
    // Of a: 10 of the 15 pixels in masks that show it; of b: 5 of 9.
    let (a, b) = (10.0 / 15.0, 5.0 / 9.0);
    let median = (a + b) / 2.0;
    close(masks.classes[0].median_frequency_weight, median / a);
    close(masks.classes[1].median_frequency_weight, median / b);
    close(masks.classes[0].inverse_frequency_weight, 15.0 / (2.0 * 10.0));
    close(masks.classes[1].inverse_frequency_weight, 15.0 / (2.0 * 5.0));
    assert_eq!(masks.classes[2].median_frequency_weight, None);
    assert_eq!(masks.classes[2].inverse_frequency_weight, None);
}

#[test]
fn the_text_has_weights_to_copy_into_a_recipe() {
    let text = counted().to_text();
    for expected in [
        "3 classes in 2 masks",
        "66.67%",
        "(ignored)    25.00% of all pixels",
        "class_weights = [0.7500, 1.5000, 0.0000]",
        "1 mask can't be used",
        "9 in 9",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing from\n{text}");
    }
    assert!(!text.contains("no classes"));
}
