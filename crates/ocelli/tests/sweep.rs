//! Sweeps as people run them: what is trained in which order, what is kept, what is told, and whether
//! the tables' numbers are those of the runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const OCELLI: &str = env!("CARGO_BIN_EXE_ocelli");

/// A network of a few thousand numbers on pictures of a few pixels.
const RECIPE: &str = r#"
[recipe]
task = "segment"
[recipe.model]
name = "unet"
width = 4
depth = 2
[recipe.data]
train = "synth://birds?classes=2&count=24&size=16"
val = 0.25
size = 16
[recipe.train]
batch_size = 6
[recipe.optimizer]
name = "sgd"
lr = 0.05
"#;

fn write_grid(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("grid.toml");
    std::fs::write(&path, format!("{text}{RECIPE}")).unwrap();
    path
}

fn sweep(grid: &Path, out: &Path) -> Command {
    let mut command = Command::new(OCELLI);
    command.arg("sweep").arg(grid).arg("--out").arg(out).args(["--threads", "2"]);
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn lines(run: &Path, split: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["split"] == split).collect()
}

fn close(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() - expected).abs() < 1e-12
}

/// Mean and sample standard deviation of two numbers.
fn of_two([a, b]: [f64; 2]) -> (f64, f64) {
    (f64::midpoint(a, b), (a - b).abs() / 2.0_f64.sqrt())
}

