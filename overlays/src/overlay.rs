//! Overlays: what a worker needs, collected from the application master's installation and
//! environment.
//!
//! Each overlay is a file of its own with a `collect` that adds to one [`ContainerSpec`], in
//! upstream's order. The same installation gives the same specification, byte for byte: files are
//! sorted by where they go, whatever the file system says first.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flink::config::{Configuration, ConfigurationError, Source};
use flink::home::FlinkHome;

mod content;
mod environment;
mod flink_distribution;
mod hadoop_conf;
mod hadoop_user;
mod kerberos;
mod logging;
mod python;
mod ssl_stores;
mod tree;
mod user_artifacts;
mod user_lib;
mod workers_configuration;

/// A file that workers need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactFile {
    /// Where it is here.
    pub source: PathBuf,
    /// Where a worker has it: relative, parts separated by `/`.
    pub target: String,
    /// Runs as a program.
    pub executable: bool,
    /// Must never be cached or shown, and lands with owner-only permissions.
    pub secret: bool,
}

/// Everything a worker's container needs.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Files, sorted by target, no target twice.
    pub artifacts: Vec<ArtifactFile>,
    /// Environment variables in their order, no name twice.
    pub environment: Vec<(String, String)>,
    /// The worker's configuration.
    pub configuration: Configuration,
}

impl ContainerSpec {
    /// Files that could not be shipped because they cannot be read. Opens each file: blocking.
    pub fn unreadable(&self) -> impl Iterator<Item = OverlayError> {
        let opened = self.artifacts.iter().map(|file| common::files::open(&file.source));
        opened.filter_map(Result::err).map(OverlayError::Io)
    }
}

/// Why the overlays could not be collected: all problems, in the order of the overlays.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct OverlayErrors(Vec<OverlayError>);

impl OverlayErrors {
    /// Each of them; there is at least one.
    pub fn iter(&self) -> impl Iterator<Item = &OverlayError> {
        self.0.iter()
    }
}

/// Why an overlay could not be collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverlayError {
    /// A file or folder could not be read; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A value that is not of its key's form.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Something that cannot be shipped.
    #[error("{} cannot be shipped: {reason}", path.display())]
    Unshippable {
        /// The file or folder.
        path: PathBuf,
        /// Why it cannot.
        reason: &'static str,
    },
    /// Two files for one place.
    #[error("{} and {} cannot both be {target} at the worker", first.display(), second.display())]
    Clash {
        /// The file that came first.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
        /// The place.
        target: String,
    },
    /// A configured file that cannot be read; the error names it.
    #[error("{key}: {cause}")]
    Configured {
        /// The key.
        key: String,
        /// What failed.
        cause: std::io::Error,
    },
    /// A name that would lead out of the workers' folder.
    #[error("{key}: the name of an artifact is a relative path without '.' and '..'")]
    ArtifactName {
        /// The key.
        key: String,
    },
    /// A configured environment variable that no process can have.
    #[error(
        "{}: no process can have the environment variable '{}' with this value: allowed are a name without '=', and no NUL \
         in name and value",
        key.escape_debug(), name.escape_debug()
    )]
    VariableName {
        /// The key.
        key: String,
        /// The name.
        name: String,
    },
}

/// Stands for a worker's sandbox in values of its configuration and environment.
pub(crate) const SANDBOX: &str = "_SANDBOX_";

/// Stands for the agent's own `PATH` in the workers'.
pub(crate) const AGENTS_PATH: &str = "_AGENTS_PATH_";

/// What overlays look at.
struct Master<'a> {
    home: &'a FlinkHome,
    config: &'a Configuration,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Master<'_> {
    /// An environment variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }
}

/// A specification being put together.
struct Draft {
    artifacts: BTreeMap<String, ArtifactFile>,
    /// Where the last artifact went: this is a folder, so no artifact is in its place or above it.
    last_folder: String,
    environment: Vec<(String, String)>,
    configuration: Configuration,
    /// Device and inode of the configuration's folder and files, which travel in no tree.
    configuration_files: Vec<(u64, u64)>,
    /// Problems so far; the overlays go on, so that a person sees all of them at once.
    problems: Vec<OverlayError>,
}

