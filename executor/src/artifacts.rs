//! Getting a worker's artifacts into its sandbox: through the cache that all workers of this host share, or without it.
//!
//! The cache makes a warm start free, but nothing depends on it: where it cannot be used, the worker gets its artifacts all
//! the same, and the log says why it was slower.

use std::{fmt, path::PathBuf};

use fetcher::{
    Blame, Cache, CacheError, CacheOptions, FetchError, FetchOptions, Materialised, Progress, Projection, Request,
    Shared,
};
use overlays::config::Configuration;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::spawn_blocking};
use tracing::{info, warn};

const ENABLED: &str = "mesos.executor.cache.enabled";
const PATH: &str = "mesos.executor.cache.path";
const SIZE: &str = "mesos.executor.cache.size";

/// Where the cache is unless somebody says otherwise.
const DEFAULT_PATH: &str = "/var/cache/flink-mesos";

/// The least that is worth a cache: a distribution of Flink.
const LEAST_SIZE: u64 = 512 << 20;

/// What a worker's configuration says about the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Whether there is to be one.
    pub enabled: bool,
    /// Where, instead of the usual place.
    pub path: Option<PathBuf>,
    /// How much may be kept, in bytes.
    pub size: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { enabled: true, path: None, size: 20 << 30 }
    }
}

impl CacheSettings {
    /// What the configuration says, or what is wrong with it.
    pub(crate) fn of(config: &Configuration) -> Result<Self, String> {
        let default = Self::default();
        let enabled = config.get_bool(ENABLED).map_err(|error| error.to_string())?.unwrap_or(default.enabled);
        let path = config.get(PATH).filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(path) = path.as_ref().filter(|path| !path.is_absolute()) {
            return Err(format!("{PATH} is '{}', allowed are absolute paths", path.display()));
        }
        let size = config.get_memory(SIZE).map_err(|error| error.to_string())?.map_or(default.size, |size| size.0);
        if size < LEAST_SIZE {
            return Err(format!("{SIZE} is {size} bytes, allowed are {LEAST_SIZE} and more"));
        }
        Ok(Self { enabled, path, size })
    }

    /// Where to try, one after the other.
    fn places(&self, of_the_agent: Option<String>) -> Vec<PathBuf> {
        match of_the_agent.filter(|path| !path.is_empty()).map(PathBuf::from).or_else(|| self.path.clone()) {
            Some(path) => vec![path],
            None => vec![PathBuf::from(DEFAULT_PATH), of_this_user()],
        }
    }
}

/// For those who may not write to the usual place.
fn of_this_user() -> PathBuf {
    PathBuf::from(format!("/var/tmp/flink-mesos-{}", nix::unistd::geteuid()))
}

/// How the artifacts got into the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The tree in the host's cache that they are the same files as, or copies of.
    pub tree: Option<PathBuf>,
    /// Whether it was there before.
    pub warm: bool,
    /// How the files got from there: `reflink`, `hard link` or `copy`.
    pub projection: Option<String>,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tree, &self.projection) {
            (Some(tree), Some(projection)) => {
                let warm = if self.warm { "was there" } else { "was fetched" };
                write!(f, "{}, which {warm}, by {projection}", tree.display())
            }
            _ => f.write_str("fetched into the sandbox, without a cache"),
        }
    }
}

/// Artifacts in their place. What they share with the cache stays there for as long as this lives.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) delivery: Delivery,
    #[expect(dead_code, reason = "held for its drop")]
    shared: Option<Shared>,
}

impl Delivered {
    fn new(materialised: Materialised) -> Self {
        let shared = materialised.shared;
        let delivery = Delivery {
            tree: shared.as_ref().map(|shared| shared.path.clone()),
            warm: shared.as_ref().is_some_and(|shared| shared.was_there),
            projection: shared.as_ref().map(|shared| name(shared.projection).to_owned()),
        };
        Self { delivery, shared }
    }
}

fn name(projection: Projection) -> &'static str {
    match projection {
        Projection::Reflink => "reflink",
        Projection::HardLink => "hard link",
        Projection::Copy => "copy",
    }
}

/// Puts the artifacts in their place, complete and verified, or not at all. `of_the_agent` is the agent's own word on where
/// the cache is.
pub(crate) async fn deliver(
    request: Request,
    options: FetchOptions,
    settings: &CacheSettings,
    of_the_agent: Option<String>,
    progress: watch::Sender<Progress>,
) -> Result<Delivered, FetchError> {
    if let Some(cache) = open(settings, of_the_agent).await {
        match cache.materialise(request.clone(), options.clone(), progress.clone()).await {
            // The cache's disk may be full or broken while the sandbox's is not.
            Err(error) if error.blame() == Blame::Host => warn!("doing without the host's cache: {error}"),
            materialised => return materialised.map(Delivered::new),
        }
    }
    fetcher::materialise_with(request, options, progress).await.map(Delivered::new)
}

/// The first cache that can be used.
async fn open(settings: &CacheSettings, of_the_agent: Option<String>) -> Option<Cache> {
    if !settings.enabled {
        return None;
    }
    for path in settings.places(of_the_agent) {
        let options = CacheOptions { path, budget: settings.size };
        let shown = options.path.display().to_string();
        let opened = spawn_blocking(move || Cache::open(options)).await;
        match opened.unwrap_or_else(|error| Err(CacheError::Disk(std::io::Error::other(error)))) {
            Ok(cache) => {
                info!("artifacts come through the host's cache in {shown}");
                return Some(cache);
            }
            Err(error) => warn!("the host's cache in {shown} cannot be used: {error}"),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use overlays::config::Source;

    use super::*;

    fn settings(entries: &[(&str, &str)]) -> Result<CacheSettings, String> {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(*key, *value, Source::Computed("a test"));
        }
        CacheSettings::of(&config)
    }

    #[test]
    fn nothing_said_means_the_usual_place_and_one_of_this_user() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings, CacheSettings::default());
        assert_eq!(settings.places(None), [PathBuf::from(DEFAULT_PATH), of_this_user()]);
        assert_eq!(settings.places(Some(String::new())), settings.places(None));
    }

    #[test]
    fn the_agent_has_the_last_word_on_the_place() {
        let settings = settings(&[(PATH, "/data/cache"), (SIZE, "1 gb")]).unwrap();
        assert_eq!(settings.places(None), [PathBuf::from("/data/cache")]);
        assert_eq!(settings.places(Some("/other".to_owned())), [PathBuf::from("/other")]);
        assert_eq!(settings.size, 1 << 30);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let error = settings(&[(PATH, "cache")]).unwrap_err();
        assert_eq!(error, "mesos.executor.cache.path is 'cache', allowed are absolute paths");
        let error = settings(&[(SIZE, "1 mb")]).unwrap_err();
        assert_eq!(error, "mesos.executor.cache.size is 1048576 bytes, allowed are 536870912 and more");
        assert!(settings(&[(ENABLED, "maybe")]).unwrap_err().contains(ENABLED));
    }
}
