//! Whether another user could prepare or replace a folder that this program is about to trust.

use std::{
    fs::{DirBuilder, Metadata, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use fs_err as fs;
use nix::unistd::{Gid, Group, User, getegid, geteuid};

const ALL_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = ALL_WRITE | GROUP_WRITE;

/// The error for a folder that is not trusted, and why.
pub fn refuse<T>(path: &Path, why: &str) -> io::Result<T> {
    let hint = "name a folder of your own, or one that does not exist yet";
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} {why}: {hint}", path.display()),
    ))
}

/// Why something of the user `owner` is not trusted: this program runs as another user.
pub fn of_another_user(owner: u32) -> String {
    format!("belongs to the user {owner}, and this program runs as the user {}", geteuid())
}

/// Checks that something belongs to this user. What belongs to root is refused too.
pub fn check_owner(path: &Path, found: &Metadata) -> io::Result<()> {
    if found.uid() == geteuid().as_raw() {
        Ok(())
    } else {
        refuse(path, &of_another_user(found.uid()))
    }
}

/// Checks that only root and this user can put something else in the place of a file or folder. The
/// folders above it, and it itself if it is a link, belong to one of them. Where all users may
/// write, only an entry's owner can replace it (`/tmp`). The same holds for a group's folder,
/// unless the group is root's or this user's own. If links lead elsewhere, the same is checked
/// there. What does not exist yet is not checked. Blocks.
pub fn check_way(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    check_above(&path)?;
    check_above(&without_links(&path))
}

fn check_above(path: &Path) -> io::Result<()> {
    let own = geteuid().as_raw();
    let mut way: Vec<&Path> = path.ancestors().skip(1).collect();
    way.reverse();
    way.extend(path.is_symlink().then_some(path));
    for place in way {
        let Ok(found) = fs::symlink_metadata(place) else { break };
        let owner = found.uid();
        if owner != 0 && owner != own {
            return refuse(
                path,
                &format!("can be replaced by the user {owner}, who owns {}", place.display()),
            );
        }
        let is_link = found.file_type().is_symlink();
        if is_link || found.mode() & STICKY != 0 {
            continue;
        }
        if found.mode() & ALL_WRITE != 0 {
            return refuse(
                path,
                &format!("can be replaced by any user: all may write to {}", place.display()),
            );
        }
        let group = found.gid();
        if found.mode() & GROUP_WRITE != 0 && !is_trusted_group(group) {
            let why = format!(
                "can be replaced by the group {group}, which may write to {}",
                place.display()
            );
            return refuse(path, &why);
        }
    }
    Ok(())
}

/// Whether a group's right to write gives nothing to others: it is root's, or this user's own.
pub fn is_trusted_group(group: u32) -> bool {
    group == 0 || is_own_group(group)
}

/// Whether a group holds nobody but this user, as many systems make one for each user: its name is
/// the user's, and it lists no others.
fn is_own_group(group: u32) -> bool {
    let (Ok(Some(user)), Ok(Some(group))) =
        (User::from_uid(geteuid()), Group::from_gid(Gid::from_raw(group)))
    else {
        return false;
    };
    group.gid == getegid()
        && group.name == user.name
        && group.mem.iter().all(|member| *member == user.name)
}

/// The same path, with those links followed that lead somewhere.
fn without_links(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        Some(fs::canonicalize(above).ok()?.join(rest))
    });
    found.unwrap_or_else(|| path.to_owned())
}