#[test]
fn stages_come_first_failures_are_told_the_rest_is_done_and_the_tables_hold_the_runs_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let grid = write_grid(
        folder.path(),
        r#"
[set]
train.epochs = 3
data.test = "synth://birds?classes=2&count=6&size=16"
[[stage]]
name = "good"
set = { train.epochs = 2 }
[[stage]]
name = "broken"
set = { train.freeze = "no such part" }
[[setting]]
name = "scratch"
[[setting]]
name = "from good | frozen"
set = { model.weights = "stage://good", train.freeze = "encoder*" }
[[setting]]
name = "from broken"
set = { model.weights = "stage://broken" }
[[setting]]
name = "diverges"
set = { optimizer.lr = 1e30 }
[axes]
seed = [0, 1]
"#,
    );
    let place = folder.path().join("sweep");
    let first = run(&mut sweep(&grid, &place));
    let told = err(&first);
    assert_eq!(first.status.code(), Some(1), "{told}");
    let begun: Vec<&str> = told
        .lines()
        .filter(|line| line.contains(": begins; log: "))
        .map(|line| line.split(": begins").next().unwrap())
        .collect();
    assert_eq!(
        begun,
        [
            "[1/10] stage good",
            "[2/10] stage broken",
            "[3/10] scratch, seed 0",
            "[4/10] scratch, seed 1",
            "[5/10] from good | frozen, seed 0",
            "[6/10] from good | frozen, seed 1",
            "[9/10] diverges, seed 0",
            "[10/10] diverges, seed 1",
        ],
        "{told}"
    );
    for words in [
        "stage broken: failed: [train] `freeze` names \"no such part\"",
        "from broken, seed 1: failed: it starts from stage broken, which failed",
        "diverges, seed 0: failed: epoch 1",
        "5 of 10 runs failed",
    ] {
        assert!(told.contains(words), "{words:?} is missing in:\n{told}");
    }

    let table = json(&place.join("table.json"));
    let rows = table["rows"].as_array().unwrap();
    for (row, name, runs) in [
        (0, "scratch", ["scratch-seed-0", "scratch-seed-1"]),
        (1, "from good | frozen", ["from-good-frozen-seed-0", "from-good-frozen-seed-1"]),
    ] {
        let row = &rows[row];
        assert_eq!((&row["setting"], &row["finished"]), (&name.into(), &2.into()), "{row}");
        assert_eq!(row["metric"], "miou");
        let runs = runs.map(|run| place.join("runs").join(run));
        let miou = |line: &Value| line["miou"].as_f64().unwrap();
        let best = runs
            .each_ref()
            .map(|run| lines(run, "val").iter().map(miou).fold(f64::NEG_INFINITY, f64::max));
        let last = runs.each_ref().map(|run| miou(lines(run, "val").last().unwrap()));
        let test = runs.each_ref().map(|run| miou(lines(run, "test").last().unwrap()));
        let seconds = runs.each_ref().map(|run| {
            let train = lines(run, "train");
            let sum: f64 = train.iter().map(|line| line["seconds"].as_f64().unwrap()).sum();
            assert_eq!(train.len(), 3);
            sum / 3.0
        });
        for (key, values) in
            [("best", best), ("last", last), ("test", test), ("seconds_per_epoch", seconds)]
        {
            let (mean, spread) = of_two(values);
            let summary = &row[key];
            assert!(close(&summary["mean"], mean) && close(&summary["spread"], spread), "{row}");
        }
        // What people read.
        let (mean, spread) = of_two(best);
        let words = format!("{:.2} ± {:.2}", mean * 100.0, spread * 100.0);
        assert!(out(&first).contains(&words), "{words} is missing in\n{}", out(&first));
        let markdown = std::fs::read_to_string(place.join("table.md")).unwrap();
        let line = format!("| {} | 2 | {words} |", name.replace('|', "\\|"));
        assert!(markdown.contains(&line), "{line} is missing in\n{markdown}");
        let csv = std::fs::read_to_string(place.join("table.csv")).unwrap();
        let line = csv.lines().find(|line| line.starts_with(name)).unwrap();
        let cells: Vec<&str> = line.split(',').collect();
        assert!((cells[4].parse::<f64>().unwrap() - mean).abs() < 1e-12, "{csv}");
        assert!((cells[5].parse::<f64>().unwrap() - spread).abs() < 1e-12, "{csv}");
    }
    assert_eq!((&rows[2]["finished"], &rows[2]["best"]), (&0.into(), &Value::Null));
    assert!(rows[3]["runs"][0]["error"].as_str().unwrap().contains("smaller optimizer.lr"));

    // The frozen part is the stage's to the bit, and scratch's is not.
    let encoder = |run: &str| {
        let file = place.join(run).join("checkpoints/best/model.safetensors");
        let data = std::fs::read(file).unwrap();
        let tensors = tensors_of(&data);
        let (_, values) = tensors.into_iter().find(|(key, _)| key.starts_with("encoder")).unwrap();
        values
    };
    assert_eq!(encoder("stages/good"), encoder("runs/from-good-frozen-seed-1"));
    assert_ne!(encoder("stages/good"), encoder("runs/scratch-seed-1"));

    // The same command again: what is finished is kept, what failed is tried again.
    let kept = std::fs::metadata(place.join("runs/scratch-seed-0/metrics.jsonl")).unwrap();
    let again = run(sweep(&grid, &place).arg("--json"));
    assert_eq!(again.status.code(), Some(1));
    let told = err(&again);
    assert!(told.contains("5 of 10 runs were finished before and are kept"), "{told}");
    assert!(!told.contains("scratch"), "{told}");
    assert!(
        told.contains("diverges, seed 1: goes on") || told.contains("diverges, seed 1: begins")
    );
    let after = std::fs::metadata(place.join("runs/scratch-seed-0/metrics.jsonl")).unwrap();
    assert_eq!(kept.modified().unwrap(), after.modified().unwrap());
    let printed: Value = serde_json::from_str(&out(&again)).unwrap();
    assert_eq!(printed["rows"][0], rows[0]);

    // With what made them fail mended, only they are trained.
    let text = std::fs::read_to_string(&grid).unwrap().replace("\"no such part\"", "\"encoder*\"");
    std::fs::write(&grid, text).unwrap();
    let mended = run(&mut sweep(&grid, &place));
    assert_eq!(mended.status.code(), Some(1), "those that diverge still do");
    let table = json(&place.join("table.json"));
    assert_eq!(table["rows"][2]["finished"], 2, "{}", err(&mended));
}

