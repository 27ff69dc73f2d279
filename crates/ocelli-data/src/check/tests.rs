use std::sync::atomic::{AtomicU64, Ordering};

use image::{DynamicImage, ImageFormat, RgbImage};
use tempfile::TempDir;

use super::*;
use crate::source::{SourceOptions, open};

/// A picture of one colour.
fn save(folder: &TempDir, path: &str, width: u32, height: u32, shade: u8) {
    let file = folder.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let picture = RgbImage::from_pixel(width, height, image::Rgb([shade, 0, 0]));
    DynamicImage::ImageRgb8(picture).save_with_format(file, ImageFormat::Png).unwrap();
}

fn checked(folder: &TempDir, options: &CheckOptions) -> CheckReport {
    let found = open(folder.path().to_str().unwrap(), &SourceOptions::default()).unwrap();
    let (calls, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let val = found.val.unwrap_or_default();
    let report = check(&[("train", &found.train), ("val", &val)], options, &|_, of| {
        calls.fetch_add(1, Ordering::Relaxed);
        total.store(of, Ordering::Relaxed);
    });
    assert_eq!(calls.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
    report
}

#[test]
fn everything_that_is_wrong_is_found() {
    let folder = TempDir::new().unwrap();
    save(&folder, "train/a/1.png", 40, 40, 1);
    save(&folder, "train/a/copy.png", 40, 40, 1);
    save(&folder, "train/a/2.png", 40, 40, 2);
    save(&folder, "train/b/tiny.png", 40, 5, 3);
    save(&folder, "train/b/same-as-2.png", 40, 40, 2);
    save(&folder, "train/b/misnamed.jpg", 40, 40, 4);
    save(&folder, "val/a/leak.png", 40, 40, 1);
    save(&folder, "val/a/huge.png", 90, 40, 5);
    std::fs::write(folder.path().join("train/b/broken.jpg"), "no picture").unwrap();
    std::fs::write(folder.path().join("train/b/broken2.jpg"), "no picture").unwrap();
    let report = checked(&folder, &CheckOptions { huge_side: 80, ..CheckOptions::default() });

    let ends = |names: Vec<&String>, ends: &[&str]| {
        assert_eq!(names.len(), ends.len(), "{names:?}");
        assert!(names.iter().zip(ends).all(|(name, end)| name.ends_with(end)), "{names:?}");
    };
    ends(report.broken.iter().map(|broken| &broken.name).collect(), &["broken.jpg", "broken2.jpg"]);
    ends(report.tiny.iter().map(|tiny| &tiny.name).collect(), &["tiny.png"]);
    ends(report.huge.iter().map(|huge| &huge.name).collect(), &["huge.png"]);
    ends(report.misnamed.iter().map(|file| &file.name).collect(), &["misnamed.jpg"]);
    let names = |groups: &[Duplicates], group: usize| -> Vec<String> {
        groups[group].pictures.iter().map(|copy| copy.name.clone()).collect()
    };
    assert_eq!(report.leaks.len(), 1);
    ends(names(&report.leaks, 0).iter().collect(), &["a/1.png", "copy.png", "leak.png"]);
    assert_eq!(report.contradictions.len(), 1);
    ends(names(&report.contradictions, 0).iter().collect(), &["a/2.png", "same-as-2.png"]);
    assert_eq!(report.duplicates.len(), 2, "{:?}", report.duplicates);
    let small: Vec<_> = report
        .small_classes
        .iter()
        .map(|class| (&*class.split, &*class.class, class.pictures))
        .collect();
    assert_eq!(small, [("train", "a", 3), ("train", "b", 5), ("val", "b", 0)]);
    assert_eq!(report.imbalance, Some(5.0 / 3.0));
    assert!(report.has_problems());

    let text = report.to_text();
    for expected in ["broken: 2", "leaks: 1", "[val]", "1.7 times", "tiny.png (40x5)"] {
        assert!(text.contains(expected), "{expected:?} is missing from\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["splits"][0]["pictures"], 8);
}

#[test]
fn sound_data_has_no_problems() {
    let folder = TempDir::new().unwrap();
    for shade in 0..20 {
        save(&folder, &format!("train/{}/{shade}.png", shade % 2), 32, 32, shade);
    }
    save(&folder, "val/0/x.png", 32, 32, 100);
    save(&folder, "val/1/x.png", 32, 32, 101);
    let report = checked(&folder, &CheckOptions::default());
    assert!(!report.has_problems());
    assert_eq!(
        report,
        CheckReport {
            splits: report.splits.clone(),
            imbalance: Some(1.0),
            ..CheckReport::default()
        }
    );
    assert!(report.to_text().contains("Every picture decodes"));
}

#[test]
fn long_lists_are_cut_in_the_text_only() {
    let broken = (0..22).map(|number| BrokenPicture {
        split: "train".into(),
        name: format!("{number}.jpg"),
        reason: "it is damaged".into(),
    });
    let report = CheckReport { broken: broken.collect(), ..CheckReport::default() };
    let text = report.to_text();
    assert!(text.contains("broken: 22") && text.contains("… and 12 more"), "{text}");
    assert!(!text.contains("10.jpg"));
}
