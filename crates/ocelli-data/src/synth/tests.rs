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
