//! What was learned, as pictures and numbers: projections of features, curves, tables, figures and
//! one self-contained HTML page, from plain slices and a run folder.
//!
//! Nothing here depends on the tensor library, so a report can be made of any folder that looks
//! like a run's, at any time.
#![forbid(unsafe_code)]

mod escape;
pub mod figure;
mod picture;
pub mod projection;
