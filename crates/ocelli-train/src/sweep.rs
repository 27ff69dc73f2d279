//! Sweeps: many runs from one file, and the table of what became of them.
//!
//! [`grid`] reads the file, [`plan`] makes the list of runs from it and checks every one of them,
//! [`folder`] knows where they lie and what was begun before, [`outcome`] reads how a run did, and
//! [`table`] puts mean and spread over seeds beside each other. Who trains them, and how many at
//! once, is the caller's.

pub mod folder;
pub mod grid;
pub mod outcome;
pub mod plan;
pub mod table;
