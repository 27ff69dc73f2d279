//! What people see: progress, tables, summaries. Standard error, but for a command's own answer.

pub(crate) mod progress;
pub(crate) mod scores;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod watch;
