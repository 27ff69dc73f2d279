use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::decode::DecodeOptions;
use crate::mask::{Palette, PaletteOptions};
use crate::source::{Found, open};

/// A picture of noise, as PNG or JPEG by the path's extension.
fn picture(folder: &TempDir, path: &str) {
    let file = place(folder, path);
    image::RgbImage::from_fn(6, 4, |x, y| image::Rgb([x as u8 * 40, y as u8 * 60, 7]))
        .save(file)
        .unwrap();
}

/// A gray mask of 6x4 pixels that hold `value` everywhere but at the first, which holds 0.
fn mask(folder: &TempDir, path: &str, value: u8) {
    let file = place(folder, path);
    image::GrayImage::from_fn(6, 4, |x, y| image::Luma([if x + y == 0 { 0 } else { value }]))
        .save(file)
        .unwrap();
}

fn write(folder: &TempDir, path: &str, text: &str) {
    fs::write(place(folder, path), text).unwrap();
}

fn place(folder: &TempDir, path: &str) -> PathBuf {
    let file = folder.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    file
}

fn options(labels: Labels) -> SourceOptions {
    SourceOptions { labels, ..SourceOptions::default() }
}

fn open_masks(folder: &TempDir) -> Result<Found, SourceError> {
    open(folder.path().to_str().unwrap(), &options(Labels::Masks))
}

/// `picture+mask` of every sample, relative to the folder.
fn pairs(dataset: &Dataset, root: &Path) -> Vec<String> {
    let relative = |name: &str| {
        name.strip_prefix(root.to_str().unwrap()).unwrap_or(name).trim_matches('/').to_owned()
    };
    let pair = |sample: &Sample| {
        let mask = sample.mask.as_ref().map_or("-".to_owned(), |mask| relative(&mask.name));
        format!("{}+{mask}", relative(&sample.name))
    };
    dataset.samples.iter().map(pair).collect()
}

/// Every mask can be read and has its picture's size.
fn read_all(found: &Found) {
    let all = [Some(&found.train), found.val.as_ref(), found.test.as_ref()];
    for dataset in all.into_iter().flatten() {
        let palette = dataset.palette.as_ref().expect("a palette");
        assert_eq!(palette.names(), dataset.classes);
        for sample in &dataset.samples {
            sample.picture_and_mask(palette, &DecodeOptions::default()).unwrap();
        }
    }
}

#[test]
fn folders_of_pictures_and_masks_are_recognized_however_they_are_nested() {
    for (picture_path, mask_path) in [
        ("train/images/a.png", "train/masks/a.png"),
        ("images/train/a.png", "annotations/train/a.png"),
        ("train/a.png", "train_masks/a_mask.png"),
        ("train/a.png", "trainannot/a.png"),
        ("train/Images/x/a.png", "train/Labels/x/a.bmp"),
        ("data/train/images/a_sat.png", "data/train/masks/a_mask.png"),
        ("train/bird/a.png", "masks/train/bird/a.png"),
    ] {
        let folder = TempDir::new().unwrap();
        for (split, name) in [("train", "a"), ("train", "b"), ("val", "c"), ("test", "d")] {
            let of = |path: &str| {
                let (folders, file) = path.rsplit_once('/').unwrap();
                format!("{}/{}", folders.replace("train", split), file.replacen('a', name, 1))
            };
            picture(&folder, &of(picture_path));
            mask(&folder, &of(mask_path), 2);
        }
        let found = open_masks(&folder).unwrap();
        assert_eq!(found.layout, Layout::MaskFolders);
        assert_eq!(
            pairs(&found.train, folder.path())[0],
            format!("{picture_path}+{mask_path}"),
            "{found:?}"
        );
        let length = |dataset: &Option<Dataset>| dataset.as_ref().map(Dataset::len);
        assert_eq!(
            (found.train.len(), length(&found.val), length(&found.test)),
            (2, Some(1), Some(1)),
            "{picture_path}"
        );
        assert_eq!(found.train.classes, ["0", "1", "2"]);
        assert!(found.pairing.as_ref().unwrap().is_complete());
        read_all(&found);
        let either = open(folder.path().to_str().unwrap(), &options(Labels::Either)).unwrap();
        assert_eq!(either.layout, Layout::MaskFolders);
        let alone = open(folder.path().to_str().unwrap(), &options(Labels::None)).unwrap();
        assert_eq!(alone.train.len(), 2, "masks are no pictures to colour");
        assert!(alone.train.samples.iter().all(|sample| sample.mask.is_none()));
    }
}

