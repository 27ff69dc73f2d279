use std::collections::HashSet;

use super::*;

fn birds(location: &str) -> Birds {
    Birds::new(BirdsConfig::parse(location).unwrap())
}

#[test]
fn the_same_seed_gives_the_same_pixels_and_another_seed_gives_others() {
    let first = birds("synth://birds?seed=3");
    let again = birds("synth://birds?seed=3");
    let other = birds("synth://birds?seed=4");
    for index in 0..16 {
        assert_eq!(first.draw(index), again.draw(index));
        assert_ne!(first.draw(index), other.draw(index));
    }
}

#[test]
fn a_bird_does_not_change_when_more_are_asked_for() {
    let few = birds("synth://birds?count=8");
    let many = birds("synth://birds?count=80000");
    for index in 0..8 {
        assert_eq!(few.draw(index), many.draw(index));
    }
}

#[test]
fn the_first_species_stay_when_classes_are_added() {
    let few = birds("synth://birds?classes=8");
    let many = birds("synth://birds?classes=800");
    assert_eq!(few.class_names(), many.class_names()[..8]);
    assert_eq!(few.draw(5), many.draw(5));
}

#[test]
fn classes_differ_by_one_picture_at_most() {
    let birds = birds("synth://birds?classes=7&count=100");
    let mut counts = [0; 7];
    for index in 0..birds.len() {
        counts[birds.label(index) as usize] += 1;
    }
    assert_eq!(counts, [15, 15, 14, 14, 14, 14, 14]);
}

#[test]
fn a_thousand_names_are_unique_and_fit_for_folders() {
    let names = birds("synth://birds?classes=1000&count=1000").class_names();
    assert_eq!(names.len(), 1000);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 1000);
    for name in names {
        assert!(name.len() <= 64, "{name} is too long");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(!name.starts_with('-') && !name.ends_with('-'), "{name}");
    }
}

#[test]
fn parts_have_names_and_every_picture_shows_a_body() {
    for size in [16, 33, 64] {
        let birds = birds(&format!("synth://birds?classes=50&size={size}"));
        for index in 0..150 {
            let Bird { picture, parts } = birds.draw(index);
            assert_eq!((picture.width(), picture.height()), (size, size));
            assert_eq!((parts.width(), parts.height()), (size, size));
            let labels = parts.labels();
            assert!(labels.iter().all(|&label| usize::from(label) < Birds::part_names().len()));
            let shown = |part: u8| labels.iter().filter(|&&label| label == part).count();
            assert!(shown(0) * 10 > labels.len(), "bird {index} fills the picture of {size} px");
            assert!(shown(1) > 0, "bird {index} at {size} px has no body");
            let bird = labels.len() - shown(0);
            assert!(bird * 25 > labels.len(), "bird {index} is tiny at {size} px: {bird} pixels");
        }
    }
}

#[test]
fn the_smallest_pictures_show_a_bird() {
    let birds = birds("synth://birds?classes=50&size=8");
    for index in 0..150 {
        assert!(birds.draw(index).parts.labels().iter().any(|&label| label != 0), "bird {index}");
    }
}

#[test]
fn every_part_is_seen_in_some_picture() {
    let birds = birds("synth://birds?classes=50&count=200");
    let mut seen = [false; PARTS.len()];
    for index in 0..200 {
        for &label in birds.draw(index).parts.labels() {
            seen[usize::from(label)] = true;
        }
    }
    assert_eq!(seen, [true; PARTS.len()]);
}

/// The mean colour over the pixels that a function chooses.
fn mean_color(bird: &Bird, chosen: impl Fn(u8) -> bool) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for (pixel, &label) in bird.picture.pixels().chunks_exact(3).zip(bird.parts.labels()) {
        if chosen(label) {
            for channel in 0..3 {
                sum[channel] += f64::from(pixel[channel]);
            }
            count += 1.0;
        }
    }
    sum.map(|channel| channel / f64::max(count, 1.0))
}

