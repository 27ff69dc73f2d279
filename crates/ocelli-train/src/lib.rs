#![forbid(unsafe_code)]

pub mod config;
pub mod metric;
pub mod schedule;
