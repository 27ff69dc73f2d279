//! `ocelli report`: what it writes, from what, and what it says where something is missing.

use std::path::{Path, PathBuf};
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

/// Trains a recipe of the project for two epochs on few and small pictures.
fn run(recipe: &str, place: &Path, more: &[&str]) -> String {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(recipe);
    let (recipe, place) = (recipe.display().to_string(), place.display().to_string());
    let mut arguments = vec!["train", &recipe, "--out", &place];
    let sets = [
        "train.epochs=2",
        "data.train=synth://birds?classes=3&count=60&size=32",
        "data.size=32",
        "schedule.warmup_epochs=0",
    ];
    for set in sets.iter().chain(more) {
        arguments.extend(["--set", *set]);
    }
    let trained = ocelli(&arguments);
    assert!(trained.status.success(), "{}", err(&trained));
    assert!(err(&trained).contains("ocelli report"), "{}", err(&trained));
    place
}

fn page(output: &Output) -> String {
    assert!(output.status.success(), "{}", err(output));
    let path = PathBuf::from(out(output).trim_end());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn has_section(page: &str, anchor: &str) -> bool {
    page.contains(&format!("<section id=\"{anchor}\""))
}

#[test]
fn a_classifier_is_drawn_from_its_folder_and_what_is_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = run("features-birds.toml", &folder.path().join("features"), &[]);
    let run = Path::new(&place);

    let drawn = page(&ocelli(&["report", &place, "--grad-cam", "3"]));
    let all = [
        "curves",
        "features",
        "mistakes",
        "grad-cam",
        "first-batch",
        "classes",
        "confusion",
        "recipe",
    ];
    for anchor in all {
        assert!(has_section(&drawn, anchor), "{anchor} is missing");
    }
    assert!(drawn.matches("data:image/").count() > 20, "points and galleries have pictures");
    for figure in ["curves", "projections", "mistakes", "grad-cam", "first-batch", "confusion"] {
        for end in [".svg", ".png", "-dark.svg", "-dark.png"] {
            let path = run.join("figures").join(format!("{figure}{end}"));
            assert!(path.metadata().is_ok_and(|file| file.len() > 500), "{}", path.display());
        }
    }
    let kept = std::fs::read_to_string(run.join("snapshots/epoch-0002/predictions.jsonl")).unwrap();
    for line in kept.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let sure = line["confidence"].as_f64().unwrap();
        assert!((1.0 / 3.0 - 1e-6..=1.0).contains(&sure), "of three answers the first: {line}");
    }

    let elsewhere = folder.path().join("elsewhere").display().to_string();
    let first = ocelli(&["report", &place, "--epochs", "1", "--out", &elsewhere]);
    let first = page(&first);
    assert!(first.contains("PCA, epoch 1") || first.contains("\"epoch\":1"));
    assert!(!first.contains("\"epoch\":2") && !has_section(&first, "grad-cam"));
    let kept = run.join("snapshots/epoch-0002/predictions.jsonl");
    let name = std::fs::read_to_string(&kept).unwrap();
    let name: serde_json::Value = serde_json::from_str(name.lines().next().unwrap()).unwrap();
    let chosen = name["picture"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let chosen = page(&ocelli(&["report", &place, "--grad-cam", &chosen]));
    assert!(has_section(&chosen, "grad-cam"));

    for (arguments, status, words) in [
        (vec!["report", "no/such/run"], 2, "no run folder"),
        (vec!["report", &place, &place], 2, "--compare"),
        (vec!["report", &place, "--epochs", "7"], 2, "those that it has: 1, 2"),
        (vec!["report", &place, "--grad-cam", "0"], 2, "expected 1 to"),
        (vec!["report", &place, "--grad-cam", "nobody.png"], 2, "no validation picture"),
        (vec!["report", &place, "--grad-cam", "2", "--checkpoint", "9"], 1, "epoch-0009"),
        (vec!["report", &place, "--compare", "--grad-cam", "2"], 2, "cannot be used with"),
    ] {
        let refused = ocelli(&arguments);
        assert_eq!(refused.status.code(), Some(status), "{arguments:?}: {}", err(&refused));
        assert!(err(&refused).contains(words), "{arguments:?}: {}", err(&refused));
    }

    // As a run is that was killed while it wrote, and whose pictures have moved.
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    std::fs::write(run.join("metrics.jsonl"), &metrics[..metrics.len() - 40]).unwrap();
    std::fs::remove_file(run.join("run.json")).unwrap();
    std::fs::remove_dir_all(run.join("checkpoints")).unwrap();
    let recipe = std::fs::read_to_string(run.join("recipe.toml")).unwrap();
    let moved = recipe.replace("synth://birds?classes=3", "synth://birds?classes=5");
    std::fs::write(run.join("recipe.toml"), recipe.replace("synth://birds", "gone/birds")).unwrap();
    let broken = ocelli(&["report", &place]);
    let told = err(&broken);
    for words in ["is cut off", "run.json", "gone/birds"] {
        assert!(told.contains(words), "{words:?} is missing in {told}");
    }
    let broken = page(&broken);
    assert!(has_section(&broken, "features") && broken.contains("Not everything could be read"));
    std::fs::write(run.join("recipe.toml"), moved).unwrap();
    assert!(ocelli(&["report", &place]).status.success());
    std::fs::write(run.join("recipe.toml"), "task = ").unwrap();
    assert!(has_section(&page(&ocelli(&["report", &place])), "features"));
}

#[test]
fn dense_runs_show_their_answers_and_runs_are_laid_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["model.width=4", "model.depth=2"];
    let place = |name: &str| folder.path().join(name);
    let fcn = run("segment-birds.toml", &place("fcn"), &small);
    let more = [small[0], small[1], "model.skip_connections=false"];
    let unet = run("segment-birds.toml", &place("unet"), &more);
    let colorize = run("colorize-birds.toml", &place("colorize"), &small);

    let drawn = page(&ocelli(&["report", &fcn]));
    for anchor in ["answers", "first-batch", "classes", "confusion"] {
        assert!(has_section(&drawn, anchor), "{anchor} is missing");
    }
    assert!(!has_section(&drawn, "features"), "its snapshots are masks");
    assert!(drawn.contains("class=\"swatches\""), "the masks' colours are named");
    let drawn = page(&ocelli(&["report", &colorize]));
    assert!(has_section(&drawn, "answers") && drawn.contains("PSNR") && drawn.contains(" dB"));

    let refused = ocelli(&["report", &fcn, "--grad-cam", "2"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("for classification"), "{}", err(&refused));

    let to = place("side-by-side").display().to_string();
    let compared = page(&ocelli(&["report", "--compare", &fcn, &unet, "--out", &to]));
    for anchor in ["experiments", "classes", "curves", "answers", "differences"] {
        assert!(has_section(&compared, anchor), "{anchor} is missing");
    }
    assert!(compared.contains("model.skip_connections") && compared.contains(">unet<"));
    assert!(place("side-by-side/figures/compared/curves.svg").is_file());
    let mixed = page(&ocelli(&["report", "--compare", &fcn, &colorize, "--out", &to]));
    assert!(!has_section(&mixed, "answers"), "masks and colours are not compared");
}