impl Draft {
    /// Adds a file, unless another one is in its place already, or is what must be a folder for it.
    fn ship(&mut self, file: ArtifactFile) -> Result<(), OverlayError> {
        let target = file.target.as_str();
        let parent = target.rfind('/').map_or("", |slash| &target[..slash]);
        let above = if parent == self.last_folder {
            None
        } else {
            target.match_indices('/').find_map(|(slash, _)| self.artifacts.get(&target[..slash]))
        };
        let folder = [target, "/"].concat();
        let from = (Bound::Included(folder.as_str()), Bound::Unbounded);
        let next = self.artifacts.range::<str, _>(from).next();
        let below = next.filter(|(other, _)| other.starts_with(&folder)).map(|(_, file)| file);
        let same = self.artifacts.get(target).filter(|known| known.source != file.source);
        if let Some(known) = same.or(above).or(below) {
            return Err(OverlayError::Clash {
                first: known.source.clone(),
                second: file.source,
                target: file.target,
            });
        }
        if parent != self.last_folder {
            parent.clone_into(&mut self.last_folder);
        }
        self.artifacts.insert(file.target.clone(), file);
        Ok(())
    }

    /// Ships the file that `key` names as `target`, and has the key name it where a worker has it.
    fn ship_configured(
        &mut self,
        master: &Master<'_>,
        key: &str,
        target: &str,
        secret: bool,
        overlay: &'static str,
    ) {
        let Some(path) = master.config.get(key).map(Path::new) else { return };
        let unreadable = |cause| OverlayError::Configured { key: key.to_owned(), cause };
        // Opened, so that a file which may not be read is reported here and by its key.
        let opened = common::files::open(path).map_err(unreadable);
        let shipped = opened.and_then(|_| tree::ship_file(path, target, secret, self));
        self.note(shipped);
        self.configure(key, &Self::place(target), overlay);
    }

    /// Is this the configuration's folder, or one of its files?
    fn is_configuration(&self, file: &Metadata) -> bool {
        self.configuration_files.contains(&(file.dev(), file.ino()))
    }

    /// Remembers a problem.
    fn note(&mut self, result: Result<(), OverlayError>) {
        self.problems.extend(result.err());
    }

    /// Where a worker has what is shipped as `target`; the agent's half of the overlays knows the
    /// sandbox.
    fn place(target: &str) -> String {
        format!("{SANDBOX}/flink/{target}")
    }

    /// Sets a key of the workers' configuration; its old names are set no longer.
    fn configure(&mut self, key: &str, value: &str, overlay: &'static str) {
        self.configuration.remove(key);
        self.configuration.set(key, value, Source::Overlay(overlay));
    }

    /// Sets an environment variable; a later overlay wins.
    fn export(&mut self, name: &str, value: &str) {
        match self.environment.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.environment.push((name.to_owned(), value.to_owned())),
        }
    }
}

type Collect = fn(&Master<'_>, &mut Draft) -> Result<(), OverlayError>;

/// All overlays in upstream's order. Configured variables come first there, so that overlays win
/// over them; what is new comes last.
const OVERLAYS: [Collect; 11] = [
    environment::collect,
    flink_distribution::collect,
    user_lib::collect,
    hadoop_conf::collect,
    hadoop_user::collect,
    kerberos::collect_keytab,
    kerberos::collect_krb5_conf,
    ssl_stores::collect,
    logging::collect,
    python::collect,
    user_artifacts::collect,
];

/// Runs every overlay in upstream's order, also after a problem in one of them.
///
/// # Errors
/// All problems, with the files among what could be collected that cannot be read.
pub fn collect(
    home: &FlinkHome,
    config: &Configuration,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<ContainerSpec, OverlayErrors> {
    let Draft { artifacts, environment, configuration, problems, .. } =
        draft(&Master { home, config, lookup });
    let artifacts = artifacts.into_values().collect();
    let spec = ContainerSpec { artifacts, environment, configuration };
    if problems.is_empty() {
        return Ok(spec);
    }
    Err(OverlayErrors(problems.into_iter().chain(spec.unreadable()).collect()))
}

fn draft(master: &Master<'_>) -> Draft {
    let mut draft = Draft {
        artifacts: BTreeMap::new(),
        last_folder: String::new(),
        environment: Vec::new(),
        configuration: workers_configuration::of(master.config),
        configuration_files: configuration_files(&master.home.conf_dir),
        problems: Vec::new(),
    };
    for overlay in OVERLAYS {
        let result = overlay(master, &mut draft);
        draft.note(result);
    }
    draft
}

fn configuration_files(folder: &Path) -> Vec<(u64, u64)> {
    let files = Configuration::FILES.map(|name| folder.join(name));
    let found = std::iter::once(folder.to_owned())
        .chain(files)
        .filter_map(|path| fs_err::metadata(path).ok());
    found.map(|metadata| (metadata.dev(), metadata.ino())).collect()
}

/// Keys that the executor reads; Flink never sees them.
pub(crate) const FOR_EXECUTORS: &str = "mesos.executor.";

#[cfg(test)]
mod tests;
