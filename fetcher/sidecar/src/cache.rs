//! The cache that the settings name.

use fetcher_client::cache::{Cache, CacheError, CacheOptions};

use crate::places::{RefusedPlace, check_cache, refused};
use crate::settings::Settings;

/// Opens the cache, unless another user could change or replace it, or it cannot be there.
pub(crate) async fn open_cache(settings: &Settings) -> anyhow::Result<Cache> {
    let options = CacheOptions { path: settings.cache.clone(), budget: settings.budget };
    let open = move || {
        check_cache(&options.path)?;
        Cache::open(options).map_err(|error| match error {
            CacheError::Replaceable(_) | CacheError::Untrusted { .. } => {
                RefusedPlace::cache(error.to_string()).into()
            }
            CacheError::Disk(error) => refused(error, RefusedPlace::cache),
        })
    };
    tokio::task::spawn_blocking(open).await?
}
