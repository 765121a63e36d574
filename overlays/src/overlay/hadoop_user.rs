//! Who the workers are for Hadoop: the application master's user.

use nix::unistd::{User, geteuid};

use super::{Draft, Master, OverlayError};

const VARIABLE: &str = "HADOOP_USER_NAME";

#[expect(clippy::unnecessary_wraps, reason = "all overlays have one form")]
pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let user = master.variable(VARIABLE).or_else(process_user);
    if let Some(user) = user {
        draft.export(VARIABLE, &user);
    }
    Ok(())
}

/// The name of this process's user, if it has one.
fn process_user() -> Option<String> {
    User::from_uid(geteuid()).ok().flatten().map(|user| user.name)
}
