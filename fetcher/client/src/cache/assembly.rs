//! Make a tree: get its contents into the cache, and link them together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fetcher_formats::digest::Digest;
use fetcher_formats::manifest::{Entry, Kind, Manifest};
use fetcher_formats::page_cache::forget;
use fs_err::File;
use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::content::Content;
use super::fetch::Fetch;
use super::files::save;
use super::folders::Cache;
use super::reservation::Reservation;
use super::trees::{Tree, remove_tree};
use crate::blocking::blocking;
use crate::crash;
use crate::error::FetchError;
use crate::fetch::UNPACKED_AT_ONCE;
use crate::fetch::frontier::{Feed, Frontier, Growing};
use crate::fetch::staging::Staging;
use crate::lock::{FileLock, Mode};
use crate::project::Projector;

/// Contents that are requested at the same time; most wait for a connection or for another process.
const AT_ONCE: usize = 32;
/// How often to make a tree again that disappears; after that, something is badly wrong.
const ATTEMPTS: usize = 3;
/// How soon to look again while another process holds a tree that looks damaged.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long to look again in total: processes that only check a tree are quick.
const IN_USE_FOR: Duration = Duration::from_secs(5);
/// How soon to look again while another fetch of the same lane makes the tree, at first and at
/// most.
const MAKING: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(25));

