//! What ends a command other than well, and the exit status that tells a script which it was.

use std::process::ExitCode;

/// Why a command ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The work failed: exit status 1.
    Failed(String),
    /// The command or the recipe was wrong: exit status 2.
    Usage(String),
}

impl Failure {
    /// The work failed.
    pub(crate) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }

    /// The command or the recipe was wrong.
    pub(crate) fn usage(reason: impl std::fmt::Display) -> Self {
        Self::Usage(reason.to_string())
    }

    pub(crate) fn status(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        })
    }
}

/// The exit status of a command that the user stopped, with everything saved.
pub(crate) const STOPPED: u8 = 130;

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(reason) | Self::Usage(reason) => formatter.write_str(reason),
        }
    }
}
