use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use crate::check::{CheckOptions, CheckReport, check};
use crate::mask::StrangeValue;
use crate::source::{Labels, SourceOptions, open};

fn place(folder: &TempDir, path: &str) -> std::path::PathBuf {
    let file = folder.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    file
}

fn checked(folder: &Path) -> CheckReport {
    let options = SourceOptions { labels: Labels::Either, ..SourceOptions::default() };
    let found = open(folder.to_str().unwrap(), &options).unwrap();
    let pairing = found.pairing.unwrap_or_default();
    let options = CheckOptions { pairing, ..CheckOptions::default() };
    let (calls, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let report = check(&[("train", &found.train)], &options, &|_, of| {
        calls.fetch_add(1, Ordering::Relaxed);
        total.store(of, Ordering::Relaxed);
    });
    assert_eq!(calls.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
    report
}

#[test]
fn everything_that_is_wrong_with_masks_is_found() {
    let folder = TempDir::new().unwrap();
    let picture = |name: &str| {
        RgbImage::from_fn(40, 36, |x, y| Rgb([x as u8, y as u8, name.len() as u8]))
            .save(place(&folder, &format!("images/{name}.png")))
            .unwrap();
    };
    let mask = |name: &str, width: u32, height: u32, value: u8| {
        GrayImage::from_fn(width, height, |x, _| Luma([if x < 4 { value } else { 1 }]))
            .save(place(&folder, &format!("masks/{name}")))
            .unwrap();
    };
    for (length, name) in
        ["good", "better", "seven", "turned", "jpeg", "broken", "ignored", "alone", "eight", "best"]
            .iter()
            .enumerate()
    {
        picture(&format!("{name}{}", "x".repeat(length * 10)));
        let name = &format!("{name}{}", "x".repeat(length * 10));
        match length {
            2 => mask(&format!("{name}.png"), 40, 36, 7),
            3 => mask(&format!("{name}.png"), 36, 40, 0),
            4 => mask(&format!("{name}.jpg"), 40, 36, 200),
            5 => std::fs::write(place(&folder, &format!("masks/{name}.png")), "no").unwrap(),
            6 => GrayImage::from_pixel(40, 36, Luma([2]))
                .save(place(&folder, &format!("masks/{name}.png")))
                .unwrap(),
            7 => {}
            8 => mask(&format!("{name}.png"), 40, 36, 8),
            _ => mask(&format!("{name}.png"), 40, 36, 0),
        }
    }
    mask("lonely.png", 40, 36, 0);
    std::fs::write(
        folder.path().join("classes.csv"),
        "index,name,r,g,b\n0,a,9,0,0\n1,b,0,9,0\n2,void,0,0,0\n",
    )
    .unwrap();
    let report = checked(folder.path());
    assert!(report.has_problems());
    assert!(report.broken.is_empty() && report.leaks.is_empty());
    let masks = report.masks.as_ref().unwrap();
    assert_eq!(masks.masks, 9);
    assert!(masks.broken[0].name.contains("broken") && masks.broken.len() == 1);
    assert_eq!((masks.sizes.len(), masks.sizes[0].mask_size), (1, [40, 36]));
    assert_eq!((masks.jpeg.len(), masks.all_ignored.len()), (1, 1));
    let seven = masks.strange.iter().find(|it| it.value == StrangeValue::Value(7)).unwrap();
    assert_eq!((seven.pixels, seven.masks), (4 * 36, 1));
    assert!(seven.first.contains("seven"));
    assert_eq!(masks.pairing.without_mask.len(), 1);
    assert_eq!(masks.pairing.without_picture.len(), 1);
    let text = report.to_text();
    for expected in [
        "broken masks: 1",
        "sizes: 1",
        "is 36x40,",
        "height and width are exchanged",
        "8: 144 pixels in 1 mask, first ",
        "expected 0 to 1, or 2, 255 (ignored)",
        "missing masks: 1",
        "missing pictures: 1",
        "JPEG masks: 1",
        "all ignored: 1",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing from\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["masks"]["sizes"][0]["picture_size"], serde_json::json!([36, 40]));
}

#[test]
fn sound_masks_have_no_problems_and_class_folders_no_mask_report() {
    let folder = TempDir::new().unwrap();
    for number in 0..3u8 {
        RgbImage::from_pixel(40, 40, Rgb([number, 0, 0]))
            .save(place(&folder, &format!("images/{number}.png")))
            .unwrap();
        RgbImage::from_fn(40, 40, |x, _| Rgb(if x < 9 { [255, 0, 0] } else { [0, 0, 255] }))
            .save(place(&folder, &format!("masks/{number}.png")))
            .unwrap();
    }
    let palette = "name,r,g,b\nred,255,0,0\nblue,0,0,255\n";
    std::fs::write(folder.path().join("class_dict.csv"), palette).unwrap();
    let report = checked(folder.path());
    assert!(!report.has_problems(), "{}", report.to_text());
    assert!(report.to_text().contains("Every mask fits its picture"), "{}", report.to_text());
    let folder = TempDir::new().unwrap();
    for path in ["a/1.png", "b/1.png"] {
        RgbImage::from_pixel(40, 40, Rgb([path.len() as u8, path.as_bytes()[0], 0]))
            .save(place(&folder, path))
            .unwrap();
    }
    let report = checked(folder.path());
    assert!(report.masks.is_none() && !report.to_text().contains("mask"));
    assert!(serde_json::to_value(&report).unwrap().get("masks").is_none());
}