#[test]
fn suffixes_tell_pictures_from_masks_in_one_folder() {
    let folder = TempDir::new().unwrap();
    for number in 0..3 {
        picture(&folder, &format!("{number}_sat.jpg"));
        mask(&folder, &format!("{number}_mask.png"), 1);
    }
    let found = open_masks(&folder).unwrap();
    assert_eq!(found.layout, Layout::MaskSuffixes);
    assert_eq!(pairs(&found.train, folder.path())[1], "1_sat.jpg+1_mask.png");
    read_all(&found);
    let folder = TempDir::new().unwrap();
    picture(&folder, "a.photo.png");
    mask(&folder, "a.truth.png", 1);
    let named = SourceOptions {
        image_suffix: Some(".photo".into()),
        mask_suffix: Some(".truth".into()),
        ..options(Labels::Masks)
    };
    let found = open(folder.path().to_str().unwrap(), &named).unwrap();
    assert_eq!(pairs(&found.train, folder.path()), ["a.photo.png+a.truth.png"]);
}

#[test]
fn an_archive_gives_the_same_pairs_as_its_folder() {
    let folder = TempDir::new().unwrap();
    for split in ["train", "val"] {
        picture(&folder, &format!("{split}/images/a.png"));
        mask(&folder, &format!("{split}/masks/a.png"), 1);
    }
    write(&folder, "classes.csv", "index,name,r,g,b\n0,ground,0,0,0\n1,thing,200,0,0\n");
    let outside = TempDir::new().unwrap();
    let archive = outside.path().join("data.tar");
    let mut builder = tar::Builder::new(fs::File::create(&archive).unwrap());
    builder.append_dir_all(".", folder.path()).unwrap();
    builder.finish().unwrap();
    let found = open(archive.to_str().unwrap(), &options(Labels::Masks)).unwrap();
    assert_eq!(found.train.classes, ["ground", "thing"]);
    assert_eq!(pairs(&found.train, &archive), ["train/images/a.png+train/masks/a.png"]);
    assert_eq!(found.train.fingerprint(), open_masks(&folder).unwrap().train.fingerprint());
    read_all(&found);
}

#[test]
fn masks_elsewhere_are_found_by_path_or_stem() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for split in ["train", "val"] {
        picture(&folder, &format!("{split}/images/{split}.png"));
        mask(&other, &format!("drawn/{split}_gt.png"), 1);
    }
    let masks = Some(other.path().to_owned());
    let options = SourceOptions { masks, ..options(Labels::Masks) };
    let found = open(folder.path().to_str().unwrap(), &options).unwrap();
    assert_eq!((found.train.len(), found.val.as_ref().map(Dataset::len)), (1, Some(1)));
    read_all(&found);
    let part = folder.path().join("train/images");
    assert_eq!(open(part.to_str().unwrap(), &options).unwrap().train.len(), 1);
    let missing = SourceOptions { masks: Some("nowhere".into()), ..options };
    let error = open(folder.path().to_str().unwrap(), &missing).unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error}");
}

