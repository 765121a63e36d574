//! The commands for people: through the daemon if it is running, else on the files of the cache.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use common::files::{LARGEST_CERTIFICATES, read, read_secret};
use fetcher_client::cache::{Cache, Fetch, Removed, Tree, Verified};
use fetcher_client::fetch::{FetchOptions, Progress, Request};
use fetcher_client::sidecar::{Connection, SidecarError, request_tree};
use fetcher_formats::digest::Digest;
use fetcher_formats::token::Token;
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::cache::open_cache;
use crate::cli::{Command, Output, Prefetch};
use crate::settings::{Settings, TOKEN_VARIABLE, human_bytes};
use crate::status::Status;
use crate::wire::{GC, Keep, STATUS, VERIFY};

/// How often progress is printed.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The result of a command.
#[derive(Debug)]
pub struct Answer {
    /// The text to print.
    pub text: String,
    /// Whether the result is good: a `verify` that finds damaged files succeeds, but its result is
    /// not good.
    pub good: bool,
}

/// Where the command is carried out.
enum Backend {
    Daemon(Box<Connection>),
    /// In this process.
    Local(Cache),
}

/// Runs the command. `variables` is the environment.
pub fn run(
    command: &Command,
    settings: &Settings,
    output: Output,
    variables: &[(String, String)],
) -> anyhow::Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Daemon => anyhow::bail!("the daemon is not a command"),
            Command::Status => Answer::new(&status(settings).await?, output, status_text),
            Command::Gc { keep } => Answer::new(&gc(settings, *keep).await?, output, removed_text),
            Command::Verify => {
                let verified = verify(settings).await?;
                let answer = Answer::new(&verified, output, verified_text)?;
                Ok(Answer { good: verified.wrong.is_empty(), ..answer })
            }
            Command::Prefetch(what) => {
                let fetched = prefetch(settings, what, output, variables).await?;
                Answer::new(&fetched, output, fetched_text)
            }
        }
    })
}