/// Creates a folder that only this user can read, or makes it one. Blocks.
///
/// # Errors
/// It is no folder of this user's own, or another user could replace it or may have put something
/// there.
pub fn make_private(path: &Path) -> io::Result<()> {
    check_private(path)?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    check_private(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Checks that [`make_private`] would make a folder private, without changing anything. Blocks.
///
/// # Errors
/// Like [`make_private`].
pub fn check_private(path: &Path) -> io::Result<()> {
    check_way(path)?;
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    check_owner(path, &found)?;
    if !found.is_dir() {
        return refuse(path, "is a link or a file, not a folder");
    }
    if found.mode() & OTHERS_WRITE != 0 {
        let mode = found.mode() & 0o7777;
        return refuse(
            path,
            &format!("may hold files of another user, as others may write to it (mode {mode:o})"),
        );
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use fs_err::os::unix::fs::symlink;
    use nix::{
        fcntl::{AT_FDCWD, AtFlags},
        unistd::{chown, fchownat},
    };

    use super::*;

    const NOBODY: u32 = 65534;

    #[test]
    fn a_folder_that_any_user_could_replace_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let open = tmp.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let error = make_private(&open.join("new/er")).unwrap_err().to_string();
        assert!(error.contains("can be replaced by any user: all may write to"), "{error}");
        assert!(!open.join("new").exists());
        fs::set_permissions(&open, Permissions::from_mode(0o1777)).unwrap();
        make_private(&open.join("new/er")).unwrap();
        assert_eq!(fs::metadata(open.join("new/er")).unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn a_folder_into_which_others_could_put_files_is_refused_and_keeps_its_mode() {
        let tmp = tempfile::tempdir().unwrap();
        let own = tmp.path().join("own");
        fs::create_dir(&own).unwrap();
        for mode in [0o777, 0o1777, 0o770] {
            fs::set_permissions(&own, Permissions::from_mode(mode)).unwrap();
            let error = make_private(&own).unwrap_err().to_string();
            let expected = format!(
                "may hold files of another user, as others may write to it (mode {mode:o})"
            );
            assert!(error.contains(&expected), "{error}");
            assert_eq!(fs::metadata(&own).unwrap().mode() & 0o7777, mode);
        }
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        make_private(&own).unwrap();
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn a_folder_that_a_group_of_others_could_replace_is_refused() {
        if !geteuid().is_root() {
            return;
        }
        let tmp = tempfile::tempdir().unwrap();
        let shared = tmp.path().join("shared");
        fs::create_dir(&shared).unwrap();
        chown(&shared, None, Some(NOBODY.into())).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o2775)).unwrap();
        let error = check_way(&shared.join("own")).unwrap_err().to_string();
        assert!(
            error.contains("can be replaced by the group 65534, which may write to"),
            "{error}"
        );
        fs::set_permissions(&shared, Permissions::from_mode(0o1775)).unwrap();
        check_way(&shared.join("own")).unwrap();
        chown(&shared, None, Some(0.into())).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o775)).unwrap();
        check_way(&shared.join("own")).unwrap();
    }

    #[test]
    fn a_folder_below_one_of_another_user_or_behind_a_link_of_theirs_is_refused() {
        if !geteuid().is_root() {
            return;
        }
        let tmp = tempfile::tempdir().unwrap();
        let [theirs, own, link] = ["theirs", "own", "link"].map(|name| tmp.path().join(name));
        fs::create_dir(&theirs).unwrap();
        chown(&theirs, Some(NOBODY.into()), None).unwrap();
        let error = check_way(&theirs.join("some/where")).unwrap_err().to_string();
        assert!(error.contains("can be replaced by the user 65534, who owns"), "{error}");
        fs::create_dir(&own).unwrap();
        symlink(&own, &link).unwrap();
        check_way(&link.join("some/where")).unwrap();
        fchownat(AT_FDCWD, &link, Some(NOBODY.into()), None, AtFlags::AT_SYMLINK_NOFOLLOW).unwrap();
        for path in [link.clone(), link.join("some/where")] {
            assert!(check_way(&path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn a_folder_behind_an_own_link_is_refused_if_another_user_could_replace_it_there() {
        let tmp = tempfile::tempdir().unwrap();
        let [open, link] = ["open", "link"].map(|name| tmp.path().join(name));
        fs::create_dir_all(open.join("below")).unwrap();
        symlink(open.join("below"), &link).unwrap();
        check_way(&link.join("new")).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        for path in [link.clone(), link.join("new"), link.join("new/er")] {
            let error = check_way(&path).unwrap_err().to_string();
            assert!(error.contains("can be replaced by any user: all may write to"), "{error}");
        }
    }

    #[test]
    fn a_link_is_not_made_private() {
        let tmp = tempfile::tempdir().unwrap();
        let (own, link) = (tmp.path().join("own"), tmp.path().join("link"));
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        symlink(&own, &link).unwrap();
        assert!(
            make_private(&link)
                .unwrap_err()
                .to_string()
                .contains("is a link or a file, not a folder")
        );
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o777, 0o755);
    }
}
