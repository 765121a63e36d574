//! Get a worker's artifacts into its sandbox: through the host's sidecar, through a cache that the
//! workers of this host share, or without either.
//!
//! The sidecar downloads on behalf of the task, and the cache makes a warm start free, but neither
//! is required. If they cannot be used, the worker gets its artifacts by direct download, and the
//! log says why it was slower.

use std::{fmt, path::PathBuf};

use fetcher_client::cache::PATH_VARIABLE;
use fetcher_client::obtain::SOCKET_VARIABLE;
use fetcher_client::{
    Cache, CacheOptions, FetchError, FetchOptions, Materialised, Progress, Projection, Request,
    Shared, Ways, obtain,
};
use flink::{
    config::{Configuration, ConfigurationError},
    options::mesos::{
        EXECUTOR_CACHE_ENABLED, EXECUTOR_CACHE_PATH, EXECUTOR_CACHE_SIZE, EXECUTOR_FETCHER_SOCKET,
    },
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Default path of the cache.
const DEFAULT_PATH: &str = "/var/cache/flink-mesos";

/// A worker's settings for the sidecar and the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Socket of the host's sidecar; none if the sidecar is disabled.
    pub socket: Option<PathBuf>,
    /// Whether to use a cache.
    pub enabled: bool,
    /// Folder of the cache; none for the default.
    pub path: Option<PathBuf>,
    /// Size limit of the cache, in bytes.
    pub size: u64,
}

impl CacheSettings {
    /// Reads the settings from the configuration. The error names the key, the value, and what is
    /// allowed.
    pub(crate) fn of(config: &Configuration) -> Result<Self, String> {
        let invalid = |error: ConfigurationError| error.to_string();
        let path = config.get(&EXECUTOR_CACHE_PATH).unwrap_or_default();
        Ok(Self {
            // An empty value means no sidecar.
            socket: absolute(EXECUTOR_FETCHER_SOCKET.key(), config.text(&EXECUTOR_FETCHER_SOCKET))?,
            enabled: config.read(&EXECUTOR_CACHE_ENABLED).map_err(invalid)?,
            path: absolute(EXECUTOR_CACHE_PATH.key(), path)?,
            size: config.read(&EXECUTOR_CACHE_SIZE).map_err(invalid)?.0,
        })
    }

    /// The sidecar and the caches that can be tried on this host.
    fn ways(&self, socket_of_the_agent: Option<String>, path_of_the_agent: Option<String>) -> Ways {
        Ways { socket: self.sidecar(socket_of_the_agent), caches: self.caches(path_of_the_agent) }
    }

    /// Socket of the host's sidecar; none if it is disabled.
    pub(crate) fn sidecar(&self, of_the_agent: Option<String>) -> Option<PathBuf> {
        match of_the_agent {
            Some(path) => Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty()),
            None => self.socket.clone(),
        }
    }

    /// The first cache that this user can write to, wherever the artifacts came from. None if the
    /// cache is disabled or no folder is usable. Blocking.
    pub(crate) fn open(&self, of_the_agent: Option<String>) -> Option<Cache> {
        self.caches(of_the_agent).into_iter().find_map(|options| Cache::open(options).ok())
    }

    /// The usable caches, the preferred one first.
    fn caches(&self, of_the_agent: Option<String>) -> Vec<CacheOptions> {
        let places = if self.enabled { self.places(of_the_agent) } else { Vec::new() };
        places.into_iter().map(|path| CacheOptions { path, budget: self.size }).collect()
    }

    /// Cache folders to try, in this order.
    fn places(&self, of_the_agent: Option<String>) -> Vec<PathBuf> {
        match of_the_agent
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(|| self.path.clone())
        {
            Some(path) => vec![path],
            None => vec![PathBuf::from(DEFAULT_PATH), of_this_user()],
        }
    }
}

/// The path under this key; none if it is empty.
fn absolute(key: &str, path: &str) -> Result<Option<PathBuf>, String> {
    let path = Some(path).filter(|path| !path.is_empty()).map(PathBuf::from);
    match path.as_ref().filter(|path| !path.is_absolute()) {
        Some(path) => Err(format!("{key} is '{}', allowed are absolute paths", path.display())),
        None => Ok(path),
    }
}

/// The cache of users who may not write to the default path.
fn of_this_user() -> PathBuf {
    PathBuf::from(format!("/var/tmp/flink-mesos-{}", nix::unistd::geteuid()))
}

