use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_folder_without_a_run_is_told() {
    let folder = folder(&[("notes.txt", "")]);
    let error = Run::open(folder.path()).unwrap_err();
    assert!(matches!(error, RunError::NoRun { .. }));
    assert!(error.to_string().contains("metrics.jsonl"));
}

#[test]
fn a_line_that_is_being_written_is_left_out_and_said() {
    let folder = folder(&[(
        "metrics.jsonl",
        "{\"epoch\":1,\"split\":\"val\",\"loss\":2.5,\"accuracy\":0.25}\n{\"epoch\":2,\"split\":\"v",
    )]);
    let run = Run::open(folder.path()).unwrap();
    assert_eq!(run.epochs.len(), 1);
    assert_eq!(run.best(), Some(("accuracy".into(), 1, 0.25)));
    // Also the recipe and run.json are missing.
    assert_eq!(run.problems.len(), 3);
    assert!(run.problems[2].contains("line 2 is cut off"), "{:?}", run.problems);
}

#[test]
fn damaged_files_leave_the_rest_readable() {
    let folder = folder(&[
        ("recipe.toml", "[model]\nname = \"resnet18\"\nname = 3\n"),
        ("run.json", "{\"classes\": 7"),
        (
            "metrics.jsonl",
            "[]\n\n{\"split\":\"val\"}\n{\"epoch\":3,\"split\":\"train\",\"loss\":null}\n",
        ),
        ("broken.jsonl", "{}\n{}\n"),
    ]);
    let run = Run::open(folder.path()).unwrap();
    assert_eq!(run.problems.len(), 4, "{:?}", run.problems);
    assert_eq!((run.epochs.len(), run.broken_pictures), (1, 2));
    assert!(run.epochs[0].values["loss"].is_nan());
    assert_eq!(run.best(), None);
    assert!(run.recipe_text.is_some() && run.recipe.is_empty());
}

#[test]
fn an_epoch_that_was_done_twice_counts_once_and_unknown_numbers_are_kept() {
    let lines = "{\"epoch\":2,\"split\":\"val\",\"miou\":0.5,\"iou\":{\"bird\":0.4}}\n\
                 {\"epoch\":1,\"split\":\"val\",\"miou\":0.1}\n\
                 {\"epoch\":2,\"split\":\"val\",\"miou\":0.6,\"iou\":{\"bird\":0.7}}\n";
    let folder = folder(&[("metrics.jsonl", lines)]);
    let run = Run::open(folder.path()).unwrap();
    let miou: Vec<_> = run.split("val").filter_map(|line| line.value("miou")).collect();
    assert_eq!(miou, [0.1, 0.6]);
    assert_eq!(run.by_class().unwrap().classes[0].value("iou"), Some(0.7));
}

#[test]
fn a_damaged_snapshot_is_told_with_its_file() {
    let folder = folder(&[("run.json", "{}")]);
    let place = folder.path().join("snapshots/epoch-0003");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("features.safetensors"), b"cut off").unwrap();
    let run = Run::open(folder.path()).unwrap();
    assert_eq!(run.snapshot_epochs, [3]);
    assert!(run.snapshot(3).unwrap_err().to_string().contains("features.safetensors"));
    assert!(matches!(run.snapshot(4), Err(RunError::System { .. })));
}
