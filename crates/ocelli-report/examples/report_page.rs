//! The page of a run folder, without pictures or with those of a folder of the same names:
//! `report_page RUN OUT [PICTURES]`; with `--compare RUN... OUT`, the comparison of several.
#![allow(clippy::print_stdout)]

use std::path::Path;

use ocelli_report::run::Run;
use ocelli_report::{Analysis, AnalysisOptions, figures, html};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, runs @ .., out] if flag == "--compare" => {
            let runs: Result<Vec<Run>, _> =
                runs.iter().map(|run| Run::open(Path::new(run))).collect();
            std::fs::write(out, html::compare(&runs?, &[]))?;
        }
        [run, out, pictures @ ..] => {
            let run = Run::open(Path::new(run))?;
            let analysis = Analysis::of(&run, &AnalysisOptions::default());
            let picture = |name: &str| {
                let file = name.rsplit('/').next()?;
                std::fs::read(Path::new(pictures.first()?).join(format!("{file}.png"))).ok()
            };
            let folder = Path::new(out).with_extension("figures");
            std::fs::create_dir_all(&folder)?;
            for (name, figure) in figures(&run, &analysis, &picture) {
                figure.save(&folder, &name)?;
            }
            let page = html::report(&run, &analysis, &html::PageOptions::default(), &picture);
            std::fs::write(out, page)?;
            println!("{out}, {}", folder.display());
        }
        _ => return Err("expected RUN OUT [PICTURES], or --compare RUN... OUT".into()),
    }
    Ok(())
}
