//! The state in a local directory, for clusters without ZooKeeper.
//!
//! ```text
//! state           the state, sealed (`sealed.rs`)
//! state.before    the generation before: what counts when `state` is not whole
//! state.damaged   a `state` that was not whole, for people
//! framework       the framework's id alone, sealed: the last thing to lose, since nobody else can end its tasks
//! state.lock      keeps a second application master out
//! ```
//!
//! Each file is replaced as a whole: written beside, synced, renamed, directory synced.

mod files;

use std::{path::Path, path::PathBuf, time::Duration};

use fs_err::{self as fs, File};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tracing::warn;

use super::{
    StoreError, fresh_state, record,
    sealed::{self, Content},
};
use crate::core::message::{Change, State};

const STATE: &str = "state";
const BEFORE: &str = "state.before";
const DAMAGED: &str = "state.damaged";
const FRAMEWORK: &str = "framework";
const LOCK: &str = "state.lock";

/// How long an application master that was killed a moment ago may keep its lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

/// The state in a directory.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    state: State,
    /// What the file of that name has.
    framework: Option<String>,
    _lock: File,
}

impl FileStore {
    /// Opens the state in `directory`, which is made if it is not there, and gives what it holds.
    pub async fn open(directory: &Path) -> Result<(Self, State), StoreError> {
        files::make_directory(directory)?;
        let lock = lock(&directory.join(LOCK)).await?;
        let (here, directory) = (directory.to_owned(), directory.to_owned());
        let read = spawn_blocking(move || {
            let framework = framework(&here);
            Ok((load(&here, framework.as_deref())?, framework))
        });
        let (mut state, framework) = read.await.unwrap_or_else(|e| Err(files::failed("read", &directory, e.into())))?;
        if let (None, Some(id)) = (&state.framework, &framework) {
            warn!("Taking over the framework {id}, which is in {} but not in the state", directory.display());
            state.framework.clone_from(&framework);
        }
        Ok((Self { directory, state: state.clone(), framework, _lock: lock }, state))
    }

    /// What the directory holds, if anything, without taking it or changing anything. Blocks.
    pub fn look(directory: &Path) -> Result<Option<State>, StoreError> {
        if !directory.is_dir() {
            return Ok(None);
        }
        for name in [STATE, BEFORE] {
            if let Some(Ok(state)) = files::read(&directory.join(name))?.map(|bytes| decode(&bytes)) {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    /// Makes `changes` durable, and those of earlier calls that failed.
    pub(super) async fn write(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        for change in &changes {
            self.state.apply(change);
        }
        let (directory, bytes) = (self.directory.clone(), record::encode(&self.state));
        let (before, framework) = (self.framework.clone(), self.state.framework.clone());
        let written = spawn_blocking(move || {
            let path = directory.join(FRAMEWORK);
            // An id that Mesos does not know any more heals itself, one that we have forgotten does not.
            if let Some(id) = framework.as_ref().filter(|_| framework != before) {
                files::replace(&path, &sealed::seal(Content::Framework, id.as_bytes()), None)?;
            }
            let (state, before_it) = (directory.join(STATE), directory.join(BEFORE));
            files::replace(&state, &sealed::seal(Content::State, &bytes), Some(&before_it))?;
            if framework.is_none() {
                files::remove(&path)?;
            }
            Ok(())
        });
        written.await.unwrap_or_else(|e| Err(files::failed("write", &self.directory, e.into())))?;
        self.framework.clone_from(&self.state.framework);
        Ok(())
    }
}

/// Takes the lock, which the system may give back a moment after the end of the process that had it.
async fn lock(path: &Path) -> Result<File, StoreError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match files::lock(path) {
            Err(StoreError::Locked(_)) if Instant::now() < deadline => sleep(POLL).await,
            done => return done,
        }
    }
}

/// The state as it was last written, or the generation before where that is not whole. `framework` is what is known beside it.
fn load(directory: &Path, framework: Option<&str>) -> Result<State, StoreError> {
    let (newest, before) = (directory.join(STATE), directory.join(BEFORE));
    let damage = match files::read(&newest)?.map(|bytes| decode(&bytes)) {
        Some(Ok(state)) => return Ok(state),
        Some(Err(damage)) => Some(damage),
        None => None,
    };
    match (files::read(&before)?.map(|bytes| decode(&bytes)), damage) {
        (Some(Ok(state)), damage) => {
            let reason = damage.as_deref().unwrap_or("it is not there");
            warn!("Cannot use {}: {reason}. Using the previous generation: {}", newest.display(), before.display());
            if damage.is_some() {
                let aside = directory.join(DAMAGED);
                fs::rename(&newest, &aside).map_err(|e| files::failed("rename", &newest, e))?;
            }
            Ok(state)
        }
        (None, None) => Ok(fresh_state()),
        (Some(Err(reason)), None) => Err(StoreError::Corrupt { path: before, reason }),
        (_, Some(reason)) => {
            let hint = framework.map_or_else(String::new, |id| {
                format!("; without the files {STATE} and {BEFORE} the cluster starts again as framework {id} and stops its old TaskManagers")
            });
            Err(StoreError::Corrupt { path: newest, reason: format!("{reason}{hint}") })
        }
    }
}

/// A state that is sealed, or one of the layout before that was: of that one, too, it is known whether it is whole.
fn decode(bytes: &[u8]) -> Result<State, String> {
    if record::is_unsealed(bytes) {
        return record::decode_unsealed(bytes);
    }
    record::decode(sealed::open(Content::State, bytes)?)
}

/// The framework's id in its own file, if it can be read there.
fn framework(directory: &Path) -> Option<String> {
    let path = directory.join(FRAMEWORK);
    let read = files::read(&path).map_err(|e| e.to_string()).and_then(|bytes| {
        let Some(bytes) = bytes else { return Ok(None) };
        let id = sealed::open(Content::Framework, &bytes)?;
        String::from_utf8(id.to_vec()).map(Some).map_err(|e| e.to_string())
    });
    read.unwrap_or_else(|reason| {
        warn!("Cannot use {}: {reason}", path.display());
        None
    })
}

#[cfg(test)]
mod tests;
