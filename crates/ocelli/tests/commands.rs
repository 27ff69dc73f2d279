//! The command line as scripts know it: exit statuses, what goes where, and the words of errors.

use std::path::Path;
use std::process::{Command, Output};

fn ocelli(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ocelli")).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A small set of pictures in class folders, with val/.
fn birds(folder: &Path) -> String {
    let place = folder.join("birds").display().to_string();
    let made =
        ocelli(&["data", "synth", &place, "--classes", "3", "--count", "48", "--size", "24"]);
    assert!(made.status.success(), "{}", err(&made));
    place
}

#[test]
fn a_folder_of_pictures_is_enough_to_train_evaluate_predict_and_compare() {
    let folder = tempfile::tempdir().unwrap();
    let birds = birds(folder.path());
    let run = folder.path().join("run").display().to_string();
    let trained = ocelli(&[
        "train",
        &birds,
        "--out",
        &run,
        "--set",
        "train.epochs=2",
        "--set",
        "data.size=16",
    ]);
    assert!(trained.status.success(), "{}", err(&trained));
    assert_eq!(out(&trained), "", "progress belongs on standard error");
    for words in ["chosen for these pictures", "3 classes", "finished 2 epochs", "ocelli predict"] {
        assert!(err(&trained).contains(words), "{words:?} is missing in:\n{}", err(&trained));
    }

    let evaluated = ocelli(&["eval", &run, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out(&evaluated)).unwrap();
    for key in ["data", "loss", "accuracy", "top5", "classes", "confusion"] {
        assert!(report.get(key).is_some(), "{key} is missing in {report}");
    }
    let elsewhere = ocelli(&["eval", &run, "--data", &format!("{birds}/train"), "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out(&elsewhere)).unwrap();
    assert_eq!(report["pictures"].as_u64(), Some(39), "{report}");

    let broken = Path::new(&birds).join("val").join("empty.jpg");
    std::fs::write(&broken, "").unwrap();
    let predicted = ocelli(&["predict", &run, &format!("{birds}/val"), "--json", "--top", "2"]);
    assert_eq!(predicted.status.code(), Some(1), "one picture could not be read");
    let lines: Vec<serde_json::Value> =
        out(&predicted).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (bad, good): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.get("error").is_some());
    assert_eq!((bad.len(), good.len()), (1, 9));
    assert!(err(&predicted).contains("empty.jpg"), "{}", err(&predicted));
    for line in good {
        let top = line["top"].as_array().unwrap();
        assert_eq!(top.len(), 2);
        assert_eq!(top[0]["class"], line["class"]);
        assert!(top[0]["probability"].as_f64() >= top[1]["probability"].as_f64());
    }

    let compared = ocelli(&["compare", &run, "--json"]);
    let line: serde_json::Value = serde_json::from_str(&out(&compared)).unwrap();
    assert_eq!(line["model"], "resnet18");
    assert_eq!(line["epochs"], 2);
    assert!(out(&ocelli(&["compare", &run])).contains("resnet18"));

    let again = ocelli(&["train", &birds, "--out", &run]);
    assert_eq!(again.status.code(), Some(2));
    assert!(err(&again).contains("ocelli resume"), "{}", err(&again));
}

#[test]
fn wrong_usage_and_wrong_recipes_exit_with_2_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("recipe.toml");
    std::fs::write(&recipe, "[train]\nepoch = 3\n").unwrap();
    let recipe = recipe.display().to_string();
    for (arguments, words) in [
        (vec!["train"], "RECIPE|PICTURES"),
        (vec!["train", &recipe], "line 2"),
        (vec!["train", "no/such/recipe.toml"], "no/such/recipe.toml"),
        (vec!["train", "no/such/folder"], "no/such/folder"),
        (vec!["train", "synth://cats"], "birds"),
        (vec!["train", "recipe.toml", "--device", "abacus"], "abacus"),
        (vec!["resume", "no/such/run"], "no run folder"),
        (vec!["bench", "step", "resnet19", "--batch", "1", "--size", "32"], "resnet18"),
        (vec!["fly"], "fly"),
    ] {
        let output = ocelli(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains(words), "{arguments:?}: {}", err(&output));
    }
}

#[test]
fn the_models_are_listed_with_torchvisions_parameter_counts() {
    let listed = ocelli(&["models", "--json"]);
    let models: Vec<serde_json::Value> =
        out(&listed).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let resnet18 = models.iter().find(|model| model["name"] == "resnet18").unwrap();
    assert_eq!(resnet18["parameters"], 11_689_512);
    assert_eq!(resnet18["task"], "classify");
    let unet = models.iter().find(|model| model["name"] == "unet").unwrap();
    assert_eq!(unet["task"], "segment");
}

#[test]
fn benchmarks_print_the_figures_that_scripts_read() {
    let step = ocelli(&[
        "bench", "step", "resnet18", "--batch", "2", "--size", "32", "--iters", "1", "--json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&out(&step)).unwrap();
    for key in [
        "model",
        "mode",
        "batch",
        "size",
        "threads",
        "isa",
        "ms_median",
        "images_per_second",
        "peak_rss_mb",
    ] {
        assert!(report.get(key).is_some(), "{key} is missing in {report}");
    }
    let loader = ocelli(&[
        "bench",
        "loader",
        "synth://birds?count=64&size=32",
        "--size",
        "32",
        "--batch",
        "8",
        "--json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&out(&loader)).unwrap();
    assert_eq!(report["images"], 64);
    for key in ["images_per_second", "workers", "size"] {
        assert!(report.get(key).is_some(), "{key} is missing in {report}");
    }
}

#[test]
fn an_instruction_set_can_be_forced_and_a_wrong_one_is_wrong_usage() {
    let step = |isa: &str| {
        Command::new(env!("CARGO_BIN_EXE_ocelli"))
            .args(["bench", "step", "resnet18", "--batch", "2", "--size", "32", "--iters", "1"])
            .args(["--mode", "infer", "--json"])
            .env("OCELLI_ISA", isa)
            .output()
            .unwrap()
    };
    let scalar: serde_json::Value = serde_json::from_str(&out(&step("scalar"))).unwrap();
    assert_eq!(scalar["isa"], "scalar");
    let wrong = step("avx1024");
    assert_eq!(wrong.status.code(), Some(2), "{}", err(&wrong));
    assert!(err(&wrong).contains("OCELLI_ISA=avx1024 is no instruction set"), "{}", err(&wrong));
}

#[test]
fn a_run_that_asks_for_exact_convolutions_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let trained = ocelli(&[
        "train",
        &birds(folder.path()),
        "--out",
        &run.display().to_string(),
        "--set",
        "train.epochs=2",
        "--set",
        "data.size=16",
        "--set",
        "train.exact_convolution=true",
    ]);
    assert!(trained.status.success(), "{}", err(&trained));
    let info = std::fs::read_to_string(run.join("run.json")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["exact_convolution"], true);
    assert!(info["isa"].is_string(), "{info}");
}

#[test]
fn checking_pictures_finds_what_is_wrong_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let birds = birds(folder.path());
    let clean = ocelli(&["data", "check", &birds]);
    assert_eq!(clean.status.code(), Some(0), "{}{}", out(&clean), err(&clean));
    let class = std::fs::read_dir(format!("{birds}/train")).unwrap().next().unwrap().unwrap();
    let picture = std::fs::read_dir(class.path()).unwrap().next().unwrap().unwrap().path();
    let copy = Path::new(&birds).join("val").join(class.file_name()).join("leak.png");
    std::fs::copy(&picture, &copy).unwrap();
    std::fs::write(class.path().join("broken.png"), "no picture").unwrap();
    let checked = ocelli(&["data", "check", &birds]);
    assert_eq!(checked.status.code(), Some(1));
    for words in ["broken.png", "leak.png"] {
        assert!(out(&checked).contains(words), "{words} is missing in:\n{}", out(&checked));
    }
    let stats = ocelli(&["data", "stats", &birds]);
    assert!(stats.status.success() && out(&stats).contains("mean"), "{}", out(&stats));
}

/// Pictures and masks in which class `c` has the index `c`, and a palette file.
fn streets(folder: &Path) -> String {
    let birds = birds(folder);
    let place = folder.join("streets");
    for part in ["images", "masks"] {
        std::fs::create_dir_all(place.join(part)).unwrap();
    }
    for class in std::fs::read_dir(format!("{birds}/train")).unwrap() {
        for picture in std::fs::read_dir(class.unwrap().path()).unwrap() {
            let picture = picture.unwrap().path();
            let mask = birds.clone() + "/masks" + &picture.to_str().unwrap()[birds.len()..];
            let name = picture.file_stem().unwrap().to_str().unwrap().to_owned();
            std::fs::copy(&picture, place.join(format!("images/{name}.jpg"))).unwrap();
            let mask = Path::new(&mask).with_extension("png");
            std::fs::copy(mask, place.join(format!("masks/{name}.png"))).unwrap();
        }
    }
    std::fs::copy(format!("{birds}/parts.csv"), place.join("palette.csv")).unwrap();
    place.display().to_string()
}

#[test]
fn masks_are_checked_and_counted_without_being_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let streets = streets(folder.path());
    let clean = ocelli(&["data", "check", &streets]);
    assert_eq!(clean.status.code(), Some(0), "{}{}", out(&clean), err(&clean));
    assert!(out(&clean).contains("9 classes") && out(&clean).contains("Every mask fits"));
    let stats = ocelli(&["data", "stats", &streets]);
    assert!(out(&stats).contains("class_weights = ["), "{}", out(&stats));
    let json = ocelli(&["data", "stats", &streets, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["stats"]["masks"]["classes"][0]["name"], "background");

    std::fs::remove_file(format!("{streets}/masks/00000.png")).unwrap();
    std::fs::write(format!("{streets}/palette.csv"), "index,name,r,g,b\n0,none,0,0,0\n").unwrap();
    let checked = ocelli(&["data", "check", &streets]);
    assert_eq!(checked.status.code(), Some(1));
    for words in ["missing masks: 1", "images/00000.jpg", "strange values", "1: ", "ignore_index"] {
        assert!(out(&checked).contains(words), "{words} is missing in:\n{}", out(&checked));
    }
    let json = ocelli(&["data", "check", &streets, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["masks"]["pairing"]["without_mask"].as_array().unwrap().len(), 1);

    let birds = folder.path().join("birds").display().to_string();
    let classes = ocelli(&["data", "check", &birds]);
    assert!(out(&classes).contains("3 classes"), "class folders come first: {}", out(&classes));
    let parts = ocelli(&["data", "check", &birds, "--task", "segment"]);
    assert!(out(&parts).contains("9 classes"), "{}{}", out(&parts), err(&parts));
    let refused = ocelli(&["data", "check", &birds, "--masks", "nowhere"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("nowhere: there is no such file"), "{}", err(&refused));
}

#[test]
fn without_a_recipe_what_is_set_counts_before_anything_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let birds = birds(folder.path());
    // Names that tell their class only to those who know the pattern.
    let named = folder.path().join("named");
    std::fs::create_dir(&named).unwrap();
    for (number, class) in std::fs::read_dir(Path::new(&birds).join("train")).unwrap().enumerate() {
        for picture in std::fs::read_dir(class.unwrap().path()).unwrap() {
            let picture = picture.unwrap();
            let name = format!("{}.of{number}.jpg", picture.file_name().display());
            std::fs::copy(picture.path(), named.join(name)).unwrap();
        }
    }
    let named = named.display().to_string();
    assert_eq!(ocelli(&["train", &named]).status.code(), Some(2));
    let run = folder.path().join("run").display().to_string();
    let trained = ocelli(&[
        "train",
        &named,
        "--out",
        &run,
        "--set",
        "data.name_pattern=of(?P<class>\\d)$",
        "--set",
        "train.epochs=1",
        "--set",
        "data.size=16",
    ]);
    assert!(trained.status.success(), "{}", err(&trained));
    for words in ["size 16, as you say", "1 epoch, as you say", "3 classes"] {
        assert!(err(&trained).contains(words), "{words:?} is missing in {}", err(&trained));
    }
}

/// Trains a recipe of the project for one epoch on few pictures.
fn dense_run(recipe: &str, run: &str, more: &[&str]) -> Output {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(recipe);
    let recipe = recipe.display().to_string();
    let mut arguments = vec!["train", &recipe, "--out", run];
    let sets = [
        "train.epochs=1",
        "data.train=synth://birds?classes=3&count=24&size=32",
        "data.size=32",
        "model.width=4",
        "model.depth=2",
    ];
    for set in sets.iter().chain(more) {
        arguments.extend(["--set", *set]);
    }
    ocelli(&arguments)
}

#[test]
fn segmentation_trains_evaluates_predicts_and_is_laid_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let birds = birds(folder.path());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let [with, without] = [place("with"), place("without")];
    let trained = dense_run("segment-birds.toml", &with, &[]);
    assert!(trained.status.success(), "{}", err(&trained));
    assert!(
        err(&trained).contains("mIoU") && err(&trained).contains("sheets"),
        "{}",
        err(&trained)
    );
    let trained = dense_run("segment-birds.toml", &without, &["model.skip_connections=false"]);
    assert!(trained.status.success(), "{}", err(&trained));
    let sheets = std::fs::read_dir(Path::new(&with).join("figures")).unwrap().count();
    assert_eq!(sheets, 4, "a sheet for each of the snapshots' pictures");

    let evaluated = ocelli(&["eval", &with, "--flip", "--scales", "0.5,1", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out(&evaluated)).unwrap();
    for key in ["data", "loss", "accuracy", "miou", "frequency_weighted_iou", "iou", "dice"] {
        assert!(report.get(key).is_some(), "{key} is missing in {report}");
    }
    assert!(report.get("top5").is_none());

    let masks = place("masks");
    let pictures = format!("{birds}/val");
    for format in ["index", "palette", "color", "overlay"] {
        let predicted =
            ocelli(&["predict", &with, &pictures, "--out", &masks, "--masks", format, "--json"]);
        assert!(predicted.status.success(), "{}", err(&predicted));
        let line = out(&predicted).lines().next().unwrap().to_owned();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let written = std::fs::read(line["written"].as_str().unwrap()).unwrap();
        let size = ocelli_data::decode::dimensions(&written, &Default::default()).unwrap();
        assert_eq!(size, (24, 24), "the picture's own size");
    }
    let sliding = ocelli(&["predict", &with, &pictures, "--out", &masks, "--sliding-window"]);
    assert!(sliding.status.success(), "{}", err(&sliding));
    let nowhere = ocelli(&["predict", &with, &pictures]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(err(&nowhere).contains("--out"), "{}", err(&nowhere));

    let beside = place("beside");
    let compared = ocelli(&["compare", &with, &without, "--out", &beside]);
    assert!(out(&compared).contains("mIoU %") && out(&compared).contains("without skip"));
    assert_eq!(std::fs::read_dir(&beside).unwrap().count(), 4);
}

#[test]
fn colorization_keeps_the_lightness_and_is_measured_by_its_colors() {
    let folder = tempfile::tempdir().unwrap();
    let birds = birds(folder.path());
    let place = |name: &str| folder.path().join(name).display().to_string();
    for space in ["lab", "rgb"] {
        let run = place(space);
        let set = format!("colorize.space={space}");
        let trained = dense_run("colorize-birds.toml", &run, &[&set]);
        assert!(trained.status.success(), "{}", err(&trained));
        let evaluated = ocelli(&["eval", &run, "--data", &birds, "--json"]);
        let report: serde_json::Value = serde_json::from_str(&out(&evaluated)).unwrap();
        for key in ["psnr", "ssim", "ciede2000"] {
            assert!(report[key].as_f64().is_some(), "{key} is missing in {report}");
        }
        let colored = place(&format!("{space}-colored"));
        let predicted =
            ocelli(&["predict", &run, &format!("{birds}/val"), "--out", &colored, "--json"]);
        assert!(predicted.status.success(), "{}", err(&predicted));
        let line = out(&predicted).lines().next().unwrap().to_owned();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let read = |path: &str| {
            let bytes = std::fs::read(path).unwrap();
            ocelli_data::decode::decode(&bytes, &Default::default()).unwrap()
        };
        let answer = read(line["written"].as_str().unwrap());
        let given = read(line["path"].as_str().unwrap());
        assert_eq!((answer.width(), answer.height()), (given.width(), given.height()));
        if space == "lab" {
            let lightness = |picture: &ocelli_data::Picture| -> f64 {
                let lab = ocelli_data::color::lab_from_rgb8(picture.pixels());
                lab.iter().step_by(3).map(|&value| f64::from(value)).sum::<f64>()
                    / (lab.len() / 3) as f64
            };
            let apart = (lightness(&answer) - lightness(&given)).abs();
            assert!(apart < 1.0, "the mean lightness moved by {apart}");
        }
    }
}
