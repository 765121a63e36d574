//! How the program ends when it does not end well.

use std::fmt;

/// An error for a person, and whose it is to mend.
#[derive(Debug)]
pub enum Failure {
    /// Usage or configuration: exit code 64.
    Usage(anyhow::Error),
    /// An application that was cancelled or stopped: exit code 2.
    Cancelled(anyhow::Error),
    /// Everything else: exit code 1.
    Other(anyhow::Error),
}

impl Failure {
    /// The user's to mend.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    /// Not the user's to mend by other options.
    pub fn other(error: impl Into<anyhow::Error>) -> Self {
        Self::Other(error.into())
    }

    /// The process's exit code: `EX_USAGE` of sysexits(3), 2 for what was cancelled, or 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Cancelled(_) => 2,
            Self::Other(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(error) | Self::Cancelled(error) | Self::Other(error)) = self;
        let mut last = error.to_string();
        f.write_str(&last)?;
        // Many errors repeat their cause in their own words.
        for cause in error.chain().skip(1).map(ToString::to_string) {
            if !last.contains(&cause) {
                write!(f, ": {cause}")?;
            }
            last = cause;
        }
        Ok(())
    }
}