impl Answer {
    fn new<T: Serialize>(
        value: &T,
        output: Output,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<Self> {
        let text = match output {
            Output::Json => serde_json::to_string(value)? + "\n",
            Output::Text => text(value),
        };
        Ok(Self { text, good: true })
    }
}

impl Backend {
    async fn find(settings: &Settings) -> anyhow::Result<Self> {
        match Connection::open(&settings.socket).await {
            Ok(connection) => Ok(Self::Daemon(Box::new(connection))),
            Err(SidecarError::Absent { .. }) => {
                let path = settings.cache.clone();
                anyhow::ensure!(
                    path.exists(),
                    "no cache at {}, and no daemon runs",
                    path.display()
                );
                Ok(Self::Local(open_cache(settings).await?))
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn status(settings: &Settings) -> anyhow::Result<Status> {
    match Backend::find(settings).await? {
        Backend::Daemon(mut daemon) => say(&mut daemon, Method::GET, STATUS, Vec::new()).await,
        Backend::Local(cache) => {
            Ok(tokio::task::spawn_blocking(move || Status::look(&cache, None)).await??)
        }
    }
}

async fn gc(settings: &Settings, keep: Option<u64>) -> anyhow::Result<Removed> {
    match Backend::find(settings).await? {
        Backend::Daemon(mut daemon) => {
            say(&mut daemon, Method::POST, GC, serde_json::to_vec(&Keep { bytes: keep })?).await
        }
        Backend::Local(cache) => Ok(cache.collect_garbage(keep.unwrap_or(settings.budget)).await?),
    }
}

async fn verify(settings: &Settings) -> anyhow::Result<Verified> {
    match Backend::find(settings).await? {
        Backend::Daemon(mut daemon) => say(&mut daemon, Method::POST, VERIFY, Vec::new()).await,
        Backend::Local(cache) => Ok(tokio::task::spawn_blocking(move || cache.verify()).await??),
    }
}

/// Sends a request to the daemon; the answer may take any time.
async fn say<T: DeserializeOwned>(
    daemon: &mut Connection,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> anyhow::Result<T> {
    let text = daemon.request(method, path, body, None).await?.text().await?;
    serde_json::from_str(&text)
        .context("the daemon sent an unknown answer; does it have another version?")
}

/// The result of a prefetch.
#[derive(Debug, Serialize)]
struct Fetched {
    manifest: Digest,
    tree: PathBuf,
    files: usize,
    bytes: u64,
}

async fn prefetch(
    settings: &Settings,
    what: &Prefetch,
    output: Output,
    variables: &[(String, String)],
) -> anyhow::Result<Fetched> {
    let authorities = what.authorities.as_ref();
    let trusted = authorities.map(|file| read(file, LARGEST_CERTIFICATES)).transpose()?;
    let request = Request {
        urls: what.urls.clone(),
        manifest: what.manifest,
        secrets: None,
        token: token(what, variables)?,
        target: PathBuf::new(),
    };
    let options = FetchOptions {
        connections: settings.connections,
        patience: settings.patience,
        trusted,
        ..Default::default()
    };
    let (sender, progress) = watch::channel(Progress::default());
    let fetch = Fetch::new(request, options, sender);
    let tree = select! {
        tree = tree(settings, &fetch) => tree?,
        () = show(progress.clone()), if output == Output::Text => anyhow::bail!("the fetch has ended"),
    };
    let (files, bytes) = (progress.borrow().files, progress.borrow().bytes);
    Ok(Fetched { manifest: what.manifest, tree: tree.path, files, bytes })
}

async fn tree(settings: &Settings, fetch: &Fetch) -> anyhow::Result<Tree> {
    match request_tree(&settings.socket, fetch).await {
        Ok(tree) => {
            fetch.show_complete(&tree.manifest);
            Ok(tree)
        }
        Err(SidecarError::Absent { .. }) => Ok(open_cache(settings).await?.tree(fetch).await?),
        Err(error) => Err(error.into()),
    }
}

/// The artifact token. It is not accepted on the command line, which all users of a host can see.
fn token(what: &Prefetch, variables: &[(String, String)]) -> anyhow::Result<Token> {
    let (text, place) = if let Some(file) = &what.token_file {
        (read_secret(file)?, file.display().to_string())
    } else {
        let variable = variables.iter().find(|(name, _)| name == TOKEN_VARIABLE);
        let (name, text) =
            variable.context(format!("no token: give --token-file, or {TOKEN_VARIABLE}"))?;
        (text.clone(), name.clone())
    };
    text.trim().parse().context(place)
}

/// Prints the progress of the fetch. Never ends.
async fn show(progress: watch::Receiver<Progress>) {
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let latest = *progress.borrow();
        let (done, all) = (human_bytes(latest.bytes_done), human_bytes(latest.bytes));
        writeln!(io::stderr(), "{done} of {all}, {} of {} files", latest.files_done, latest.files)
            .ok();
    }
}

fn status_text(status: &Status) -> String {
    let (cache, usage) = (&status.cache, &status.cache.usage);
    let daemon = match &status.daemon {
        Some(running) => format!(
            "daemon   {}, process {}, up {}\nfetches  {} in flight, {} hits, {} misses, {} failed\nreceived {} from servers, {} from peers; sent {} to peers\n",
            status.version,
            running.pid,
            humantime::format_duration(Duration::from_secs(running.uptime_seconds as u64)),
            running.fetches_in_flight,
            running.counts.hits,
            running.counts.misses,
            running.counts.failed_fetches.iter().map(|failed| failed.count).sum::<u64>(),
            human_bytes(running.counts.bytes_from_servers),
            human_bytes(running.counts.bytes_from_peers),
            human_bytes(running.bytes_to_peers),
        ),
        None => "daemon   not running\n".to_owned(),
    };
    format!(
        "{daemon}cache    {}, {} of {} in {} contents, {} under way\ntrees    {}, {} in use\n",
        cache.path.display(),
        human_bytes(usage.bytes),
        human_bytes(cache.budget_bytes),
        usage.contents,
        human_bytes(usage.partial.max(usage.reserved)),
        usage.trees,
        usage.trees_in_use,
    )
}

fn removed_text(removed: &Removed) -> String {
    let bytes = human_bytes(removed.bytes);
    format!("removed {} trees and {} contents, {bytes}\n", removed.trees, removed.contents)
}

fn verified_text(verified: &Verified) -> String {
    let read = format!("read {} contents, {}", verified.contents, human_bytes(verified.bytes));
    let wrong = verified.wrong.iter().map(|name| format!("wrong, in quarantine now: {name}"));
    let removed = verified.trees_removed.iter().map(|name| format!("tree removed: {name}"));
    let in_use = verified.trees_in_use.iter();
    let in_use = in_use.map(|name| format!("tree in use, its workers should be restarted: {name}"));
    let lines = [read].into_iter().chain(wrong).chain(removed).chain(in_use);
    lines.map(|line| line + "\n").collect()
}

fn fetched_text(fetched: &Fetched) -> String {
    format!(
        "{} is there: {} files, {}\n",
        fetched.tree.display(),
        fetched.files,
        human_bytes(fetched.bytes)
    )
}