#[test]
fn lists_and_tables_name_pictures_and_masks() {
    let folder = TempDir::new().unwrap();
    for name in ["a", "b", "c"] {
        picture(&folder, &format!("raw/{name}.png"));
        mask(&folder, &format!("drawn/{name}.png"), 1);
    }
    write(&folder, "train.txt", "raw/a.png drawn/a.png\n\n# held out: c\nraw/b.png\tdrawn/b.png\n");
    write(&folder, "val.txt", "raw/c.png,drawn/c.png\n");
    let found = open_masks(&folder).unwrap();
    assert_eq!((found.layout, found.train.len()), (Layout::MaskLists, 2));
    read_all(&found);
    let list = folder.path().join("train.txt");
    let lone = open(list.to_str().unwrap(), &options(Labels::Masks)).unwrap();
    assert_eq!(pairs(&lone.train, folder.path())[1], "raw/b.png+drawn/b.png");

    write(&folder, "pictures.txt", "raw/a.png\nraw/b.png\n");
    write(&folder, "masks.txt", "drawn/a.png\ndrawn/b.png\n");
    let masks = Some(folder.path().join("masks.txt"));
    let two = SourceOptions { masks, ..options(Labels::Masks) };
    let pictures = folder.path().join("pictures.txt");
    assert_eq!(open(pictures.to_str().unwrap(), &two).unwrap().train.len(), 2);
    write(&folder, "masks.txt", "drawn/a.png\n");
    let error = open(pictures.to_str().unwrap(), &two).unwrap_err().to_string();
    assert!(error.contains("1 masks for the 2 pictures"), "{error}");
    write(&folder, "bad.txt", "raw/a.png drawn/z.png\n");
    let bad = folder.path().join("bad.txt");
    let error = open(bad.to_str().unwrap(), &options(Labels::Masks)).unwrap_err().to_string();
    assert!(error.contains("\"drawn/z.png\" (line 1)"), "{error}");

    write(
        &folder,
        "t/pairs.csv",
        "image,mask,split\n../raw/a.png,../drawn/a.png,train\n../raw/b.png,../drawn/b.png,val\n",
    );
    let table = folder.path().join("t/pairs.csv");
    let found = open(table.to_str().unwrap(), &options(Labels::Masks)).unwrap();
    assert_eq!((found.layout, found.train.len(), found.val.unwrap().len()), (Layout::Csv, 1, 1));
    let alone = open(table.to_str().unwrap(), &options(Labels::None)).unwrap();
    assert!(alone.train.palette.is_none() && alone.train.classes.is_empty());
}

#[test]
fn lists_of_stems_divide_the_pairs_as_in_pascal_voc() {
    let folder = TempDir::new().unwrap();
    for name in ["a", "b", "c", "unlabelled"] {
        picture(&folder, &format!("JPEGImages/{name}.jpg"));
        if name != "unlabelled" {
            mask(&folder, &format!("SegmentationClass/{name}.png"), 1);
        }
    }
    write(&folder, "ImageSets/Main/train.txt", "a\nunlabelled\n");
    write(&folder, "ImageSets/Segmentation/train.txt", "a\nb\n");
    write(&folder, "ImageSets/Segmentation/val.txt", "c\n");
    let found = open_masks(&folder).unwrap();
    assert_eq!((found.train.len(), found.val.as_ref().map(Dataset::len)), (2, Some(1)));
    assert_eq!(found.pairing.as_ref().unwrap().without_mask.len(), 1);
}

#[test]
fn what_finds_no_partner_is_named() {
    let folder = TempDir::new().unwrap();
    for name in ["a", "b", "c", "d"] {
        picture(&folder, &format!("images/{name}.png"));
        mask(&folder, &format!("masks/{name}.png"), 1);
    }
    picture(&folder, "images/alone.png");
    mask(&folder, "masks/lonely.png", 1);
    picture(&folder, "images/twin.png");
    picture(&folder, "images/twin.jpg");
    mask(&folder, "masks/twin.png", 1);
    let found = open_masks(&folder).unwrap();
    assert_eq!(found.train.len(), 4);
    let pairing = found.pairing.unwrap();
    assert!(pairing.without_mask[0].ends_with("images/alone.png"));
    assert!(pairing.without_picture[0].ends_with("masks/lonely.png"));
    assert_eq!(pairing.ambiguous.len(), 3, "{pairing:?}");
    assert_eq!(found.notes.iter().filter(|note| note.contains("left out")).count(), 3);
}

#[test]
fn pictures_without_masks_are_refused_and_class_folders_stay_what_they_are() {
    let folder = TempDir::new().unwrap();
    for path in ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"] {
        picture(&folder, path);
    }
    let error = open_masks(&folder).unwrap_err().to_string();
    assert!(error.contains("found 4 pictures and no mask"), "{error}");
    let found = open(folder.path().to_str().unwrap(), &options(Labels::Either)).unwrap();
    assert_eq!((found.layout, found.train.classes.len()), (Layout::Folders, 2));
    let found = open(folder.path().to_str().unwrap(), &options(Labels::None)).unwrap();
    assert_eq!((found.layout, found.train.len()), (Layout::Flat, 4));
    assert!(found.train.classes.is_empty() && !found.train.is_labelled());
    let folder = TempDir::new().unwrap();
    picture(&folder, "images/a.png");
    mask(&folder, "masks/b.png", 1);
    let error = open_masks(&folder).unwrap_err().to_string();
    assert!(error.contains("no names agree, as of") && error.contains("images/a.png"), "{error}");
}