fn distance(left: [f64; 3], right: [f64; 3]) -> f64 {
    (0..3).map(|channel| (left[channel] - right[channel]).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn where_the_mask_says_bird_the_picture_differs_from_its_surroundings() {
    let birds = birds("synth://birds?classes=40");
    let differing = (0..200)
        .filter(|&index| {
            let bird = birds.draw(index);
            distance(mean_color(&bird, |label| label == 1), mean_color(&bird, |label| label == 0))
                > 12.0
        })
        .count();
    // Some birds are camouflaged, as birds are. Masks put anywhere else would leave few.
    assert!(differing >= 170, "only {differing} of 200 bodies differ from what is around them");
}

/// How many of the last half are told by the nearest class mean of the first half.
fn told_by_mean_color(seed: u64) -> f64 {
    let birds = birds(&format!("synth://birds?size=32&seed={seed}"));
    let half = birds.len() / 2;
    let mut centers = [[0.0; 3]; 8];
    for index in 0..half {
        let mean = mean_color(&birds.draw(index), |_| true);
        for channel in 0..3 {
            centers[birds.label(index) as usize][channel] += mean[channel] * 8.0 / half as f64;
        }
    }
    let right = (half..birds.len())
        .filter(|&index| {
            let mean = mean_color(&birds.draw(index), |_| true);
            let nearest = (0..8)
                .min_by(|&a, &b| distance(centers[a], mean).total_cmp(&distance(centers[b], mean)));
            nearest == Some(birds.label(index) as usize)
        })
        .count();
    right as f64 / half as f64
}

#[test]
fn mean_colour_does_not_tell_the_species() {
    for seed in 0..4 {
        let told = told_by_mean_color(seed);
        assert!(told < 0.5, "seed {seed}: the mean colour alone tells {told:.2} of the birds");
    }
}

#[test]
fn locations_are_read_in_any_order_and_written_in_full() {
    let config = BirdsConfig::parse("synth://birds?size=96&classes=4").unwrap();
    assert_eq!(config, BirdsConfig { classes: 4, size: 96, ..BirdsConfig::default() });
    assert_eq!(config.location(), "synth://birds?classes=4&count=800&size=96&seed=0");
    assert_eq!(BirdsConfig::parse(&config.location()).unwrap(), config);
    assert_eq!(BirdsConfig::parse("synth://birds").unwrap(), BirdsConfig::default());
}

#[test]
fn a_wrong_location_says_what_was_found_and_what_was_expected() {
    let message = |location: &str| BirdsConfig::parse(location).unwrap_err().to_string();
    for (location, expected) in [
        ("synth://cats", "there is no sample data 'synth://cats'; what exists is synth://birds"),
        ("birds", "there is no sample data 'birds'; what exists is synth://birds"),
        (
            "synth://birds?colour=red",
            "'synth://birds?colour=red' has the unknown setting 'colour'; \
             expected one of classes, count, size, seed",
        ),
        (
            "synth://birds?classes=many",
            "sample data: classes is 'many', expected a whole number from 2 to 10000",
        ),
        (
            "synth://birds?classes=1",
            "sample data: classes is '1', expected a whole number from 2 to 10000",
        ),
        ("synth://birds?size=", "sample data: size is '', expected a whole number from 8 to 4096"),
        (
            "synth://birds?size=100000",
            "sample data: size is '100000', expected a whole number from 8 to 4096",
        ),
        ("synth://birds?count=0", "sample data: count is '0', expected a whole number from 1"),
        ("synth://birds?seed=-1", "sample data: seed is '-1', expected a whole number from 0"),
        ("synth://birds?seed=+1", "sample data: seed is '+1', expected a whole number from 0"),
        (
            "synth://birds?classes=20&count=10",
            "sample data: count is '10', expected at least one picture for each of the 20 classes",
        ),
        ("synth://birds?size=32&size=64", "sample data: size is '64', expected to be given once"),
    ] {
        assert_eq!(message(location), expected);
    }
}

#[test]
fn an_image_folder_holds_each_bird_once_with_its_mask() {
    let folder = tempfile::tempdir().unwrap();
    let birds = birds("synth://birds?classes=3&count=32&size=24");
    let mut heard = Vec::new();
    let summary =
        write_image_folder(&birds, folder.path(), 0.25, |done, all| heard.push((done, all)))
            .unwrap();
    // Classes of 11, 11 and 10 pictures leave 3, 3 and 3 (2.5, rounded) for validation.
    assert_eq!(summary, FolderSummary { train: 23, val: 9 });
    assert_eq!(heard.last(), Some(&(32, 32)));
    let mut pictures = 0;
    for index in 0..32 {
        let class = &birds.class_names()[birds.label(index) as usize];
        let bird = birds.draw(index);
        for split in ["train", "val"] {
            let picture = folder.path().join(split).join(class).join(format!("{index:05}.jpg"));
            let Ok(bytes) = std::fs::read(&picture) else { continue };
            pictures += 1;
            let decoded = image::load_from_memory(&bytes).unwrap().to_rgb8();
            assert_eq!(decoded.dimensions(), (24, 24));
            let mask = folder.path().join(format!("masks/{split}/{class}/{index:05}.png"));
            let mut reader =
                png::Decoder::new(std::io::BufReader::new(std::fs::File::open(mask).unwrap()))
                    .read_info()
                    .unwrap();
            let mut labels = vec![0; 24 * 24];
            reader.next_frame(&mut labels).unwrap();
            assert_eq!(reader.info().color_type, png::ColorType::Indexed);
            assert_eq!(labels, bird.parts.labels());
        }
    }
    assert_eq!(pictures, 32);
    let parts = std::fs::read_to_string(folder.path().join("parts.csv")).unwrap();
    assert!(parts.starts_with("index,name,r,g,b\n0,background,24,26,32\n1,body,"));
    assert_eq!(parts.lines().count(), 1 + Birds::part_names().len());
}

#[test]
fn a_written_folder_is_read_back_as_class_folders_without_its_masks() {
    use crate::source::{self, Layout, SourceOptions};
    let folder = tempfile::tempdir().unwrap();
    let birds = birds("synth://birds?classes=3&count=30&size=8");
    write_image_folder(&birds, folder.path(), 0.2, |_, _| {}).unwrap();
    let found = source::open(folder.path().to_str().unwrap(), &SourceOptions::default()).unwrap();
    assert_eq!(found.layout, Layout::Folders);
    let mut names = birds.class_names();
    names.sort();
    assert_eq!(found.train.classes, names);
    assert_eq!((found.train.len(), found.val.map(|val| val.len())), (24, Some(6)));
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let error =
        write_image_folder(&Birds::new(BirdsConfig::default()), folder.path(), 0.2, |_, _| {})
            .unwrap_err();
    assert!(matches!(&error, SynthError::FolderNotEmpty { found, .. } if found == "thesis.txt"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_validation_fraction_outside_its_range_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for fraction in [-0.1, 1.0, f64::NAN] {
        let birds = Birds::new(BirdsConfig::default());
        let error = write_image_folder(&birds, folder.path(), fraction, |_, _| {}).unwrap_err();
        assert!(error.to_string().contains("val is"), "{error}");
    }
}
