//! The cache that the settings name.

use anyhow::Context as _;
use common::trusted_path::check_way;

use super::settings::Settings;
use crate::cache::{Cache, CacheOptions};

/// Opens the cache, unless another user could replace it.
pub(super) async fn open_cache(settings: &Settings) -> anyhow::Result<Cache> {
    let options = CacheOptions { path: settings.cache.clone(), budget: settings.budget };
    let open = move || {
        check_way(&options.path).context("setting `cache`")?;
        Ok(Cache::open(options)?)
    };
    tokio::task::spawn_blocking(open).await?
}