/// The tensors of a safetensors file: key and bytes.
fn tensors_of(data: &[u8]) -> Vec<(String, Vec<u8>)> {
    let size = u64::from_le_bytes(data[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, Value> =
        serde_json::from_slice(&data[8..8 + size]).unwrap();
    let values = |entry: &Value| {
        let at = |end: usize| 8 + size + entry["data_offsets"][end].as_u64().unwrap() as usize;
        data[at(0)..at(1)].to_vec()
    };
    let tensors = header.iter().filter(|(key, _)| *key != "__metadata__");
    tensors.map(|(key, entry)| (key.clone(), values(entry))).collect()
}

/// Long enough to be stopped in the middle.
const LONG: &str = "[set]\ntrain.epochs = 60\n[axes]\nseed = [0, 1, 2]\n";

fn weights(sweep: &Path, seed: u64) -> Vec<u8> {
    let run = sweep.join("runs").join(format!("seed-{seed}"));
    std::fs::read(run.join("checkpoints/last/model.safetensors")).unwrap()
}

/// Waits until a run has done some epochs, and says how many.
fn wait_for_epochs(run: &Path) -> usize {
    let started = Instant::now();
    loop {
        let done = lines(run, "val").len();
        if done >= 2 {
            return done;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{} does not train", run.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_sweep_killed_in_the_middle_goes_on_and_ends_as_one_that_never_stopped_with_any_number_of_jobs()
{
    let folder = tempfile::tempdir().unwrap();
    let grid = write_grid(folder.path(), LONG);
    let [unbroken, killed] = ["unbroken", "killed"].map(|name| folder.path().join(name));
    let whole = run(sweep(&grid, &unbroken).args(["--jobs", "3"]));
    assert!(whole.status.success(), "{}", err(&whole));

    let mut process = sweep(&grid, &killed).stderr(Stdio::null()).spawn().unwrap();
    let second = killed.join("runs/seed-1");
    let done = wait_for_epochs(&second);
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(done < 60, "it was over before it could be killed");
    let resumed = run(&mut sweep(&grid, &killed));
    let told = err(&resumed);
    assert!(resumed.status.success(), "{told}");
    assert!(told.contains("1 of 3 runs were finished before and are kept"), "{told}");
    assert!(told.contains("[2/3] seed 1: goes on"), "{told}");
    assert!(told.contains("[3/3] seed 2: begins"), "{told}");
    for seed in 0..3 {
        assert!(weights(&unbroken, seed) == weights(&killed, seed), "seed {seed} differs");
    }
    let [first, second] = [&unbroken, &killed].map(|place| json(&place.join("table.json")));
    assert_eq!(first["rows"][0]["best"], second["rows"][0]["best"]);
    assert_eq!(first["rows"][0]["best"]["count"], 3);
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_every_run_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let grid = write_grid(folder.path(), LONG);
    let place = folder.path().join("sweep");
    let process = sweep(&grid, &place)
        .args(["--jobs", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let runs = [0, 1].map(|seed| place.join("runs").join(format!("seed-{seed}")));
    runs.iter().for_each(|run| {
        wait_for_epochs(run);
    });
    // A second sweep in the same folder would train the same runs.
    let second = run(&mut sweep(&grid, &place));
    assert_eq!(second.status.code(), Some(2));
    assert!(err(&second).contains("another `ocelli sweep` is at work here"), "{}", err(&second));

    let interrupt =
        Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let stopped = process.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(130), "{}", err(&stopped));
    // On a busy machine one may have been over by then.
    let status = runs.each_ref().map(|run| json(&run.join("run.json"))["status"].clone());
    let finished = status.iter().filter(|status| **status == "finished").count();
    assert!(status.iter().all(|status| status == "stopped" || status == "finished"), "{status:?}");
    assert!(finished < 2, "both were over before they could be stopped");
    assert!(err(&stopped).contains(&format!("saved: {} run", 3 - finished)), "{}", err(&stopped));
    assert!(out(&stopped).contains(&format!("{finished} of 3")), "{}", out(&stopped));
    let resumed = run(&mut sweep(&grid, &place));
    assert!(resumed.status.success(), "{}", err(&resumed));
    let goes_on = err(&resumed).matches(": goes on").count();
    assert_eq!(goes_on, 2 - finished, "{}", err(&resumed));
    assert_eq!(json(&place.join("table.json"))["rows"][0]["finished"], 3);
}

#[test]
fn a_changed_grid_is_told_where_a_run_was_begun_and_may_grow_where_none_was() {
    let folder = tempfile::tempdir().unwrap();
    let short = "[set]\ntrain.epochs = 1\n[axes]\nseed = [0, 1]\n";
    let grid = write_grid(folder.path(), short);
    let place = folder.path().join("sweep");
    let first = run(&mut sweep(&grid, &place));
    assert!(first.status.success(), "{}", err(&first));

    write_grid(folder.path(), &short.replace("epochs = 1", "epochs = 2"));
    let changed = run(&mut sweep(&grid, &place));
    assert_eq!(changed.status.code(), Some(2));
    assert!(err(&changed).contains("train.epochs was 1, is 2"), "{}", err(&changed));
    assert!(err(&changed).contains("seed-0"), "{}", err(&changed));

    write_grid(folder.path(), &short.replace("[0, 1]", "[1, 2]"));
    let grown = run(&mut sweep(&grid, &place));
    let told = err(&grown);
    assert!(grown.status.success(), "{told}");
    assert!(told.contains("seed-0: no longer in the grid"), "{told}");
    assert!(told.contains("1 of 2 runs were finished before"), "{told}");
    assert!(told.contains("[2/2] seed 2: begins"), "{told}");

    // A finished run is something to start from.
    let weights = place.join("runs/seed-1");
    let further = format!("[set]\nmodel.weights = '{}'\n[axes]\nseed = [5]\n", weights.display());
    let planned = run(sweep(&write_grid(folder.path(), &further), &folder.path().join("further"))
        .arg("--dry-run"));
    assert!(out(&planned).contains("1 run, all checked"), "{}{}", out(&planned), err(&planned));
}

#[test]
fn a_grid_that_can_not_be_trained_is_told_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("sweep");
    for (text, words) in [
        ("[axes]\nseed = 1\n", "axes.seed: found integer"),
        ("[axes]\nseed = [1]\ntrain.epochs = [1, 0]\n", "train.epochs: found 0"),
        ("[[setting]]\nname = 'A'\nset = { data.train = 'no/such/folder' }\n", "no/such/folder"),
        ("[set]\nmodel.weights = 'no/such.safetensors'\n", "no/such.safetensors"),
    ] {
        let output = run(&mut sweep(&write_grid(folder.path(), text), &place));
        assert_eq!(output.status.code(), Some(2), "{}", err(&output));
        assert!(err(&output).contains(words), "{words}: {}", err(&output));
        assert!(!place.join("runs").exists());
    }
    let listed = run(sweep(&write_grid(folder.path(), LONG), &place).arg("--dry-run"));
    assert!(out(&listed).contains("3 runs, all checked"), "{}", err(&listed));
    assert!(!place.join("runs").exists());
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes.txt"), "mine").unwrap();
    let output = run(&mut sweep(&folder.path().join("grid.toml"), &other));
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("no sweep's folder"), "{}", err(&output));
}

/// A grid that comes with the program.
fn own_grid(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(name)
}

#[test]
fn the_grids_that_come_with_the_program_ask_for_what_can_be_trained() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["grid-a-to-e.toml", "grid-birds.toml"] {
        let grid = own_grid(name);
        let listed = run(sweep(&grid, &folder.path().join("sweep")).arg("--dry-run"));
        assert!(listed.status.success(), "{}", err(&listed));
        assert!(out(&listed).contains("17 runs, all checked"), "{}", out(&listed));
    }
}

#[test]
#[ignore = "takes minutes: cargo test --workspace --test sweep whole_grid -- --ignored --nocapture"]
fn the_whole_grid_of_birds_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let grid = own_grid("grid-birds.toml");
    let place = folder.path().join("sweep");
    let trained = run(&mut sweep(&grid, &place));
    assert!(trained.status.success(), "{}", err(&trained));
    eprintln!("{}\n{}", err(&trained), out(&trained));
    let table = json(&place.join("table.json"));
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    for row in rows {
        assert_eq!(row["best"]["count"], 3, "{row}");
    }
}
