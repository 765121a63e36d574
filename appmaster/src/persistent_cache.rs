//! The folder with what is cached between starts of the application master: hashes of the
//! distribution, and downloads for the workers. All of it can be made again, which takes time.

use std::{
    path::{Path, PathBuf},
    sync::Once,
};

use common::trusted_path::make_private;
use fetcher_formats::Digest;
use tracing::info;

use crate::{environment::Lookup, settings::StateLocation};

/// The folder, created if needed: in the durable state's directory, otherwise in the user's cache
/// folder with one folder per distribution. `None` if neither exists. Blocks.
pub fn folder(state: &StateLocation, home: &Path, lookup: &Lookup) -> Option<PathBuf> {
    let path = place(state, home, lookup)?;
    match make_private(&path) {
        Ok(()) => Some(path),
        Err(error) => {
            // A user without a home is not an error, and several parts of the start need the
            // folder.
            REPORTED.call_once(|| info!(%error, "Cannot keep hashes for the next start"));
            None
        }
    }
}

/// Its absence is reported once.
static REPORTED: Once = Once::new();

/// Where that folder is, or would be.
pub(crate) fn place(state: &StateLocation, home: &Path, lookup: &Lookup) -> Option<PathBuf> {
    if let StateLocation::Directory(directory) = state {
        return Some(directory.join("artifacts"));
    }
    // The XDG specification says to ignore relative paths in these variables.
    let absolute = |name: &str| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let distribution = Digest::of(home.as_os_str().as_encoded_bytes()).to_string();
    Some(cache.join("flink-mesos").join(distribution.get(..16)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn of(state: &StateLocation, home: &str, variables: &[(&str, &str)]) -> Option<PathBuf> {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let lookup = move |name: &str| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        place(state, Path::new(home), &lookup)
    }

    #[test]
    fn it_is_with_the_state_or_in_the_users_cache() {
        let directory = StateLocation::Directory("/state".into());
        assert_eq!(
            of(&directory, "/flink", &[("HOME", "/home/u")]),
            Some("/state/artifacts".into())
        );
        let memory = StateLocation::Memory;
        let cached =
            of(&memory, "/flink", &[("HOME", "/home/u"), ("XDG_CACHE_HOME", "relative")]).unwrap();
        assert!(cached.starts_with("/home/u/.cache/flink-mesos"), "{cached:?}");
        let cached =
            of(&memory, "/flink", &[("HOME", "/home/u"), ("XDG_CACHE_HOME", "/cache")]).unwrap();
        assert!(cached.starts_with("/cache/flink-mesos"), "{cached:?}");
        assert_eq!(of(&memory, "/flink", &[]), None);
    }

    #[test]
    fn two_distributions_do_not_share_it() {
        let of = |home: &str| of(&StateLocation::Memory, home, &[("HOME", "/home/u")]);
        assert_ne!(of("/flink-1"), of("/flink-2"));
        assert_eq!(of("/flink-1"), of("/flink-1"));
    }

    #[test]
    fn only_its_user_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateLocation::Directory(folder.path().join("state"));
        let made = super::folder(&state, Path::new("/flink"), &|_| None).unwrap();
        assert_eq!(fs_err::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
