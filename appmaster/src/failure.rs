//! How the program ends when it fails.

use std::fmt;

use anyhow::anyhow;
use common::{addresses::without_users, exit_code::USAGE};
use scheduler::NeedsAPerson;

/// An error for people, by who can fix it.
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
    /// An error that the user can fix.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    /// An error that other options would not fix.
    pub fn other(error: impl Into<anyhow::Error>) -> Self {
        Self::Other(error.into())
    }

    /// The same, with what it belongs to before it.
    #[must_use]
    pub fn context(self, what: &str) -> Self {
        self.map(|error| anyhow!("{what}: {error:#}"))
    }

    /// The same with a further line.
    #[must_use]
    pub fn and(self, line: &str) -> Self {
        self.map(|error| anyhow!("{error:#}\n{line}"))
    }

    fn map(self, change: impl FnOnce(anyhow::Error) -> anyhow::Error) -> Self {
        match self {
            Self::Usage(error) => Self::Usage(change(error)),
            Self::Cancelled(error) => Self::Cancelled(change(error)),
            Self::Other(error) => Self::Other(change(error)),
        }
    }

    /// The exit code: `EX_USAGE` of sysexits(3), 2 if cancelled, or 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Cancelled(_) => 2,
            Self::Other(_) => 1,
        }
    }
}

impl<E: NeedsAPerson> From<E> for Failure {
    /// What a person must resolve before the next start counts as an error of configuration.
    fn from(error: E) -> Self {
        if error.needs_a_person() { Self::usage(error) } else { Self::other(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(error) | Self::Cancelled(error) | Self::Other(error)) = self;
        let mut last = error.to_string();
        // Errors name values of options.
        f.write_str(&without_users(&last))?;
        // Many errors repeat their cause in their own message.
        for cause in error.chain().skip(1).map(ToString::to_string) {
            if !last.contains(&cause) {
                write!(f, ": {}", without_users(&cause))?;
            }
            last = cause;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_queries_of_addresses_are_not_shown() {
        let cause = anyhow!("no file `https://user:hush@h/a?hush`: not found");
        let failure = Failure::usage(cause.context("cannot fetch https://user:hush@h/b"));
        let expected = "cannot fetch https://***@h/b: no file `https://***@h/a?***`: not found";
        assert_eq!(failure.to_string(), expected);
        let failure = Failure::usage(anyhow!("rest.address: user:hush@host?sig=hush: malformed"));
        assert_eq!(failure.to_string(), "rest.address: ***@host?***: malformed");
    }
}
