use super::*;

fn dataset(root: &str, labels: &[(&str, Option<u32>)], classes: &[&str]) -> Dataset {
    let sample = |(name, label): &(&str, Option<u32>)| Sample {
        name: format!("{root}{name}"),
        location: Location::Tar { archive: Path::new("x.tar").into(), offset: 0, length: 5 },
        label: *label,
        mask: None,
    };
    Dataset {
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
        samples: labels.iter().map(sample).collect(),
        palette: None,
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn labels_move_to_other_classes_by_name() {
    let data = dataset("", &[("1", Some(0)), ("2", Some(1)), ("3", None)], &["cow", "ant"]);
    let moved = data.with_classes(&strings(&["ant", "bee", "cow"])).unwrap();
    let labels: Vec<_> = moved.samples.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [Some(2), Some(0), None]);
    assert_eq!(moved.class_counts(), [1, 0, 1]);
}

#[test]
fn classes_without_a_place_are_all_listed() {
    let data = dataset("", &[("1", Some(2)), ("2", Some(0)), ("3", Some(2))], &["x", "a", "y"]);
    let error = data.with_classes(&strings(&["a"])).unwrap_err();
    assert_eq!(error, ClassMismatch { unknown: strings(&["x", "y"]), expected: 1 });
}

#[test]
fn a_class_without_samples_needs_no_place() {
    let data = dataset("", &[("1", Some(0))], &["a", "unused"]);
    assert!(data.with_classes(&strings(&["a"])).is_ok());
}

#[test]
fn the_fingerprint_survives_a_move_and_notices_everything_else() {
    let labels = [("a/1.jpg", Some(0)), ("b/1.jpg", Some(1))];
    let fingerprint = dataset("/data/", &labels, &["a", "b"]).fingerprint();
    assert_eq!(fingerprint.len(), 64);
    assert_eq!(fingerprint, dataset("elsewhere/x/", &labels, &["a", "b"]).fingerprint());
    let mut longer = dataset("/data/", &labels, &["a", "b"]);
    longer.samples[0].location =
        Location::Tar { archive: Path::new("x.tar").into(), offset: 0, length: 6 };
    for other in [
        longer,
        dataset("/data/", &labels, &["a", "c"]),
        dataset("/data/", &labels[..1], &["a", "b"]),
        dataset("/data/", &[("a/1.jpg", Some(0)), ("b/2.jpg", Some(1))], &["a", "b"]),
        dataset("/data/", &[("a/1.jpg", Some(0)), ("b/1.jpg", Some(0))], &["a", "b"]),
    ] {
        assert_ne!(fingerprint, other.fingerprint(), "{other:?}");
    }
}

#[test]
fn an_archive_that_shrank_is_a_read_error_that_names_the_sample() {
    let archive = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(archive.path(), [0; 100]).unwrap();
    let location = Location::Tar { archive: archive.path().into(), offset: 90, length: 20 };
    let sample = Sample { name: "x.tar/a.jpg".to_owned(), location, label: None, mask: None };
    let error = sample.picture(&DecodeOptions::default()).unwrap_err();
    assert!(matches!(error.reason, PictureFault::Read(_)));
    assert!(error.to_string().contains("x.tar/a.jpg"), "{error}");
    assert!(error.to_string().contains("after 10 of 20 bytes"), "{error}");
}

#[test]
fn what_is_far_too_large_for_a_picture_is_not_read() {
    let location =
        Location::Tar { archive: Path::new("none").into(), offset: 0, length: MAX_FILE_BYTES + 1 };
    assert_eq!(location.bytes().unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}