/// How the artifacts got into the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The tree in the host's cache that the artifacts were linked or copied from; none without a
    /// cache.
    pub tree: Option<PathBuf>,
    /// Whether the tree was in the cache already.
    pub warm: bool,
    /// How the files got from the cache into the sandbox: `reflink`, `hard link` or `copy`.
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

/// Artifacts in their place. The cache keeps the tree that they share with it for as long as this
/// lives.
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

/// Puts the artifacts in their place, complete and verified, or not at all. `lookup` reads the
/// agent's environment variables, which override the worker's settings for the sidecar and the
/// cache.
pub(crate) async fn deliver(
    request: Request,
    options: FetchOptions,
    settings: &CacheSettings,
    lookup: impl Fn(&str) -> Option<String>,
    progress: watch::Sender<Progress>,
) -> Result<Delivered, FetchError> {
    let ways = settings.ways(lookup(SOCKET_VARIABLE), lookup(PATH_VARIABLE));
    obtain(request, options, ways, progress).await.map(Delivered::new)
}

#[cfg(test)]
mod tests {
    use fetcher_client::DEFAULT_SOCKET;
    use flink::config::Source;

    use super::*;

    fn settings(entries: &[(&str, &str)]) -> Result<CacheSettings, String> {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(*key, *value, Source::Computed("a test"));
        }
        CacheSettings::of(&config)
    }

    #[test]
    fn by_default_the_host_cache_is_tried_first_and_the_users_own_second() {
        let settings = settings(&[]).unwrap();
        assert!(settings.enabled && settings.path.is_none());
        assert_eq!(settings.places(None), [PathBuf::from(DEFAULT_PATH), of_this_user()]);
        assert_eq!(settings.places(Some(String::new())), settings.places(None));
    }

    #[test]
    fn the_agents_environment_overrides_the_cache_path() {
        let settings = settings(&[
            (EXECUTOR_CACHE_PATH.key(), "/data/cache"),
            (EXECUTOR_CACHE_SIZE.key(), "1 gb"),
        ])
        .unwrap();
        assert_eq!(settings.places(None), [PathBuf::from("/data/cache")]);
        assert_eq!(settings.places(Some("/other".to_owned())), [PathBuf::from("/other")]);
        assert_eq!(settings.size, 1 << 30);
    }

    #[test]
    fn the_sidecar_is_used_unless_it_is_disabled() {
        let socket = |entries: &[(&str, &str)], agent: Option<&str>| {
            settings(entries)
                .unwrap()
                .ways(agent.map(str::to_owned), None)
                .socket
                .map(|path| path.display().to_string())
        };
        assert_eq!(socket(&[], None).as_deref(), Some(DEFAULT_SOCKET));
        assert_eq!(socket(&[(EXECUTOR_FETCHER_SOCKET.key(), "/s")], None).as_deref(), Some("/s"));
        assert_eq!(socket(&[(EXECUTOR_FETCHER_SOCKET.key(), "")], None), None);
        assert_eq!(
            socket(&[(EXECUTOR_FETCHER_SOCKET.key(), "/s")], Some("/agent")).as_deref(),
            Some("/agent")
        );
        assert_eq!(socket(&[(EXECUTOR_FETCHER_SOCKET.key(), "/s")], Some("")), None);
        let without_cache =
            settings(&[(EXECUTOR_CACHE_ENABLED.key(), "false")]).unwrap().ways(None, None);
        assert!(without_cache.socket.is_some() && without_cache.caches.is_empty());
    }

    #[test]
    fn an_invalid_value_is_rejected_with_its_key() {
        let error = settings(&[(EXECUTOR_CACHE_PATH.key(), "cache")]).unwrap_err();
        assert_eq!(error, "mesos.executor.cache.path is 'cache', allowed are absolute paths");
        let error = settings(&[(EXECUTOR_FETCHER_SOCKET.key(), "run/s")]).unwrap_err();
        assert_eq!(error, "mesos.executor.fetcher-socket is 'run/s', allowed are absolute paths");
        let error = settings(&[(EXECUTOR_CACHE_SIZE.key(), "1 mb")]).unwrap_err();
        assert_eq!(error, "mesos.executor.cache.size: 1 mb is out of range (512m to 1024t)");
        assert!(
            settings(&[(EXECUTOR_CACHE_ENABLED.key(), "maybe")])
                .unwrap_err()
                .contains(EXECUTOR_CACHE_ENABLED.key())
        );
    }
}
