//! What was learned, as pictures and numbers: projections of features, curves, tables, figures and
//! one self-contained HTML page, from plain slices and a run folder.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use ocelli_report::{Analysis, AnalysisOptions, figures, html, run::Run};
//!
//! let run = Run::open(Path::new("runs/demo"))?;
//! let analysis = Analysis::of(&run, &AnalysisOptions::default());
//! let no_pictures = |_name: &str| None;
//! for (name, figure) in figures(&run, &analysis, &no_pictures) {
//!     figure.save(Path::new("runs/demo/figures"), &name)?;
//! }
//! let page = html::report(&run, &analysis, &html::PageOptions::default(), &no_pictures);
//! std::fs::write("runs/demo/report.html", page)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here depends on the tensor library, so a report can be made of any folder that looks
//! like a run's, at any time.
#![forbid(unsafe_code)]

mod analysis;
mod escape;
pub mod figure;
mod heat;
pub mod html;
mod picture;
pub mod projection;
pub mod run;
pub mod sheet;

pub use analysis::{Analysis, AnalysisOptions, Projected, charts, figures};
pub use heat::heat_over;
pub use picture::thumbnail;
