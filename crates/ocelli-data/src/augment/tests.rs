//! What the pipeline as a whole promises.

mod properties;
