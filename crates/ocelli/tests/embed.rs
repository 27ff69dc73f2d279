//! `ocelli embed`: the features of snapshots again, by the command, for any pictures.

use std::path::Path;
use std::process::{Command, Output};

use ocelli_train::checkpoint;

fn ocelli(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ocelli")).args(arguments).output().unwrap()
}

fn done(arguments: &[&str]) -> String {
    let output = ocelli(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The file's `features` and `labels`.
fn features(folder: &Path) -> (Vec<f32>, Vec<usize>, Option<Vec<i64>>) {
    let dict = ocelli_nn::safetensors::read(folder.join("features.safetensors")).unwrap();
    let features = dict.get("features").unwrap();
    let labels = dict.get("labels").map(|labels| labels.as_i64().unwrap().to_vec());
    (features.as_f32().unwrap().to_vec(), features.shape().to_vec(), labels)
}

#[test]
fn pictures_get_the_features_that_the_snapshot_has() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (birds, run, to) = (place("birds"), place("run"), place("features"));
    done(&["data", "synth", &birds, "--classes", "3", "--count", "48", "--size", "24"]);
    let set = ["train.epochs=1", "data.size=16", "train.snapshots=[1]"];
    let mut words = vec!["train", &birds, "--out", &run, "--quiet"];
    words.extend(set.iter().flat_map(|value| ["--set", value]));
    done(&words);
    assert!(checkpoint::names(&Path::new(&run).join("checkpoints")).contains(&"epoch-0001".into()));
    // A broken picture takes no row.
    let mut classes = std::fs::read_dir(Path::new(&birds).join("val")).unwrap();
    let class = classes.next().unwrap().unwrap().path();
    std::fs::write(class.join("broken.png"), "no picture").unwrap();

    let val = format!("{birds}/val");
    let report = done(&["embed", &run, &val, "--out", &to, "--checkpoint", "last", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let (values, shape, labels) = features(Path::new(&to));
    let (kept, kept_shape, kept_labels) = features(&Path::new(&run).join("snapshots/epoch-0001"));
    assert_eq!((&shape, &labels), (&kept_shape, &kept_labels));
    // Batches of another size: sums in another order.
    let off =
        values.iter().zip(&kept).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
    assert!(off < 1e-4, "off by {off}");
    assert_eq!(report["pictures"], shape[0]);
    assert_eq!(report["width"], shape[1]);
    assert_eq!(report["classes"].as_array().unwrap().len(), 3);

    let table = std::fs::read_to_string(Path::new(&to).join("features.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0][..3], ["name", "label", "f0"]);
    assert_eq!(rows.len(), shape[0] + 1);
    for (row, wanted) in rows[1..].iter().zip(values.chunks(shape[1])) {
        let numbers: Vec<f32> = row[2..].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(numbers, wanted);
        assert!(row[0].contains(&format!("/{}/", row[1])), "{}: {}", row[0], row[1]);
    }

    // A single picture has no label, and one that isn't there is told.
    let picture = rows[1][0];
    let alone = ocelli(&["embed", &run, picture, &place("gone.png"), "--out", &to]);
    assert!(alone.status.success());
    assert!(String::from_utf8_lossy(&alone.stderr).contains("gone.png"));
    let (_, shape, labels) = features(Path::new(&to));
    assert_eq!((shape[0], labels), (1, None));
}
