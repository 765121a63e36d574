//! The state in a local directory, for clusters without ZooKeeper.
//!
//! One file, `state`, replaced as a whole: written beside, synced, renamed, directory synced. It is complete at every
//! instant. `state.lock` keeps a second application master out.

use std::{
    fs::TryLockError,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use fs_err::{self as fs, File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use tokio::task::spawn_blocking;

use super::{StoreError, fresh_state, record};
use crate::core::message::{Change, State};

/// The state in a directory.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    state: State,
    _lock: File,
}

impl FileStore {
    /// Opens the state in `directory`, which is made if it is not there, and gives what it holds.
    pub fn open(directory: &Path) -> Result<(Self, State), StoreError> {
        fs::create_dir_all(directory).map_err(|e| failed("create", directory, e))?;
        let lock = lock(&directory.join("state.lock"))?;
        let path = directory.join("state");
        let state = match fs::read(&path) {
            Ok(bytes) => record::decode(&bytes).map_err(|reason| StoreError::Corrupt { path: path.clone(), reason })?,
            Err(e) if e.kind() == ErrorKind::NotFound => fresh_state(),
            Err(e) => return Err(failed("read", &path, e)),
        };
        Ok((Self { directory: directory.to_owned(), state: state.clone(), _lock: lock }, state))
    }

    /// Makes `changes` durable, and those of earlier calls that failed.
    pub(super) async fn write(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        for change in &changes {
            self.state.apply(change);
        }
        let (directory, bytes) = (self.directory.clone(), record::encode(&self.state));
        let written = spawn_blocking(move || replace(&directory, &bytes)).await;
        written.unwrap_or_else(|e| Err(failed("write", &self.directory, e.into())))
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|e| failed("open", path, e))?;
    match file.file().try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_owned())),
        Err(TryLockError::Error(e)) => Err(failed("lock", path, e)),
    }
}

fn replace(directory: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let (path, fresh) = (directory.join("state"), directory.join("state.new"));
    let write = || {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|e| failed("write", &path, e))
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::core::{
        constraint::{Field, Values},
        message::{Moment, Place, WorkerId, WorkerRecord},
    };

    fn worker(number: u64) -> Change {
        let values = Values::from_iter([(Field::Zone, "z".into())]);
        Change::Worker(WorkerRecord {
            id: WorkerId::new("e", number),
            place: Arc::new(Place { agent: "A".to_owned(), hostname: "host".to_owned(), values }),
            launched: Moment(5),
            running: true,
            released: false,
            generation: 2,
        })
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, first) = FileStore::open(directory.path()).unwrap();
        let changes = vec![worker(1), worker(2), Change::Framework(Some("F".to_owned())), Change::NextNumber(3)];
        store.write(changes).await.unwrap();
        store.write(vec![Change::Forget(WorkerId::new("e", 1))]).await.unwrap();
        drop(store);
        let (_store, state) = FileStore::open(directory.path()).unwrap();
        assert_eq!((state.framework.as_deref(), state.next_number), (Some("F"), 3));
        let Change::Worker(second) = worker(2) else { unreachable!() };
        assert_eq!(state.workers.into_values().collect::<Vec<_>>(), [second]);
        assert_eq!(state.epoch, first.epoch);
    }

    #[test]
    fn a_second_application_master_is_kept_out() {
        let directory = tempfile::tempdir().unwrap();
        let _first = FileStore::open(directory.path()).unwrap();
        assert!(matches!(FileStore::open(directory.path()), Err(StoreError::Locked(_))));
    }

    #[test]
    fn a_damaged_state_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        fs::write(&path, b"\xff\xffnonsense").unwrap();
        assert!(matches!(FileStore::open(directory.path()), Err(StoreError::Corrupt { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"\xff\xffnonsense");
    }

    #[test]
    fn a_state_of_a_later_layout_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("state"), [8, 9]).unwrap();
        let refused = FileStore::open(directory.path()).unwrap_err().to_string();
        assert!(refused.contains("layout version 9"), "{refused}");
    }
}
