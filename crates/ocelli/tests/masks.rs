//! Pictures with masks as a person meets them: without a recipe, and with something wrong.

use std::path::Path;
use std::process::{Command, Output};

use ocelli_data::mask::{MaskEncoding, encode};
use ocelli_data::synth::{Birds, BirdsConfig};

fn ocelli(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ocelli")).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Drawn birds in `images/`, their parts in `masks/`, and a palette file of these.
fn streets(folder: &Path) -> String {
    let birds = Birds::new(BirdsConfig::parse("synth://birds?classes=2&count=12&size=24").unwrap());
    let palette = Birds::part_palette();
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    for index in 0..birds.len() {
        let bird = birds.draw(index);
        let write = |part: &str, bytes: Vec<u8>| {
            std::fs::write(folder.join(format!("{part}/b{index:02}x.png")), bytes).unwrap();
        };
        write("images", bird.picture.to_png().unwrap());
        write("masks", encode(&bird.parts, &palette, MaskEncoding::Index).unwrap());
    }
    let rows = palette.classes().iter().map(|class| {
        let [red, green, blue] = class.color;
        format!("{},{},{red},{green},{blue}\n", class.value, class.name)
    });
    let table = format!("index,name,r,g,b\n{}", rows.collect::<String>());
    std::fs::write(folder.join("palette.csv"), table).unwrap();
    folder.display().to_string()
}

/// Trains the smallest network for an epoch on pictures without a recipe.
fn train(place: &str, run: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["train", place, "--out", run];
    for set in ["train.epochs=1", "data.size=16"].iter().chain(more) {
        arguments.extend(["--set", *set]);
    }
    ocelli(&arguments)
}

const SMALL: [&str; 3] = ["model.name=unet", "model.width=4", "model.depth=2"];

#[test]
fn a_folder_of_pictures_and_masks_is_enough_and_the_recipe_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let place = streets(&folder.path().join("streets"));
    let run = folder.path().join("run").display().to_string();
    let trained = train(&place, &run, &SMALL);
    assert!(trained.status.success(), "{}", err(&trained));
    for words in ["chosen for these pictures", "9 classes", "unet, as you say", "Dice", "mIoU"] {
        assert!(err(&trained).contains(words), "{words:?} is missing in:\n{}", err(&trained));
    }
    let recipe = std::fs::read_to_string(Path::new(&run).join("recipe.toml")).unwrap();
    for words in ["task = \"segment\"", "random_resized_crop", "name = \"dice\"", "snapshots"] {
        assert!(recipe.contains(words), "{words:?} is missing in:\n{recipe}");
    }
    // Colours of the same pictures, whose masks are then of no use.
    let run = folder.path().join("colors").display().to_string();
    let colors = ["task=colorize", SMALL[0], SMALL[1], SMALL[2]];
    let trained = train(&place, &run, &colors);
    assert!(trained.status.success(), "{}", err(&trained));
}

#[test]
fn of_pictures_alone_a_person_is_asked_what_to_learn() {
    let folder = tempfile::tempdir().unwrap();
    let place = streets(&folder.path().join("streets"));
    std::fs::remove_dir_all(Path::new(&place).join("masks")).unwrap();
    let run = folder.path().join("run").display().to_string();
    let refused = train(&place, &run, &[]);
    assert_eq!(refused.status.code(), Some(2));
    for words in ["neither classes nor masks", "task=colorize", "byol"] {
        assert!(err(&refused).contains(words), "{words:?} is missing in:\n{}", err(&refused));
    }
    assert!(!Path::new(&run).exists());
}

#[test]
fn masks_without_a_class_and_palette_files_that_are_none_are_told_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let place = streets(&folder.path().join("streets"));
    let run = folder.path().join("run").display().to_string();
    let palette = Path::new(&place).join("palette.csv");
    let whole = std::fs::read_to_string(&palette).unwrap();

    // Every index that the masks hold is left out.
    std::fs::write(&palette, "index,name\n100,sky\n101,road\n").unwrap();
    let ignored: Vec<String> = (0..9).map(|value| value.to_string()).collect();
    let set = format!("data.ignore_index=[{}]", ignored.join(","));
    let refused = train(&place, &run, &[&set]);
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    for words in ["data.train: ", "b00x.png", "all are ignored", "ignore_index"] {
        assert!(err(&refused).contains(words), "{words:?} is missing in:\n{}", err(&refused));
    }
    let mut check = vec!["data", "check", &place];
    check.extend(ignored.iter().flat_map(|value| ["--ignore-index", value]));
    let checked = ocelli(&check);
    assert_eq!(checked.status.code(), Some(1), "{}{}", out(&checked), err(&checked));
    assert!(out(&checked).contains("absent classes: 2"), "{}", out(&checked));

    for (table, words) in [
        ("number;label\n0;sky\n", "found no column of names"),
        ("index,name,r,g,b\n0,sky,1,2\n", "palette.csv"),
        ("index,name,r,g,b\n0,sky,1,2,300\n", "not a number from 0 to 255"),
        ("index,name\n0,sky\n0,road\n", "index 0 stands for two classes"),
    ] {
        std::fs::write(&palette, table).unwrap();
        let refused = train(&place, &run, &[]);
        assert_eq!(refused.status.code(), Some(2), "{table}: {}", err(&refused));
        assert!(err(&refused).contains("palette.csv"), "{}", err(&refused));
        assert!(err(&refused).contains(words), "{words:?} is missing in:\n{}", err(&refused));
    }

    // A mask of another size: the file, both sizes, and what to do, at once.
    std::fs::write(&palette, whole).unwrap();
    let mask = Path::new(&place).join("masks/b00x.png");
    std::fs::write(&mask, "no picture").unwrap();
    let refused = train(&place, &run, &SMALL);
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    assert!(err(&refused).contains("The first: "), "{}", err(&refused));
    assert!(err(&refused).contains("its mask "), "{}", err(&refused));

    // Names of which none agree are no classes called images and masks.
    for number in 0..12 {
        let from = Path::new(&place).join(format!("masks/b{number:02}x.png"));
        std::fs::rename(&from, from.with_file_name(format!("other{number:02}x.png"))).unwrap();
    }
    let checked = ocelli(&["data", "check", &place]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(err(&checked).contains("no names agree"), "{}{}", out(&checked), err(&checked));
}

#[test]
fn answers_take_no_pictures_place_and_masks_are_not_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let place = streets(&folder.path().join("streets"));
    let run = folder.path().join("run").display().to_string();
    let trained = train(&place, &run, &SMALL);
    assert!(trained.status.success(), "{}", err(&trained));
    let images = format!("{place}/images");
    let before = std::fs::read(format!("{images}/b00x.png")).unwrap();
    let refused = ocelli(&["predict", &run, &images, "--out", &images]);
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    assert!(err(&refused).contains("say another folder"), "{}", err(&refused));
    assert_eq!(std::fs::read(format!("{images}/b00x.png")).unwrap(), before);

    let answers = folder.path().join("answers");
    let predicted = ocelli(&["predict", &run, &place, "--out", &answers.display().to_string()]);
    assert!(predicted.status.success(), "{}", err(&predicted));
    assert!(err(&predicted).contains("12 masks"), "{}", err(&predicted));
    assert_eq!(std::fs::read_dir(answers).unwrap().count(), 12);
}
