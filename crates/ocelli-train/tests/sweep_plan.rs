//! From a grid's text to the runs that it asks for, and what is told where it can't be.

use std::path::Path;

use ocelli_train::recipe::BestBy;
use ocelli_train::sweep::grid::{Grid, GridError};
use ocelli_train::sweep::outcome::Scores;
use ocelli_train::sweep::plan::Plan;
use ocelli_train::sweep::table::{Summary, SweepTable, TableRow, TableRun};
use proptest::prelude::*;

fn grid(text: &str) -> Result<Grid, GridError> {
    Grid::read(text, "grid.toml", "grid", Path::new("nowhere"))
}

fn plan(text: &str) -> Result<Plan, GridError> {
    Plan::new(&grid(text)?, &[])
}

#[test]
fn rows_are_settings_times_axes_and_seeds_are_within_them() {
    let plan = plan(
        r#"
        name = "points"
        recipe.train.epochs = 3
        set.train.batch_size = 8
        [[stage]]
        name = "Before"
        set = { seed = 7 }
        [[setting]]
        name = "A: scratch, full"
        [[setting]]
        name = "B"
        [setting.set]
        "model.weights" = "stage://Before"
        train.epochs = 5
        [axes]
        seed = [0, 1]
        optimizer.lr = [
            1e-3,  # the usual
            1e-4,
        ]
        "train.loss" = [{ name = "cross_entropy", label_smoothing = 0.1 }]
        "#,
    )
    .unwrap();
    assert_eq!(plan.columns, ["optimizer.lr", "train.loss"]);
    let places: Vec<String> =
        plan.runs.iter().map(|run| run.place.to_string_lossy().replace('\\', "/")).collect();
    assert_eq!(
        places,
        [
            "stages/before",
            "runs/a-scratch-full-lr-1e-3-loss-1-seed-0",
            "runs/a-scratch-full-lr-1e-3-loss-1-seed-1",
            "runs/a-scratch-full-lr-1e-4-loss-1-seed-0",
            "runs/a-scratch-full-lr-1e-4-loss-1-seed-1",
            "runs/b-lr-1e-3-loss-1-seed-0",
            "runs/b-lr-1e-3-loss-1-seed-1",
            "runs/b-lr-1e-4-loss-1-seed-0",
            "runs/b-lr-1e-4-loss-1-seed-1",
        ]
    );
    let rows: Vec<_> = plan
        .rows
        .iter()
        .map(|row| (row.setting.clone().unwrap(), row.values[0].clone(), row.runs.clone()))
        .collect();
    assert_eq!(rows[1], ("A: scratch, full".to_owned(), "1e-4".to_owned(), vec![3, 4]));
    assert_eq!(rows[2], ("B".to_owned(), "1e-3".to_owned(), vec![5, 6]));

    // [set] is for settings; a stage has the recipe and its own changes.
    let stage = &plan.runs[0].recipe;
    assert_eq!((stage.train.epochs, stage.train.batch_size, stage.seed), (3, 32, 7));
    let last = &plan.runs[8];
    assert_eq!((last.recipe.train.epochs, last.recipe.train.batch_size), (5, 8));
    assert_eq!((last.recipe.seed, last.recipe.optimizer.lr), (1, Some(1e-4)));
    assert_eq!(last.stage_weights.len(), 1);
    assert_eq!((last.stage_weights[0].key, last.stage_weights[0].stage), ("model.weights", 0));
    assert!(plan.runs[1].stage_weights.is_empty());
}

#[test]
fn a_grid_of_nothing_but_seeds_is_one_row_and_of_nothing_at_all_one_run() {
    let seeds = plan("[recipe]\n[axes]\nseed = [3, 4]\n").unwrap();
    assert_eq!((seeds.rows.len(), seeds.runs.len()), (1, 2));
    assert_eq!(seeds.runs[1].place, Path::new("runs").join("seed-4"));
    let one = plan("[recipe]\n").unwrap();
    assert_eq!((one.rows.len(), one.runs.len()), (1, 1));
    assert_eq!(one.runs[0].place, Path::new("runs").join("grid"));
}

#[test]
fn runs_whose_names_would_be_alike_get_folders_of_their_own() {
    let text = "[recipe]\n[[setting]]\nname = 'a b'\n[[setting]]\nname = 'A, b'\n";
    let plan = plan(text).unwrap();
    assert_eq!(plan.runs[0].place, Path::new("runs").join("a-b"));
    assert_eq!(plan.runs[1].place, Path::new("runs").join("a-b-2"));
}