#[test]
fn classes_come_from_a_palette_file_with_or_above_the_pictures() {
    let folder = TempDir::new().unwrap();
    picture(&folder, "train/images/a.png");
    mask(&folder, "train/masks/a.png", 11);
    write(&folder, "palette.csv", "index,name,r,g,b\n0,sky,1,2,3\n11,Unlabelled,0,0,0\n");
    for location in ["", "train", "train/images"] {
        let masks = (location == "train/images").then(|| folder.path().join("train/masks"));
        let options = SourceOptions { masks, ..options(Labels::Masks) };
        let location = folder.path().join(location);
        let found = open(location.to_str().unwrap(), &options).unwrap();
        assert_eq!(found.train.classes, ["sky"]);
        assert!(found.notes.iter().any(|note| note.ends_with("by their names: Unlabelled")));
        read_all(&found);
    }
    let ignore_index = Some(vec![0]);
    let ignore = PaletteOptions { ignore_index, ..PaletteOptions::default() };
    let options = SourceOptions { ignore, ..options(Labels::Masks) };
    let found = open(folder.path().to_str().unwrap(), &options).unwrap();
    assert_eq!(found.train.classes, ["Unlabelled"]);
    let palette = Some("missing.csv".into());
    let error = open(folder.path().to_str().unwrap(), &SourceOptions { palette, ..options });
    assert!(error.unwrap_err().to_string().contains("missing.csv"));
}

#[test]
fn masks_that_say_nothing_of_their_classes_are_refused_with_advice() {
    let folder = TempDir::new().unwrap();
    picture(&folder, "images/a.png");
    mask(&folder, "masks/a.png", 255);
    let error = open_masks(&folder).unwrap_err().to_string();
    assert!(error.contains("only 0 and 255") && error.contains("255,object"), "{error}");
    write(&folder, "palette.csv", "index,name,r,g,b\n0,ground,0,0,0\n255,thing,255,255,255\n");
    let found = open_masks(&folder).unwrap();
    assert_eq!(found.train.classes, ["ground", "thing"]);
    read_all(&found);

    let folder = TempDir::new().unwrap();
    picture(&folder, "images/a.png");
    picture(&folder, "masks/a.png");
    let error = open_masks(&folder).unwrap_err().to_string();
    assert!(error.contains("24 colours; write a palette.csv"), "{error}");
}

#[test]
fn birds_have_their_parts_as_masks() {
    let found = open("synth://birds?classes=2&count=6&size=16", &options(Labels::Masks)).unwrap();
    assert_eq!(found.train.classes[..2], ["background", "body"]);
    assert!(found.train.samples.iter().all(|sample| sample.label.is_none()));
    read_all(&found);
    let alone = open("synth://birds?classes=2&count=6&size=16", &options(Labels::None)).unwrap();
    assert!(alone.train.classes.is_empty() && !alone.train.is_labelled());
}

/// Where the photographs are that are not part of the repository.
fn shared(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn shared_camvid_and_satellite_pairs_are_read_without_being_told_how() {
    if let Some(folder) = shared("camvid") {
        let found = open(folder.to_str().unwrap(), &options(Labels::Either)).unwrap();
        assert_eq!(found.layout, Layout::MaskFolders);
        let palette: &Palette = found.train.palette.as_ref().unwrap();
        assert_eq!((found.train.len(), found.val.as_ref().unwrap().len()), (367, 101));
        assert_eq!((palette.classes().len(), palette.ignored()[0].value), (11, 11));
        let sample = &found.train.samples[0];
        let (_, mask) = sample.picture_and_mask(palette, &DecodeOptions::default()).unwrap();
        assert_eq!((mask.width(), mask.height()), (480, 360));
    }
    if let Some(folder) = shared("layouts/sat-mask") {
        let found = open(folder.to_str().unwrap(), &options(Labels::Either)).unwrap();
        assert_eq!((found.layout, found.train.len()), (Layout::MaskSuffixes, 24));
        read_all(&found);
    }
    for classes in ["clothing10", "layouts/csv", "layouts/flat-names", "layouts/unlabelled"] {
        if let Some(folder) = shared(classes) {
            let location = folder.to_str().unwrap();
            let either = open(location, &options(Labels::Either)).unwrap();
            let plain = open(location, &SourceOptions::default()).unwrap();
            assert_eq!(either.train.fingerprint(), plain.train.fingerprint());
            assert!(open(location, &options(Labels::None)).unwrap().train.classes.is_empty());
        }
    }
}