impl Cache {
    /// The tree of a fetch; makes it if it does not exist.
    pub async fn tree(&self, fetch: &Fetch) -> Result<Tree, FetchError> {
        let digest = fetch.request.manifest;
        let mut made = 0;
        let mut pause = MAKING.0;
        while made < ATTEMPTS {
            if let Some(tree) = self.use_tree(digest, made == 0).await? {
                if made == 0 {
                    self.counters.hit();
                }
                fetch.show_complete(&tree.manifest);
                return Ok(tree);
            }
            let Some(_making) =
                Making::attempt(self.lock(&format!("{digest}{}.making", fetch.lane))).await?
            else {
                // Another process is making it.
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAKING.1);
                continue;
            };
            if self.find_tree(digest).await?.is_none() {
                if made == 0 {
                    self.counters.missed();
                }
                self.clear_place(digest).await?;
                self.make_tree(digest, fetch).await?;
                made += 1;
            }
        }
        Err(damaged(&self.tree_path(&digest)))
    }

    /// Removes a tree that looks damaged, unless it is in use.
    async fn clear_place(&self, digest: Digest) -> Result<(), FetchError> {
        let mut waited = Duration::ZERO;
        while waited < IN_USE_FOR {
            let cache = self.clone();
            let cleared = blocking(move || {
                let path = cache.tree_path(&digest);
                if fs_err::symlink_metadata(&path).is_err() {
                    return Ok(true);
                }
                let lock = FileLock::attempt(&cache.lock(&digest.to_string()), Mode::Unshared);
                let Some(_unused) = lock.map_err(FetchError::Disk)? else { return Ok(false) };
                // Another process may have made it meanwhile.
                if cache.look_for_tree(&digest).is_none() {
                    remove_tree(&path).map_err(FetchError::Disk)?;
                }
                Ok(true)
            });
            if cleared.await? {
                return Ok(());
            }
            // Another process may be checking the tree as we do. But it may also use the damaged
            // tree, and waiting for that to end could take forever.
            tokio::time::sleep(LOOK_AGAIN).await;
            waited += LOOK_AGAIN;
        }
        Err(damaged(&self.tree_path(&digest)))
    }

    /// Makes a tree. Only one fetch of a lane may call it at a time.
    async fn make_tree(&self, digest: Digest, fetch: &Fetch) -> Result<(), FetchError> {
        let _permission = match &fetch.permission {
            Some(permission) => Some(permission().await),
            None => None,
        };
        let manifest = self.get_manifest(digest, fetch).await?;
        let cache = self.clone();
        let (manifest, (contents, packed), nodes) = blocking(move || {
            let (needs, nodes) = (cache.needs(manifest.entries()), manifest.nodes());
            Ok((manifest, needs, nodes))
        })
        .await?;
        let (all, bytes) = (
            contents.len(),
            contents.values().map(|content| content.blob.size).fold(0, u64::saturating_add),
        );
        let (reservation, mut missing) =
            self.reserve(contents.into_values().collect(), nodes).await?;
        let reservation = Arc::new(reservation);
        missing.sort_by_key(|content| Reverse(content.blob.size));
        if !missing.is_empty() {
            let needed =
                missing.iter().map(|content| content.blob.size).fold(0, u64::saturating_add);
            let (_, meter) = fetch.start().await?;
            meter.expect(all, bytes);
            meter.there(all - missing.len(), bytes.saturating_sub(needed));
        }
        let archives: Vec<_> = packed
            .iter()
            .filter_map(Content::of)
            .map(|content| self.blob(&content.key()))
            .collect();
        self.fetch_and_unpack(missing, packed, fetch, &reservation).await?;
        let cache = self.clone();
        blocking(move || {
            // The archives' files will be read, not the archives.
            archives
                .iter()
                .filter_map(|archive| File::open(archive).ok())
                .for_each(|archive| forget(&archive));
            cache.assemble(&digest, &manifest)
        })
        .await?;
        if let Some((download, _)) = fetch.started.get() {
            download.announce(digest);
        }
        Ok(())
    }

    /// Fetches what is missing, and unpacks archives while they are being downloaded.
    async fn fetch_and_unpack(
        &self,
        missing: Vec<Content>,
        packed: Vec<Entry>,
        fetch: &Fetch,
        reservation: &Arc<Reservation>,
    ) -> Result<(), FetchError> {
        let archives = packed
            .iter()
            .filter_map(|entry| Some((Content::of(entry)?.key(), Arc::<Frontier>::default())));
        let archives: HashMap<String, Arc<Frontier>> = archives.collect();
        let missing_keys: BTreeSet<String> = missing.iter().map(Content::key).collect();
        let unpacked = packed.into_iter().filter_map(|entry| {
            let content = Content::of(&entry)?;
            let frontier = archives.get(&content.key())?;
            let feed = (!missing_keys.contains(&content.key())).then(|| Feed::new(frontier));
            let (cache, source, reservation) =
                (self.clone(), Growing::new(frontier), Arc::clone(reservation));
            Some(blocking(move || {
                cache.feed_all(&content, feed)?;
                cache.unpack(&entry, source, &reservation)
            }))
        });
        // All feeds exist from the start, so that a reader learns of a failed fetch whenever it
        // happens.
        let fetched: Vec<_> = missing
            .into_iter()
            .map(|content| {
                let feed = archives.get(&content.key()).map(Feed::new);
                self.ensure(content, fetch, Arc::clone(reservation), feed)
            })
            .collect();
        let fetched = stream::iter(fetched).buffer_unordered(AT_ONCE).try_collect::<()>();
        let unpacked =
            stream::iter(unpacked).buffer_unordered(UNPACKED_AT_ONCE).try_collect::<()>();
        try_join(fetched, unpacked).await.map(drop)
    }

    /// The contents of a tree by their names, and the archives that must be unpacked for it.
    fn needs(&self, entries: &[Entry]) -> (BTreeMap<String, Content>, Vec<Entry>) {
        let (mut contents, mut packed) = (BTreeMap::new(), Vec::new());
        for entry in entries {
            if matches!(entry.kind, Kind::Archive(..)) {
                if self.is_unpacked(entry) {
                    continue;
                }
                packed.push(entry.clone());
            }
            contents.extend(Content::of(entry).map(|content| (content.key(), content)));
        }
        (contents, packed)
    }

    async fn get_manifest(&self, digest: Digest, fetch: &Fetch) -> Result<Manifest, FetchError> {
        let cache = self.clone();
        if let Some(manifest) = blocking(move || Ok(cache.known_manifest(&digest))).await? {
            return Ok(manifest);
        }
        let (download, _) = fetch.start().await?;
        let manifest = download.manifest(digest).await?;
        if manifest.has_secrets() {
            // As earlier versions of the server did. Without the cache, its tree can still be
            // fetched.
            return Err(FetchError::Disk(io::Error::other(
                "the manifest lists secrets, and the cache is no place for them",
            )));
        }
        let (place, encoded) = (self.manifest(&digest), manifest.encode());
        blocking(move || {
            save(&place, &encoded)
                .map_err(|error| FetchError::disk(error, &place, encoded.len() as u64))
        })
        .await?;
        Ok(manifest)
    }

    /// Links the contents together; the caller has reserved them. If one was removed after all, the
    /// tree is not made. Another lane may have made the same tree meanwhile.
    fn assemble(&self, digest: &Digest, manifest: &Manifest) -> Result<(), FetchError> {
        let path = self.tree_path(digest);
        let Some(entries) = self.expand(manifest) else { return Ok(()) };
        let staging = match Staging::create(path.clone(), &entries) {
            Err(FetchError::Exists(_)) => return Ok(()),
            staging => staging?,
        };
        let blob = |entry: &Entry| {
            Content::of(entry).map(|content| self.blob(&content.key())).unwrap_or_default()
        };
        match staging.project(&entries, blob, &mut Projector::linking()) {
            Err(FetchError::Disk(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                crash::point();
                // The list may have been removed while the contents were fetched.
                let place = self.manifest(digest);
                if !place.exists() {
                    save(&place, &manifest.encode())
                        .map_err(|error| FetchError::disk(error, &place, 0))?;
                }
                match staging.publish() {
                    Err(_) if path.is_dir() => Ok(()),
                    published => published.map(drop),
                }
            }
        }
    }
}

/// The lock for making a tree. Its file is removed with it.
struct Making(FileLock);

impl Making {
    async fn attempt(path: PathBuf) -> Result<Option<Self>, FetchError> {
        let lock =
            blocking(move || FileLock::attempt(&path, Mode::Exclusive).map_err(FetchError::Disk))
                .await?;
        Ok(lock.map(Self))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // A leftover file harms nobody.
        fs_err::remove_file(self.0.file().path()).ok();
    }
}

fn damaged(path: &Path) -> FetchError {
    FetchError::Disk(io::Error::other(format!(
        "{} is damaged and in use, or gets damaged",
        path.display()
    )))
}
