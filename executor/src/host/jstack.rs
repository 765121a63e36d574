//! `jstack`: the tool of the Java that runs the TaskManager, turned on it.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Found, HostError};

/// Becomes jstack; comes back only when that fails.
#[expect(clippy::disallowed_methods, reason = "this process becomes jstack, nothing is left to be reaped")]
pub(super) fn run(found: &Found) -> Result<(), HostError> {
    let pid = found.task_manager().ok_or_else(|| HostError::NotRunning(found.task().to_owned()))?;
    let about = found.entry.about.as_ref();
    let java = about.and_then(|about| about.command.first()).map(PathBuf::from).unwrap_or_default();
    // A command of the user's own may stand before java's; what has become of it tells more, once it is java.
    let running = fs_err::read_link(format!("/proc/{pid}/exe")).ok().filter(|program| program.ends_with("java"));
    let jstack = beside(&java).or_else(|| beside(&running?)).ok_or(HostError::NoJstack { java, pid })?;
    Err(Command::new(jstack).arg(pid.to_string()).exec().into())
}

/// Beside the program as it is named, or beside what that leads to.
fn beside(java: &Path) -> Option<PathBuf> {
    let real = fs_err::canonicalize(java).ok();
    let candidates = [Some(java.to_owned()), real].into_iter().flatten().map(|java| java.with_file_name("jstack"));
    candidates.into_iter().find(|path| path.is_file())
}
