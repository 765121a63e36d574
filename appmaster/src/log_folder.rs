//! A folder for the JobManager's logs in which no other user can replace them.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use common::trusted_path::{check_private, check_way, make_private};
use fs_err as fs;
use nix::unistd::geteuid;

const OTHERS_WRITE: u32 = 0o022;

/// Where to log if `wanted` is configured: there, or in a folder of this user's own in it if other
/// users may create files there (`/tmp`), for they could create the logs first. Blocks.
///
/// # Errors
/// Another user could replace the logs in any case, or may have put files into the folder of this
/// user's own.
pub(crate) fn find(wanted: &Path) -> io::Result<PathBuf> {
    check_way(&wanted.join("log"))?;
    let is_shared = fs::metadata(wanted).is_ok_and(|found| found.mode() & OTHERS_WRITE != 0);
    // Whatever is not sticky was refused.
    if !is_shared {
        return Ok(wanted.to_owned());
    }
    let own = wanted.join(format!("flink-mesos-{}", geteuid()));
    check_private(&own)?;
    Ok(own)
}

/// Finds it as [`find`] does, and creates the folder of this user's own. Blocks.
///
/// # Errors
/// Another user could replace the logs, or the folder cannot be created.
pub(crate) fn claim(wanted: &Path) -> io::Result<PathBuf> {
    let folder = find(wanted)?;
    if folder != wanted {
        make_private(&folder)?;
    }
    Ok(folder)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use nix::unistd::chown;

    use super::*;

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn a_folder_that_only_its_owner_may_write_to_is_used_whether_it_exists_or_not() {
        let folder = folder(0o755);
        assert_eq!(claim(folder.path()).unwrap(), folder.path());
        let new = folder.path().join("new");
        assert_eq!(claim(&new).unwrap(), new);
        assert!(!new.exists(), "created with the usual mode later");
    }

    #[test]
    fn where_others_may_create_files_the_logs_are_in_a_folder_of_this_users_own() {
        let folder = folder(0o1777);
        let own = claim(folder.path()).unwrap();
        assert_eq!(own, folder.path().join(format!("flink-mesos-{}", geteuid())));
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(claim(folder.path()).unwrap(), own, "also the second time");
    }

    #[test]
    fn an_own_folder_into_which_others_could_put_files_is_refused_and_keeps_its_mode() {
        let folder = folder(0o1777);
        let own = claim(folder.path()).unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o777)).unwrap();
        for refused in [find(folder.path()), claim(folder.path())] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("may hold files of another user"), "{error}");
        }
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o7777, 0o777);
    }

    #[test]
    fn a_folder_in_which_another_user_could_replace_the_logs_is_refused() {
        let open = folder(0o777);
        let error = claim(open.path()).unwrap_err().to_string();
        assert!(error.contains("can be replaced by any user: all may write to"), "{error}");
        if !geteuid().is_root() {
            return;
        }
        let theirs = folder(0o755);
        chown(theirs.path(), Some(65534.into()), None).unwrap();
        let error = claim(theirs.path()).unwrap_err().to_string();
        assert!(error.contains("can be replaced by the user 65534"), "{error}");
        let shared = folder(0o1777);
        let taken = shared.path().join(format!("flink-mesos-{}", geteuid()));
        fs::create_dir(&taken).unwrap();
        chown(&taken, Some(65534.into()), None).unwrap();
        let error = claim(shared.path()).unwrap_err().to_string();
        assert!(error.contains("belongs to the user 65534"), "{error}");
    }
}