#[test]
fn what_is_wrong_with_a_grid_is_told_with_its_place() {
    for (text, words) in [
        ("recipe = ", "line 1"),
        ("name = 'a/b'\n[recipe]\n", "grid.toml:1:8: name: found \"a/b\""),
        ("axes = { seed = [1] }", "recipe: found nothing, expected the path of a recipe"),
        ("recipe = 3", "grid.toml:1:10: recipe: found integer"),
        ("recipe = 'gone.toml'", "gone.toml: could not be read"),
        ("[recipe]\n[sets]\n", "grid.toml:2:1: sets: found an unknown key, expected one of name,"),
        ("[recipe]\n[[setting]]\nnam = 'A'\n", "grid.toml:3:7: setting.nam: found an unknown key"),
        ("[recipe]\n[[setting]]\nset = {}\n", "grid.toml:2:1: setting.name: found no name"),
        (
            "[recipe]\n[[setting]]\nname = 'A'\n[[setting]]\nname = 'A'\n",
            "grid.toml:5:8: setting.name: found \"A\" again",
        ),
        ("[recipe]\n[setting]\nname = 'A'\n", "setting: found a table, expected tables"),
        (
            "[recipe]\n[axes]\nseed = 3\n",
            "grid.toml:3:8: axes.seed: found integer, expected a list",
        ),
        ("[recipe]\n[axes]\nseed = []\n", "axes.seed: found no values"),
        (
            "[recipe]\n[set]\nseed = 1\n[axes]\nseed = [1, 2]\n",
            "grid.toml:5:8: axes.seed: found a key that is also in a `set`",
        ),
        // What is wrong with a run names the run and the key.
        (
            "[recipe]\n[axes]\nseed = [0]\n'train.epochs' = [1, 0]\n",
            "grid.toml: train.epochs 0, seed 0: train.epochs: found 0, expected at least 1",
        ),
        (
            "[recipe]\n[[setting]]\nname = 'A'\nset = { 'train.epoch' = 3 }\n",
            "grid.toml: A: train.epoch=3: unknown field `epoch`",
        ),
        ("[recipe]\n[set]\nmodel.name = 'resnet19'\n", "grid.toml: grid: model.name: "),
        (
            "[recipe]\n[set]\nmodel.weights = 'stage://b'\n[[stage]]\nname = 'a'\n",
            "model.weights: found stage://b, expected a stage that comes before it: a",
        ),
        (
            "[recipe]\n[[stage]]\nname = 'a'\nset = { model.weights = 'stage://a' }\n",
            "stage a: model.weights: found stage://a, expected a stage that comes before it: none",
        ),
        ("[recipe]\ntrain.epoch = 1\n", "grid.toml: [recipe]"),
    ] {
        let error = plan(text).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{text:?}\n  found    {error}\n  expected {words}");
    }
}

#[test]
fn what_the_command_line_sets_goes_over_the_grid_but_not_over_its_axes() {
    let grid = grid("[recipe]\n[set]\ntrain.epochs = 4\n[axes]\nseed = [0]\n").unwrap();
    let plan = Plan::new(&grid, &["train.epochs=2".to_owned()]).unwrap();
    assert_eq!(plan.runs[0].recipe.train.epochs, 2);
    let error = Plan::new(&grid, &["seed = 2".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("--set seed = 2: the grid's axes go over this key"), "{error}");
}

#[test]
fn the_spread_is_the_sample_standard_deviation_and_of_one_run_there_is_none() {
    assert_eq!(Summary::of(&[]), None);
    assert_eq!(Summary::of(&[0.5]), Some(Summary { mean: 0.5, spread: None, count: 1 }));
    // 2, 4, 4, 4, 5, 5, 7, 9: squares sum to 32, over 7.
    let summary = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!((summary.mean, summary.count), (5.0, 8));
    assert!((summary.spread.unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
}

#[test]
fn rows_that_are_measured_differently_each_say_how_and_text_stays_text_in_every_format() {
    let row = |values: &str, metric, mean| TableRow {
        setting: None,
        values: vec![values.to_owned()],
        metric,
        finished: 1,
        best: Summary::of(&[mean]),
        last: Summary::of(&[mean, mean + 0.25]),
        test: None,
        seconds_per_epoch: Summary::of(&[1.25]),
        runs: vec![TableRun {
            label: "a_b, seed 0".to_owned(),
            folder: "runs/a".to_owned(),
            seed: 0,
            metric,
            state: "failed",
            error: Some("line | one\nline two".to_owned()),
            scores: Scores::default(),
        }],
    };
    let table = SweepTable {
        name: "mixed".to_owned(),
        columns: vec!["model.name".to_owned()],
        stages: Vec::new(),
        rows: vec![row("a, \"b\"", BestBy::Accuracy, 0.5), row("c|d", BestBy::Loss, 0.5)],
    };
    let (header, rows) = table.cells();
    assert_eq!(header, ["model.name", "runs", "measure", "best val", "last val", "s/epoch"]);
    assert_eq!(rows[0], ["a, \"b\"", "1", "accuracy %", "50.00", "62.50 ± 17.68", "1.2"]);
    assert_eq!(rows[1], ["c|d", "1", "loss", "0.5000", "0.6250 ± 0.1768", "1.2"]);
    let markdown = table.to_markdown();
    assert!(markdown.contains("| c\\|d | 1 | loss |"), "{markdown}");
    assert!(markdown.contains("- failed: a\\_b, seed 0: line \\| one line two\n"), "{markdown}");
    let csv = table.to_csv().unwrap();
    assert!(
        csv.contains("\n,\"a, \"\"b\"\"\",1,1,accuracy,0.5,,0.625,0.1767766952966369,,,1.25,\n"),
        "{csv}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[\\[?(set|axes|stage|setting|recipe)\\]?\\]\n|(name|set|seed|recipe|axes\\.a) = ('a'|3|\\[1\\]|\\{b.c=1\\})\n){0,8}") {
        let _ = plan(&text);
    }
}
