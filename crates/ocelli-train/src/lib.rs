#![forbid(unsafe_code)]

pub mod config;
pub mod ema;
mod flat;
pub mod gradient;
pub mod loss;
pub mod metric;
pub mod optimizer;
pub mod schedule;

#[cfg(test)]
mod testing;
