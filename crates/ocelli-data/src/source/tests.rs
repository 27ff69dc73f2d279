use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::DecodeOptions;

/// A folder with files; a path that ends in `/` is an empty folder, and a picture's content is its
/// own path (listing does not look inside).
fn folder(paths: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for path in paths {
        write(&folder, path, path);
    }
    folder
}

fn write(folder: &TempDir, path: &str, content: &str) {
    let file = folder.path().join(path);
    if path.ends_with('/') {
        fs::create_dir_all(file).unwrap();
        return;
    }
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn open_auto(folder: &TempDir) -> Result<Found, SourceError> {
    open(folder.path().to_str().unwrap(), &SourceOptions::default())
}

fn with_layout(layout: Layout) -> SourceOptions {
    SourceOptions { layout, ..SourceOptions::default() }
}

/// `path=class` of every sample, the path relative to `root`.
fn labels(dataset: &Dataset, root: &str) -> Vec<String> {
    let class = |sample: &crate::Sample| {
        sample.label.map_or("-", |label| dataset.classes[label as usize].as_str()).to_owned()
    };
    let relative = |name: &str| name.strip_prefix(root).unwrap().trim_start_matches('/').to_owned();
    let samples = dataset.samples.iter();
    samples.map(|sample| format!("{}={}", relative(&sample.name), class(sample))).collect()
}

fn found_labels(folder: &TempDir, dataset: &Dataset) -> Vec<String> {
    labels(dataset, folder.path().to_str().unwrap())
}

/// An archive of a folder, made as `tar` makes it.
fn archive_of(folder: &TempDir) -> (TempDir, PathBuf) {
    let place = TempDir::new().unwrap();
    let path = place.path().join("data.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
    builder.append_dir_all(".", folder.path()).unwrap();
    builder.finish().unwrap();
    (place, path)
}

#[test]
fn class_folders_become_classes_in_sorted_order() {
    let folder = folder(&["10/b.jpg", "2/a.PNG", "10/deep/er/a.webp", "cat/x.gif"]);
    let found = open_auto(&folder).unwrap();
    assert_eq!(found.layout, Layout::Folders);
    assert_eq!(found.train.classes, ["10", "2", "cat"], "as strings");
    assert_eq!(
        found_labels(&folder, &found.train),
        ["10/b.jpg=10", "10/deep/er/a.webp=10", "2/a.PNG=2", "cat/x.gif=cat"]
    );
    assert!(found.val.is_none() && found.test.is_none());
}

#[test]
fn splits_share_the_training_splits_classes() {
    for val in ["val", "valid", "Validation"] {
        let folder = folder(&[
            "train/ant/1.jpg",
            "train/bee/1.jpg",
            "train/cow/1.jpg",
            &format!("{val}/cow/2.jpg"),
            &format!("{val}/bee/2.jpg"),
            "test/cow/3.jpg",
            "test/ant/3.jpg",
        ]);
        let found = open_auto(&folder).unwrap();
        let val = found.val.unwrap();
        assert_eq!(val.classes, found.train.classes);
        let numbers: Vec<_> = val.samples.iter().map(|sample| sample.label).collect();
        assert_eq!(numbers, [Some(1), Some(2)]);
        assert_eq!(found.test.unwrap().class_counts(), [1, 0, 1]);
    }
}

#[test]
fn a_class_that_training_lacks_is_an_error_that_lists_it() {
    let folder = folder(&["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/zebra/1.jpg"]);
    match open_auto(&folder).unwrap_err() {
        SourceError::UnknownClasses { split: "val", unknown, .. } => assert_eq!(unknown, ["zebra"]),
        other => panic!("{other}"),
    }
}

#[test]
fn a_test_split_may_come_without_labels() {
    let folder = folder(&["train/a/1.jpg", "train/b/1.jpg", "test/1.jpg", "test/2.jpg"]);
    let found = open_auto(&folder).unwrap();
    assert!(found.test.unwrap().samples.iter().all(|sample| sample.label.is_none()));
    assert!(found.notes[0].contains("have no labels"), "{:?}", found.notes);
}

#[test]
fn a_class_may_be_called_train() {
    let folder = folder(&["bus/1.jpg", "car/1.jpg", "train/1.jpg"]);
    assert_eq!(open_auto(&folder).unwrap().train.classes, ["bus", "car", "train"]);
}

#[test]
fn a_single_folder_around_everything_is_looked_into() {
    let folder = folder(&["data/v2/train/a/1.jpg", "data/v2/train/b/1.jpg", "data/v2/val/a/1.jpg"]);
    let found = open_auto(&folder).unwrap();
    assert_eq!(found.train.classes, ["a", "b"]);
    assert_eq!(found.val.unwrap().len(), 1);
}

#[test]
fn test_and_validation_without_training_is_an_error() {
    let folder = folder(&["val/a/1.jpg", "val/b/1.jpg", "test/a/1.jpg"]);
    assert!(matches!(open_auto(&folder).unwrap_err(), SourceError::NoTrainSplit { .. }));
}

#[test]
fn what_is_no_picture_is_left_out_counted_and_shown() {
    let folder = folder(&[
        "a/1.jpg",
        "b/1.jpg",
        "a/notes.txt",
        "README",
        "a/.hidden.jpg",
        ".git/x.jpg",
        "__MACOSX/a/1.jpg",
        "b/Thumbs.db",
    ]);
    let found = open_auto(&folder).unwrap();
    assert_eq!(found.train.len(), 2);
    assert_eq!(
        found.ignored,
        Ignored { count: 2, examples: vec!["README".into(), "a/notes.txt".into()] }
    );
}

#[test]
fn a_class_folder_without_pictures_makes_no_class_and_a_note() {
    let folder = folder(&["a/1.jpg", "b/1.jpg", "empty/"]);
    let found = open_auto(&folder).unwrap();
    assert_eq!(found.train.classes, ["a", "b"]);
    assert!(found.notes.iter().any(|note| note.contains("empty")), "{:?}", found.notes);
}

#[test]
fn classes_come_from_file_names_where_these_are_convincing() {
    let convincing =
        folder(&["black-tern_001.jpg", "black-tern_002.jpg", "gull-7.png", "gull-8.png"]);
    let found = open_auto(&convincing).unwrap();
    assert_eq!(found.layout, Layout::Names);
    assert_eq!(found.train.classes, ["black-tern", "gull"]);
    for other in [
        &["IMG_1.jpg", "IMG_2.jpg"][..],
        &["a_1.jpg", "b_1.jpg"],
        &["a_1.jpg", "a_2.jpg", "b_1.jpg", "x.jpg"],
    ] {
        let found = open_auto(&folder(other)).unwrap();
        assert_eq!(found.layout, Layout::Flat, "{other:?}");
        assert!(found.train.classes.is_empty());
    }
}

#[test]
fn a_name_pattern_of_ones_own_is_used_or_objected_to() {
    let folder = folder(&["001.cat.x.jpg", "002.dog.x.jpg", "003.dog.y.jpg"]);
    let location = folder.path().to_str().unwrap();
    let with_pattern = |pattern: &str| {
        let name_pattern = Some(pattern.to_owned());
        open(location, &SourceOptions { name_pattern, ..SourceOptions::default() })
    };
    assert_eq!(with_pattern(r"^\d+\.(?P<class>\w+)\.").unwrap().train.classes, ["cat", "dog"]);
    match with_pattern(r"(?P<class>dog)").unwrap_err() {
        SourceError::Unmatched { unmatched, total: 3, .. } => {
            assert_eq!(unmatched, ["001.cat.x.jpg"])
        }
        other => panic!("{other}"),
    }
    for bad in ["(", r"^\d+"] {
        assert!(matches!(with_pattern(bad).unwrap_err(), SourceError::Pattern { .. }), "{bad}");
    }
}

#[test]
fn a_table_gives_labels_whatever_its_separator_and_column_names() {
    for (header, separator) in
        [("filename,label", ","), ("Image Path;Class", ";"), ("\u{feff}id\tspecies", "\t")]
    {
        let folder = folder(&["images/a.jpg", "images/b.jpg", "images/c.jpg"]);
        let rows = [("a.jpg", "tern"), ("b", "gull"), ("./images/c.jpg", "tern")];
        let rows = rows.map(|(image, label)| format!("{image}{separator}\"{label}\"\r\n"));
        write(&folder, "data.csv", &format!("{header}\r\n{}", rows.concat()));
        let found = open_auto(&folder).unwrap();
        assert_eq!(found.layout, Layout::Csv);
        let expected = ["images/a.jpg=tern", "images/b.jpg=gull", "images/c.jpg=tern"];
        assert_eq!(found_labels(&folder, &found.train), expected);
        let table = folder.path().join("data.csv");
        let of_table = open(table.to_str().unwrap(), &SourceOptions::default()).unwrap();
        assert_eq!(found_labels(&folder, &of_table.train), expected);
    }
}

#[test]
fn tables_named_after_splits_are_splits() {
    let folder = folder(&["train/1.jpg", "train/2.jpg", "test/1.jpg"]);
    write(&folder, "train.csv", "file,label\n1.jpg,a\n2.jpg,b\n");
    write(&folder, "test.csv", "file\n1.jpg\n");
    let found = open_auto(&folder).unwrap();
    assert_eq!(found_labels(&folder, &found.train), ["train/1.jpg=a", "train/2.jpg=b"]);
    assert_eq!(found_labels(&folder, &found.test.unwrap()), ["test/1.jpg=-"]);
}

#[test]
fn a_column_of_splits_divides_the_table() {
    let folder = folder(&["1.jpg", "2.jpg", "3.jpg"]);
    write(&folder, "all.csv", "file,label,data set\n1.jpg,a,train\n2.jpg,b,train\n3.jpg,b,valid\n");
    let found = open_auto(&folder).unwrap();
    assert_eq!(found.train.len(), 2);
    assert_eq!(found_labels(&folder, &found.val.unwrap()), ["3.jpg=b"]);
}

#[test]
fn a_table_that_can_not_be_used_says_why() {
    let complaint = |content: &str| {
        let folder = folder(&["images/1.jpg"]);
        write(&folder, "data.csv", content);
        let table = folder.path().join("data.csv");
        open(table.to_str().unwrap(), &SourceOptions::default()).unwrap_err()
    };
    let columns = complaint("a,b\n1,2\n");
    assert!(matches!(columns, SourceError::MissingColumn { what: "pictures", .. }), "{columns}");
    assert!(columns.to_string().contains("only a, b"), "{columns}");
    let labels = complaint("file,b\n1.jpg,2\n");
    assert!(matches!(labels, SourceError::MissingColumn { what: "labels", .. }), "{labels}");
    let files = complaint("file,label\n1.jpg,x\n7.jpg,x\n8.jpg,y\n").to_string();
    assert!(files.contains("2 of 3 rows") && files.contains("\"7.jpg\" (line 3)"), "{files}");
    let cells = complaint("file,label\n1.jpg,x\n1.jpg,\n").to_string();
    assert!(cells.contains("line 3"), "{cells}");
    assert!(matches!(complaint("file,label\n1.jpg\n"), SourceError::BrokenTable { .. }));
    assert!(matches!(complaint("\u{0}"), SourceError::MissingColumn { .. }));
    assert!(matches!(complaint("file,label\n"), SourceError::NoPictures { .. }));
}

#[test]
fn a_table_beside_class_folders_changes_nothing() {
    let folder = folder(&["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg"]);
    write(&folder, "classes.csv", "id,name\n0,a\n1,b\n");
    assert_eq!(open_auto(&folder).unwrap().layout, Layout::Folders);
}

#[test]
fn an_archive_gives_what_its_folder_gives() {
    let long = format!("train/{}/{}.jpg", "c".repeat(90), "n".repeat(120));
    let folders =
        folder(&["train/a/1.jpg", "train/b/ünï 2.png", &long, "val/b/1.jpg", "x.txt", "train/e/"]);
    let table = folder(&["images/1.jpg", "images/2.jpg"]);
    write(&table, "labels.csv", "image,label\n1.jpg,x\n2.jpg,y\n");
    let names = folder(&["a_1.jpg", "a_2.jpg", "b_1.jpg", "b_2.jpg"]);
    for folder in [folders, table, names] {
        let (_place, path) = archive_of(&folder);
        let from_folder = open_auto(&folder).unwrap();
        let from_archive = open(path.to_str().unwrap(), &SourceOptions::default()).unwrap();
        let root = path.to_str().unwrap();
        assert_eq!(found_labels(&folder, &from_folder.train), labels(&from_archive.train, root));
        assert_eq!(from_folder.train.classes, from_archive.train.classes);
        assert_eq!(from_folder.train.fingerprint(), from_archive.train.fingerprint());
        assert_eq!(from_folder.ignored, from_archive.ignored);
        assert_eq!(from_folder.layout, from_archive.layout);
        assert_eq!(from_folder.val.map(|val| val.len()), from_archive.val.map(|val| val.len()));
        for (file, member) in from_folder.train.samples.iter().zip(&from_archive.train.samples) {
            assert_eq!(file.bytes().unwrap(), member.bytes().unwrap());
        }
    }
}

#[test]
fn an_archive_with_pax_names_is_read() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("pax.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
    let long = format!("a/{}.jpg", "ü".repeat(150));
    builder.append_pax_extensions([("path", long.as_bytes())]).unwrap();
    for name in ["a/short.jpg", "b/1.jpg"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(3);
        builder.append_data(&mut header, name, &b"abc"[..]).unwrap();
    }
    builder.finish().unwrap();
    let found = open(path.to_str().unwrap(), &SourceOptions::default()).unwrap();
    assert_eq!(
        labels(&found.train, path.to_str().unwrap()),
        [format!("{long}=a"), "b/1.jpg=b".into()]
    );
    assert_eq!(found.train.samples[0].bytes().unwrap(), b"abc");
}

#[test]
fn archives_that_can_not_be_read_in_place_say_what_to_do() {
    let folder = folder(&["a/1.jpg", "b/1.jpg"]);
    let (place, path) = archive_of(&folder);
    let whole = fs::read(&path).unwrap();
    let written = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        open(path.to_str().unwrap(), &SourceOptions::default()).unwrap_err()
    };
    let gzip = written("data.tar.gz", b"\x1f\x8b\x08\0\0\0");
    assert!(gzip.to_string().contains("gzip --decompress"), "{gzip}");
    assert!(matches!(written("data.zip", b"PK\x03\x04"), SourceError::Compressed { .. }));
    assert!(matches!(written("notes.txt", b"hello"), SourceError::NotADataset { .. }));
    let member = whole.windows(7).position(|name| name == b"a/1.jpg").unwrap();
    let cut = written("cut.tar", &whole[..member + 512 + 3]);
    assert!(matches!(cut, SourceError::BrokenArchive { .. }), "{cut}");
    let noise = written("noise.tar", &[7; 4096]);
    assert!(matches!(noise, SourceError::BrokenArchive { .. }), "{noise}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let elsewhere = folder(&["1.jpg", "2.jpg"]);
    let folder = folder(&["a/1.jpg"]);
    symlink(elsewhere.path(), folder.path().join("b")).unwrap();
    symlink(folder.path(), folder.path().join("a/circle")).unwrap();
    symlink("nowhere", folder.path().join("a/dangling.jpg")).unwrap();
    let found = open_auto(&folder).unwrap();
    assert_eq!(found_labels(&folder, &found.train), ["a/1.jpg=a", "b/1.jpg=b", "b/2.jpg=b"]);
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
}

#[test]
fn a_location_without_pictures_says_what_it_has() {
    assert!(matches!(open_auto(&folder(&[])).unwrap_err(), SourceError::NoPictures { .. }));
    let text = open_auto(&folder(&["a/readme.txt"])).unwrap_err().to_string();
    assert!(text.contains("1 other file, such as a/readme.txt"), "{text}");
    let missing = open("there/is/nothing", &SourceOptions::default()).unwrap_err();
    assert!(matches!(missing, SourceError::Missing { .. }), "{missing}");
    let web = open("https://example.org/x.tar", &SourceOptions::default()).unwrap_err();
    assert!(matches!(web, SourceError::UnknownScheme { .. }), "{web}");
}

#[test]
fn a_layout_asked_for_is_held_to() {
    let folder = folder(&["a/x_1.jpg", "a/x_2.jpg", "b/y_1.jpg"]);
    let location = folder.path().to_str().unwrap();
    let classes = |layout| open(location, &with_layout(layout)).unwrap().train.classes;
    assert_eq!(classes(Layout::Folders), ["a", "b"]);
    assert_eq!(classes(Layout::Names), ["x", "y"]);
    assert!(classes(Layout::Flat).is_empty());
    let error = open(location, &with_layout(Layout::Csv)).unwrap_err();
    assert!(matches!(error, SourceError::WrongLayout { .. }), "{error}");
}

#[test]
fn birds_are_drawn_from_their_address() {
    let found = open("synth://birds?classes=3&count=7&size=16", &SourceOptions::default()).unwrap();
    assert_eq!(found.train.class_counts(), [3, 2, 2]);
    assert_eq!(found.train.samples[6].name, "synth://birds/0000006");
    let picture = found.train.samples[6].picture(&DecodeOptions::default()).unwrap();
    assert_eq!((picture.width(), picture.height()), (16, 16));
    for bad in ["synth://birds?count=99999999", "synth://fish", "synth://birds?classes=x"] {
        let error = open(bad, &SourceOptions::default()).unwrap_err();
        assert!(matches!(error, SourceError::Synth { .. }), "{error}");
    }
}

#[test]
fn options_are_written_in_snake_case_and_unknown_ones_refused() {
    let options: SourceOptions = toml::from_str("layout = 'names'\nlabel_column = 'x'").unwrap();
    assert_eq!(options.layout, Layout::Names);
    assert!(toml::from_str::<SourceOptions>("labelcolumn = 'x'").is_err());
}

/// The shared pictures, or a word that they are absent.
fn shared(path: &str) -> Option<String> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = crate_folder.ancestors().map(|folder| folder.join("shared/data"));
    let found = data.map(|data| data.join(path)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: shared/data/{path} is absent");
    }
    found.map(|path| path.to_string_lossy().into_owned())
}

#[test]
fn the_shared_layouts_are_recognized() {
    let cases = [
        ("clothing10", Layout::Folders, 3068, 341, 10),
        ("cifar10-train.tar", Layout::Folders, 50_000, 0, 10),
        ("cifar10-test.tar", Layout::Folders, 10_000, 0, 10),
        ("layouts/csv", Layout::Csv, 40, 0, 10),
        ("layouts/csv/train.csv", Layout::Csv, 40, 0, 10),
        ("layouts/flat-names", Layout::Names, 60, 0, 10),
        ("layouts/unlabelled", Layout::Flat, 60, 0, 0),
        ("odd-images/valid", Layout::Flat, 16, 0, 0),
    ];
    for (path, layout, train, val, classes) in cases {
        let Some(location) = shared(path) else { continue };
        let found = open(&location, &SourceOptions::default()).unwrap();
        let val_found = found.val.map_or(0, |val| val.len());
        let all = (found.layout, found.train.len(), val_found, found.train.classes.len());
        assert_eq!(all, (layout, train, val, classes), "{path}: {:?}", found.notes);
        let first = &found.train.samples[0];
        first.picture(&DecodeOptions::default()).unwrap();
    }
}
