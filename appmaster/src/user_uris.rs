//! Fetches `mesos.resourcemanager.tasks.uris` once and describes what workers get: each file is
//! below `uris/` in the manifest's tree, and has a link in the sandbox itself, where Mesos would
//! put it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use common::progress::megabytes;
use fetcher_client::FetchBlame;
use fetcher_formats::unpack::{Limits, unpack};
use fetcher_formats::{Format, Manifest};
use fetcher_server::{Archive, Artifact};
use fetcher_sources::{FirstUseError, FirstUses, Obtained, Scheme, SourceOptions, SourceProgress};
use flink::options::mesos::TASKS_URIS;
use fs_err as fs;
use serde_json::json;
use tokio::{sync::watch, task::spawn_blocking};

use crate::{
    console::Console,
    environment::Lookup,
    failure::Failure,
    settings::{TAKEN, TaskUri, TaskUris},
    working_folder::{self, WorkingFolder},
};

/// What workers get in addition to Flink.
#[derive(Clone, Debug, Default)]
pub struct UserUris {
    /// Files.
    pub artifacts: Vec<Artifact>,
    /// Archives to unpack on arrival.
    pub archives: Vec<Archive>,
    /// Links in the sandbox: name and target in the tree.
    pub links: BTreeMap<String, String>,
}

/// Where downloads and their record are stored.
#[derive(Clone, Debug)]
pub struct DownloadFolder {
    /// The folder of the downloads.
    pub folder: PathBuf,
    /// The file that records each source's digest at its first use; `None` if nothing outlives this
    /// process.
    pub record: Option<PathBuf>,
}

const TREE: &str = "uris";

impl DownloadFolder {
    /// Creates the folder, or empties it if `nothing` is needed, and reads the record. Blocks.
    fn open(&self, nothing: bool) -> Result<FirstUses, FirstUseError> {
        if nothing {
            tidy(&self.folder, &[]);
            return Ok(FirstUses::default());
        }
        fs::create_dir_all(&self.folder)?;
        self.record.clone().map_or_else(|| Ok(FirstUses::default()), FirstUses::open)
    }
}

impl UserUris {
    /// Fetches everything, and removes files that are no longer needed.
    pub async fn fetch(
        wanted: &TaskUris,
        downloads: DownloadFolder,
        lookup: &Lookup,
        console: &Console,
    ) -> Result<Self, Failure> {
        let nothing = wanted.uris.is_empty();
        let mut first_uses = spawn_blocking({
            let downloads = downloads.clone();
            move || downloads.open(nothing)
        })
        .await
        .map_err(Failure::other)?
        .map_err(Failure::other)?;
        if nothing {
            return Ok(Self::default());
        }
        let mut options = SourceOptions::new(downloads.folder.clone());
        options.settings.clone_from(&wanted.settings);
        from_environment(&mut options, lookup).map_err(Failure::usage)?;
        let mut found = Self::default();
        let mut used = Vec::new();
        for uri in &wanted.uris {
            let obtained = obtain(uri, &mut first_uses, &options, console).await?;
            used.push(obtained.path.clone());
            found.add(uri, obtained).await?;
        }
        spawn_blocking(move || tidy(&downloads.folder, &used)).await.map_err(Failure::other)?;
        Ok(found)
    }

    async fn add(&mut self, uri: &TaskUri, obtained: Obtained) -> Result<(), Failure> {
        let Some(format) = uri.extract else {
            let Some(place) = &uri.destination else { return Ok(()) };
            self.artifacts.push(Artifact {
                source: obtained.path,
                target: format!("{TREE}/{place}"),
                executable: uri.executable,
                secret: false,
            });
            return self.link(uri, place.first(), &format!("{TREE}/{}", place.first()));
        };
        let manifest = look_into(uri, obtained.path.clone(), format).await?;
        let target = match &uri.destination {
            Some(place) => format!("{TREE}/{place}"),
            None => format!("{TREE}/.unpacked-{}", self.archives.len() + 1),
        };
        match &uri.destination {
            Some(place) => self.link(uri, place.first(), &format!("{TREE}/{}", place.first()))?,
            None => {
                for entry in manifest.entries() {
                    let name = entry.path.first();
                    self.link(uri, name, &format!("{target}/{name}"))?;
                }
            }
        }
        self.archives.push(Archive { source: obtained.path, target, format });
        Ok(())
    }

