use std::fs;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize_to_file};

use super::*;
use crate::{AnalysisOptions, figures};

const HOSTILE: &str = "</script><img src=x onerror=\"alert(1)\"> & 'quotes' 🦜";

/// A run folder with names that try to break out of the page.
fn run_folder(classes: usize, count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let name = |class: usize| if class == 0 { HOSTILE.into() } else { format!("class {class}") };
    let names: Vec<String> = (0..classes).map(name).collect();
    let info = serde_json::json!({ "classes": names, "status": HOSTILE, "version": "0.1.0" });
    fs::write(path.join("run.json"), info.to_string()).unwrap();
    fs::write(path.join("recipe.toml"), format!("[model]\nname = '''{HOSTILE}'''\n")).unwrap();
    let by_class: Vec<_> = names
        .iter()
        .map(|class| serde_json::json!({ "class": class, "precision": 0.5, "recall": null, "f1": 0.25, "support": 4 }))
        .collect();
    let cells: Vec<[usize; 3]> = (0..classes)
        .flat_map(|class| [[class, class, 3], [class, (class + 1) % classes, 1]])
        .collect();
    let line = serde_json::json!({ "epoch": 2, "split": "val", "loss": 1.0, "accuracy": 0.75,
        "seconds": 4.0, "classes": by_class, "confusion": cells });
    fs::write(path.join("metrics.jsonl"), format!("{line}\n{{\"epoch\":3,")).unwrap();
    let place = path.join("snapshots/epoch-0002");
    fs::create_dir_all(&place).unwrap();
    let features: Vec<u8> = (0..count * 5)
        .map(|value| ((value * 37 % 101) as f32 / 10.0) + (value / 5 % classes) as f32)
        .flat_map(f32::to_le_bytes)
        .collect();
    let labels: Vec<u8> =
        (0..count).flat_map(|row| ((row % classes) as i64).to_le_bytes()).collect();
    let answers: Vec<u8> = (0..count)
        .flat_map(|row| (if row % 5 == 0 { 0 } else { (row % classes) as i64 }).to_le_bytes())
        .collect();
    let tensors = [
        ("features", TensorView::new(Dtype::F32, vec![count, 5], &features).unwrap()),
        ("labels", TensorView::new(Dtype::I64, vec![count], &labels).unwrap()),
        ("answers", TensorView::new(Dtype::I64, vec![count], &answers).unwrap()),
    ];
    serialize_to_file(tensors, None, &place.join("features.safetensors")).unwrap();
    let lines: Vec<String> = (0..count)
        .map(|row| {
            serde_json::json!({ "picture": format!("{row}{HOSTILE}"), "confidence": 0.5 })
                .to_string()
        })
        .collect();
    fs::write(place.join("predictions.jsonl"), lines.join("\n")).unwrap();
    folder
}

fn png(_: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0x89, b'P', b'N', b'G'];
    bytes.resize(300, 7);
    Some(bytes)
}

fn made(folder: &tempfile::TempDir, options: &PageOptions) -> String {
    let run = Run::open(folder.path()).unwrap();
    let mut analysis_options = AnalysisOptions::default();
    analysis_options.tsne.iterations = 50;
    let analysis = Analysis::of(&run, &analysis_options);
    assert!(analysis.problems.is_empty(), "{:?}", analysis.problems);
    report(&run, &analysis, options, &png)
}

