//! The folders of run files: where they are, and whether they can be trusted.

use std::{
    fs::Permissions,
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use fs_err::{self as fs, os::unix::fs::OpenOptionsExt as _};
use nix::{
    fcntl::OFlag,
    unistd::{Uid, geteuid},
};

use crate::environment::Lookup;

/// The parent folder for the installed units, with one folder per cluster.
const UNITS: &str = "/run/flink-mesos-clusters";
/// The largest run file, in bytes: it may contain a list of authorities.
const LARGEST: u64 = 1 << 20;

/// Why there is no run file.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// The folder cannot be created or read; the error names it.
    #[error(transparent)]
    Folder(#[from] io::Error),
    /// Others could write into it, or another user has created it.
    #[error(
        "{path} belongs to user {owner} with mode {mode:04o}, required is a folder of user {user} that nobody else can write to"
    )]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its permissions.
        mode: u32,
        /// The current user.
        user: Uid,
    },
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl RunFolderError {
    /// The reason, what follows from it, and what to do.
    pub fn advice(&self) -> String {
        format!(
            "no run file: {self}. `flink-mesos workers` and `stop` do not find an application master without its run file, and know \
             no token that was generated. Set XDG_RUNTIME_DIR to a folder of your own and start the application master again, or set \
             mesos.web.token and use --at and --token-file"
        )
    }
}

/// A folder that can be trusted.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    owner: u32,
}

impl Folder {
    /// The folder for this process's own run file, created if needed.
    pub(super) fn own(lookup: &Lookup) -> Result<Self, RunFolderError> {
        if let Some(path) = given(lookup) {
            return Self::at(&path);
        }
        let path = chosen(lookup);
        match fs::symlink_metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
                match made {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        let text = format!("cannot make {}: {error}", path.display());
                        return Err(io::Error::new(error.kind(), text).into());
                    }
                    _ => {}
                }
            }
            Err(error) => return Err(error.into()),
        }
        let folder = Self::at(&path)?;
        // An older umask may have left it readable for others.
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        Ok(folder)
    }

    /// All folders for this user; for root, those of the units too.
    pub(super) fn all(lookup: &Lookup) -> Vec<Self> {
        let user = geteuid();
        let usual = PathBuf::from(format!("/run/user/{user}/flink-mesos"));
        let units = fs::read_dir(UNITS)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
        let mut paths: Vec<_> = [given(lookup), login(lookup), Some(usual), Some(temporary())]
            .into_iter()
            .flatten()
            .collect();
        paths.extend(units.unwrap_or_default());
        let mut known = Vec::new();
        paths.retain(|path| {
            !known.contains(path) && {
                known.push(path.clone());
                true
            }
        });
        paths
            .iter()
            .filter_map(|path| Self::open(path, user.is_root() && path.starts_with(UNITS)).ok())
            .collect()
    }

    /// The reason why this user's run file cannot be in the folder chosen for it. A folder that
    /// does not exist is none.
    pub(super) fn obstacle(lookup: &Lookup) -> Option<RunFolderError> {
        Self::at(&chosen(lookup))
            .err()
            .filter(|error| matches!(error, RunFolderError::Untrusted { .. }))
    }

    /// This folder, if nobody else can write to it.
    pub(super) fn at(path: &Path) -> Result<Self, RunFolderError> {
        Self::open(path, false)
    }

    fn open(path: &Path, of_anybody: bool) -> Result<Self, RunFolderError> {
        let mut options = fs::OpenOptions::new();
        options
            .read(true)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK).bits());
        let opened = options.open(path);
        // A link or a file in its place has an owner too.
        let found = match &opened {
            Ok(folder) => folder.metadata()?,
            Err(_) => fs::symlink_metadata(path)?,
        };
        let user = geteuid();
        let is_ours = found.is_dir() && (of_anybody || found.uid() == user.as_raw());
        if !is_ours || found.mode() & 0o022 != 0 {
            let (path, owner, mode) = (path.to_owned(), found.uid(), found.mode() & 0o7777);
            return Err(RunFolderError::Untrusted { path, owner, mode, user });
        }
        opened?;
        Ok(Self { path: path.to_owned(), owner: found.uid() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The paths in it.
    pub(super) fn entries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.path)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect());
        entries.unwrap_or_default()
    }

    /// A file in it, if nobody else owns it.
    pub(super) fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        let file = options.open(path).ok()?;
        let found = file.metadata().ok()?;
        if !found.is_file()
            || found.uid() != self.owner
            || found.mode() & 0o077 != 0
            || found.len() > LARGEST
        {
            return None;
        }
        let mut text = Vec::new();
        file.take(LARGEST).read_to_end(&mut text).ok()?;
        Some(text)
    }
}

/// The folder that systemd has created for this unit; the first if there are several.
fn given(lookup: &Lookup) -> Option<PathBuf> {
    let all = lookup("RUNTIME_DIRECTORY")?;
    all.split(':').find(|path| path.starts_with('/')).map(PathBuf::from)
}

/// The folder of this user's login session.
fn login(lookup: &Lookup) -> Option<PathBuf> {
    let folder = PathBuf::from(lookup("XDG_RUNTIME_DIR")?);
    (folder.is_absolute() && folder.is_dir()).then(|| folder.join("flink-mesos"))
}

/// The folder for this process's own run file.
fn chosen(lookup: &Lookup) -> PathBuf {
    given(lookup).or_else(|| login(lookup)).unwrap_or_else(temporary)
}

fn temporary() -> PathBuf {
    PathBuf::from(format!("/tmp/flink-mesos-run-{}", geteuid()))
}
