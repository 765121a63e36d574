//! The daemon's socket. Only one daemon can hold it, and leftovers of a killed one are no obstacle.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use fetcher_client::{FetchError, FileLock, Mode};
use tokio::net::UnixListener;
use tokio::time::timeout;

use crate::places::{RefusedPlace, check_socket, lock_of, refused};

/// How long to wait for a daemon that is just ending.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// A listening socket; dropping it removes the file.
pub(super) struct Socket {
    path: PathBuf,
    listener: std::os::unix::net::UnixListener,
    /// The holder of the lock may replace the socket file.
    _lock: FileLock,
}

impl Socket {
    /// Takes the path, replacing the socket of a dead daemon. Refuses a path at which another user
    /// could listen instead or has put something in the place of its lock, and one with something
    /// else than a socket.
    pub(super) async fn take(path: &Path) -> anyhow::Result<Self> {
        check_socket(path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(|error| {
            let text = format!("cannot make {}: {error}", folder.display());
            refused(io::Error::new(error.kind(), text), RefusedPlace::socket)
        })?;
        let lock = lock(path).await?;
        match fs_err::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs_err::remove_file(path)?,
            Ok(_) => {
                let reason = format!("{} is not a socket: name another path", path.display());
                return Err(RefusedPlace::socket(reason).into());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let listener = std::os::unix::net::UnixListener::bind(path)
            .with_context(|| format!("cannot listen at {}", path.display()))?;
        listener.set_nonblocking(true)?;
        // Executors of every user may connect; the routes check who may do what.
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok(Self { path: path.to_owned(), listener, _lock: lock })
    }

    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        UnixListener::from_std(self.listener.try_clone()?)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // If that fails, the leftover socket also says that nobody listens.
        fs_err::remove_file(&self.path).ok();
    }
}

/// The lock of the path.
async fn lock(path: &Path) -> anyhow::Result<FileLock> {
    match timeout(LOCK_PATIENCE, FileLock::acquire(lock_of(path), Mode::Exclusive)).await {
        Ok(Err(FetchError::Disk(error))) => Err(refused(error, RefusedPlace::socket)),
        Ok(lock) => Ok(lock?),
        Err(_) => anyhow::bail!("another daemon listens at {}", path.display()),
    }
}