    /// Adds a link in the sandbox.
    fn link(&mut self, uri: &TaskUri, name: &str, target: &str) -> Result<(), Failure> {
        let hint = "give it a destination=…, or another one";
        if TAKEN.contains(&name) {
            let taken = TAKEN.join(", ");
            return Err(Failure::usage(anyhow!(
                "{}: `{name}` is reserved in the sandbox ({taken}): {hint}",
                uri.source
            )));
        }
        match self.links.insert(name.to_owned(), target.to_owned()) {
            Some(other) if other != target => {
                let source = &uri.source;
                Err(Failure::usage(anyhow!(
                    "{source}: another URI also puts `{name}` into the sandbox: {hint}"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Applies the environment variables that the stores' own tools read and `OpenDAL` does not.
fn from_environment(
    options: &mut SourceOptions,
    lookup: &Lookup,
) -> Result<(), fetcher_sources::SettingError> {
    let region = lookup("AWS_REGION").or_else(|| lookup("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    options.settings.entry(Scheme::S3).or_default().set_default(Scheme::S3, "region", &region)?;
    if let Some(user) = lookup("HADOOP_USER_NAME") {
        for scheme in [Scheme::Hdfs, Scheme::WebHdfs] {
            options.settings.entry(scheme).or_default().set_default(scheme, "user", &user)?;
        }
    }
    Ok(())
}

async fn obtain(
    uri: &TaskUri,
    first_uses: &mut FirstUses,
    options: &SourceOptions,
    console: &Console,
) -> Result<Obtained, Failure> {
    let source = &uri.source;
    let (sender, mut progress) = watch::channel(SourceProgress::default());
    console.waiting(&format!("fetching {source}"));
    let obtaining = first_uses.obtain(source, uri.sha256, options, &sender);
    tokio::pin!(obtaining);
    let obtained = loop {
        tokio::select! {
            obtained = &mut obtaining => break obtained,
            Ok(()) = progress.changed() => {
                let SourceProgress { bytes, total } = *progress.borrow_and_update();
                console.waiting(&format!("fetching {source}: {}", megabytes(bytes, total)));
            }
        }
    };
    console.settled();
    let obtained = obtained.map_err(|error| {
        let failure = anyhow!("{TASKS_URIS}: {error}");
        match error.blame() {
            FetchBlame::Configuration | FetchBlame::Artifact => Failure::usage(failure),
            FetchBlame::Network | FetchBlame::Host => Failure::other(failure),
        }
    })?;
    let text = format!("Fetched {source}: {} bytes, sha256 {}", obtained.size, obtained.digest);
    let fields = json!({ "uri": source.to_string(), "bytes": obtained.size, "sha256": obtained.digest.to_string() });
    console.report("fetched", &text, fields);
    Ok(obtained)
}

/// Unpacks an archive once, to list its content and to report here if no worker could unpack it.
async fn look_into(uri: &TaskUri, path: PathBuf, format: Format) -> Result<Manifest, Failure> {
    let made = spawn_blocking(|| WorkingFolder::make(&std::env::temp_dir()));
    let folder = made.await.map_err(Failure::other)?.map_err(working_folder::failure)?;
    let looked = spawn_blocking(move || {
        let tree = folder.path().join("tree");
        fs::create_dir(&tree)?;
        let file = common::files::open(&path)?;
        let manifest = unpack(file, format, &tree, Limits::default())?;
        Ok::<_, anyhow::Error>(manifest)
    });
    let looked = looked.await.map_err(Failure::other)?;
    looked.map_err(|error| Failure::usage(anyhow!("{TASKS_URIS}: {}: {error}", uri.source)))
}

/// Removes files that are no longer needed.
fn tidy(folder: &Path, used: &[PathBuf]) {
    for entry in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        let path = entry.path();
        if !used.contains(&path) {
            // What cannot be removed only takes space.
            _ = fs::remove_file(path);
        }
    }
}
