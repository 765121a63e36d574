//! The state in a local directory, for clusters without ZooKeeper.
//!
//! ```text
//! state           the state, sealed (`checksum.rs`)
//! state.before    the previous generation, used if `state` is damaged
//! state.damaged   a damaged `state`, kept for inspection
//! framework       only the framework's id, sealed: without it, nothing can end the framework's tasks
//! state.lock      locked by the running application master
//! ```
//!
//! Each file is replaced as a whole: write a new file, sync it, rename it, sync the directory.

mod files;

use std::{path::Path, path::PathBuf, time::Duration};

use fs_err::{self as fs, File};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tracing::warn;

use super::{
    StoreError,
    checksum::{self, Content},
    fresh_state, record,
};
use crate::core::state::{Change, State};

const STATE: &str = "state";
const BEFORE: &str = "state.before";
const DAMAGED: &str = "state.damaged";
const FRAMEWORK: &str = "framework";
const LOCK: &str = "state.lock";

/// How long the lock of a killed application master may remain.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

/// The state in a directory.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    state: State,
    /// The content of the file with the framework's id.
    framework: Option<String>,
    _lock: File,
}

impl FileStore {
    /// Opens the state in `directory`, created if needed, and returns what it contains.
    pub async fn open(directory: &Path) -> Result<(Self, State), StoreError> {
        files::make_directory(directory)?;
        let lock = lock(&directory.join(LOCK)).await?;
        let (here, directory) = (directory.to_owned(), directory.to_owned());
        let read = spawn_blocking(move || {
            let framework = framework(&here);
            Ok((load(&here, framework.as_deref())?, framework))
        });
        let (mut state, framework) =
            read.await.unwrap_or_else(|e| Err(files::failed("read", &directory, e.into())))?;
        if let (None, Some(id)) = (&state.framework, &framework) {
            warn!(
                "Taking over the framework {id}, which is in {} but not in the state",
                directory.display()
            );
            state.framework.clone_from(&framework);
        }
        Ok((Self { directory, state: state.clone(), framework, _lock: lock }, state))
    }

    /// The state in the directory, if any, without taking the lock or changing anything. Blocks.
    ///
    /// # Errors
    /// The state cannot be read, or [`Self::open`] would refuse its place.
    pub fn look(directory: &Path) -> Result<Option<State>, StoreError> {
        files::check(directory, LOCK)?;
        if !directory.is_dir() {
            return Ok(None);
        }
        Ok(match find(directory, framework(directory).as_deref())? {
            Found::Nothing => None,
            Found::Newest(state) | Found::Before { state, .. } => Some(state),
        })
    }

    /// Writes `changes`, with those of earlier calls that failed.
    pub(super) async fn write(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        for change in &changes {
            self.state.apply(change);
        }
        let (directory, bytes) = (self.directory.clone(), record::encode(&self.state));
        let (before, framework) = (self.framework.clone(), self.state.framework.clone());
        let written = spawn_blocking(move || {
            let path = directory.join(FRAMEWORK);
            // An id that only we still know is corrected by Mesos, but one that we have forgotten
            // is lost.
            if let Some(id) = framework.as_ref().filter(|_| framework != before) {
                files::replace(&path, &checksum::seal(Content::Framework, id.as_bytes()), None)?;
            }
            let (state, before_it) = (directory.join(STATE), directory.join(BEFORE));
            files::replace(&state, &checksum::seal(Content::State, &bytes), Some(&before_it))?;
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

/// Takes the lock, which the system may release a moment after its process has ended.
async fn lock(path: &Path) -> Result<File, StoreError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match files::lock(path) {
            Err(StoreError::Locked(_)) if Instant::now() < deadline => sleep(POLL).await,
            done => return done,
        }
    }
}

/// The last written state, or the previous generation if the last is damaged. Keeps the damaged one
/// aside.
fn load(directory: &Path, framework: Option<&str>) -> Result<State, StoreError> {
    match find(directory, framework)? {
        Found::Nothing => Ok(fresh_state()),
        Found::Newest(state) => Ok(state),
        Found::Before { state, damage } => {
            let (newest, before) = (directory.join(STATE), directory.join(BEFORE));
            let reason = damage.as_deref().unwrap_or("it is not there");
            warn!(
                "Cannot use {}: {reason}. Using the previous generation: {}",
                newest.display(),
                before.display()
            );
            if damage.is_some() {
                let aside = directory.join(DAMAGED);
                fs::rename(&newest, &aside).map_err(|e| files::failed("rename", &newest, e))?;
            }
            Ok(state)
        }
    }
}

/// What a directory has.
enum Found {
    Nothing,
    /// The last written state.
    Newest(State),
    /// The one before it, and why the last cannot be used, if it is there.
    Before {
        state: State,
        damage: Option<String>,
    },
}

/// The newest usable state, without changing anything. `framework` is the id from its own file.
fn find(directory: &Path, framework: Option<&str>) -> Result<Found, StoreError> {
    let (newest, before) = (directory.join(STATE), directory.join(BEFORE));
    let damage = match files::read(&newest)?.map(|bytes| decode(&bytes)) {
        Some(Ok(state)) => return Ok(Found::Newest(state)),
        Some(Err(damage)) => Some(damage),
        None => None,
    };
    match (files::read(&before)?.map(|bytes| decode(&bytes)), damage) {
        (Some(Ok(state)), damage) => Ok(Found::Before { state, damage }),
        (None, None) => Ok(Found::Nothing),
        (Some(Err(reason)), None) => Err(StoreError::Corrupt { path: before, reason }),
        (_, Some(reason)) => {
            let hint = framework.map_or_else(String::new, |id| {
                format!("; without the files {STATE} and {BEFORE} the cluster starts again as framework {id} and stops its old TaskManagers")
            });
            Err(StoreError::Corrupt { path: newest, reason: format!("{reason}{hint}") })
        }
    }
}

/// Decodes a sealed state, or one of the earlier, unsealed format, in which truncation is detected
/// too.
fn decode(bytes: &[u8]) -> Result<State, String> {
    if record::is_unsealed(bytes) {
        return record::decode_unsealed(bytes);
    }
    record::decode(checksum::open(Content::State, bytes)?)
}

/// The framework's id from its own file, if that is readable.
fn framework(directory: &Path) -> Option<String> {
    let path = directory.join(FRAMEWORK);
    let read = files::read(&path).map_err(|e| e.to_string()).and_then(|bytes| {
        let Some(bytes) = bytes else { return Ok(None) };
        let id = checksum::open(Content::Framework, &bytes)?;
        String::from_utf8(id.to_vec()).map(Some).map_err(|e| e.to_string())
    });
    read.unwrap_or_else(|reason| {
        warn!("Cannot use {}: {reason}", path.display());
        None
    })
}

#[cfg(test)]
mod tests;