#[test]
fn text_from_data_stays_text_and_nothing_comes_from_the_network() {
    let page = made(&run_folder(4, 60), &PageOptions::default());
    assert!(!page.contains("<img src=x"), "markup of a class name became markup");
    assert_eq!(page.matches("</script>").count(), 2, "data ended the script that holds it");
    for address in ["http://", "https://", "@import", "url("] {
        let found = page.match_indices(address).map(|(at, _)| &page[at..(at + 40).min(page.len())]);
        // The name of SVG is no address.
        let found: Vec<_> =
            found.filter(|text| !text.starts_with("http://www.w3.org/2000/svg")).collect();
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(page.contains("line 2 is cut off"));
}

#[test]
fn the_same_folder_makes_the_same_page() {
    let folder = run_folder(4, 60);
    assert_eq!(made(&folder, &PageOptions::default()), made(&folder, &PageOptions::default()));
}

#[test]
fn pictures_stop_at_the_bytes_allowed() {
    let folder = run_folder(4, 60);
    let options = PageOptions { picture_bytes: 10 * 430, ..PageOptions::default() };
    let count = |page: &str| page.matches("data:image/png").count();
    let mistakes = 9;
    assert_eq!(count(&made(&folder, &options)), 10 + mistakes);
    let options = PageOptions { largest_picture: 299, ..PageOptions::default() };
    assert_eq!(count(&made(&folder, &options)), 0);
}

#[test]
fn a_page_with_four_hundred_classes_stays_small() {
    let page =
        made(&run_folder(400, 900), &PageOptions { picture_bytes: 0, ..PageOptions::default() });
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn a_run_without_anything_but_a_recipe_has_a_page_and_figures_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("recipe.toml"), "seed = 1\n").unwrap();
    let run = Run::open(folder.path()).unwrap();
    let analysis = Analysis::of(&run, &AnalysisOptions::default());
    let page = report(&run, &analysis, &PageOptions::default(), &png);
    assert!(page.contains("No epoch is done yet") && page.contains("run.json"));
    assert!(figures(&run, &analysis, &png).is_empty());
    assert!(compare(&[], &[]).contains("0 runs"));
}

#[test]
fn snapshots_too_small_for_a_projection_are_told_or_shown_without_it() {
    for count in [0, 1, 2, 5] {
        let folder = run_folder(2, count);
        let run = Run::open(folder.path()).unwrap();
        let analysis = Analysis::of(&run, &AnalysisOptions::default());
        assert_eq!(analysis.projections.len() + analysis.problems.len(), 1, "{count} pictures");
        let page = report(&run, &analysis, &PageOptions::default(), &png);
        assert!(!page.contains("NaN") && !page.contains(">inf"));
        assert!(figures(&run, &analysis, &png).iter().all(|(_, figure)| figure.height.is_finite()));
    }
}

#[test]
fn features_of_a_run_that_diverged_are_left_out_and_counted() {
    let folder = run_folder(2, 20);
    let path = folder.path().join("snapshots/epoch-0002/features.safetensors");
    for (wild, left) in [(1, 19), (20, 0)] {
        let features: Vec<u8> = (0..20 * 5)
            .map(|value| match value / 5 {
                row if row >= wild => (value * 37 % 101) as f32,
                row if row % 2 == 0 => 3e20,
                _ => f32::NAN,
            })
            .flat_map(f32::to_le_bytes)
            .collect();
        let tensor = TensorView::new(Dtype::F32, vec![20, 5], &features).unwrap();
        serialize_to_file([("features", tensor)], None, &path).unwrap();
        let run = Run::open(folder.path()).unwrap();
        let analysis = Analysis::of(&run, &AnalysisOptions::default());
        let shown = analysis.projections.first().map_or(0, |shown| shown.snapshot.len());
        assert_eq!((shown, analysis.problems.len()), (left, 1), "{:?}", analysis.problems);
        let page = report(&run, &analysis, &PageOptions::default(), &png);
        assert!(page.contains("snapshot of epoch 2"));
    }
}

#[test]
fn a_comparison_of_more_runs_than_lines_can_be_told_apart_says_so() {
    let folder = run_folder(2, 0);
    let runs = vec![Run::open(folder.path()).unwrap(); 30];
    assert!(compare(&runs, &[]).contains("The first 24 of 30 lines are drawn."));
}

#[test]
fn a_comparison_shows_what_differs() {
    let (a, b) = (run_folder(3, 20), run_folder(3, 20));
    fs::write(b.path().join("recipe.toml"), "[optimizer]\nlr = 0.5\n").unwrap();
    let runs = [Run::open(a.path()).unwrap(), Run::open(b.path()).unwrap()];
    let page = compare(&runs, &[]);
    assert!(
        page.contains("optimizer.lr") && page.contains("75.00 %") && !page.contains("Mean IoU")
    );
}
