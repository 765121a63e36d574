//! The executor's half: asks the sidecar for a tree and takes hold of it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use tokio::time::{Instant, timeout_at};

use super::connection::{Answer, Connection, PATIENCE};
use super::wire::{Ask, FETCH, Failure, Told, USAGE};
use crate::cache::{CacheError, Fetch, Shelf, Tree};
use crate::fetch::{FetchError, Progress, blocking};

/// The longest silence that is borne; a sidecar that is well says something every second.
const QUIET: Duration = Duration::from_secs(15);

/// Why the sidecar is of no help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There is no socket, or nobody listens any more.
    #[error("no sidecar listens at {socket}")]
    Absent {
        /// Where it should be.
        socket: PathBuf,
    },
    /// It cannot be talked to.
    #[error("the sidecar at {socket} cannot be reached: {source}")]
    Unreachable {
        /// Where it is.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Anybody could have put it there.
    #[error("the sidecar at {socket} runs as user {owner}, but only root and the executor's own user are trusted")]
    Untrusted {
        /// Where it is.
        socket: PathBuf,
        /// Who it is.
        owner: u32,
    },
    /// It says nothing any more.
    #[error("the sidecar has not answered for {} s", waited.as_secs())]
    Silent {
        /// How long it was waited for.
        waited: Duration,
    },
    /// It is busy with something else: with other people's trees, or with nothing.
    #[error("the sidecar has made no progress with this tree for {} s", waited.as_secs())]
    Stalled {
        /// How long it was waited for.
        waited: Duration,
    },
    /// It ended, or it speaks another language.
    #[error("the sidecar closed the connection: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
    /// It does not do that.
    #[error("the sidecar answered {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// It has tried.
    #[error("the sidecar could not fetch the tree: {} (to blame: {})", .0.message, .0.blame)]
    Failed(Failure),
    /// It has the tree where we cannot use it.
    #[error("the sidecar's cache cannot be used: {0}")]
    Cache(String),
}

/// Has the sidecar at `socket` get the tree of a fetch, and keeps it there.
pub(crate) async fn ask(socket: &Path, fetch: &Fetch) -> Result<Tree, AskError> {
    let mut connection = Connection::open(socket).await?;
    let body = serde_json::to_vec(&asked(fetch)).map_err(|error| AskError::Broken { reason: error.to_string() })?;
    let mut answer = connection.request(Method::POST, FETCH, body, Some(PATIENCE)).await?;
    let (cache, was_there) = follow(&mut answer, fetch).await?;
    let (digest, owner) = (fetch.request.manifest, connection.owner);
    let opened = blocking(move || Ok(Shelf::open(cache, owner))).await.map_err(|error| unusable(&error))?;
    let tree = opened.map_err(|error: CacheError| AskError::Cache(error.to_string()))?.tree(digest).await;
    // Only now may the sidecar let go of it.
    drop((answer, connection));
    let tree = tree.map_err(|error| unusable(&error))?.map(|tree| Tree { was_there, ..tree });
    tree.ok_or_else(|| AskError::Cache(format!("tree {digest} does not exist or cannot be read")))
}

/// Tells the sidecar at `socket` what a TaskManager uses, as JSON with the fields of the executor's messages about that; says
/// why it could not.
pub async fn tell_usage(socket: &Path, usage: Vec<u8>) -> Result<(), String> {
    let told = async {
        let mut connection = Connection::open(socket).await?;
        connection.request(Method::POST, USAGE, usage, Some(PATIENCE)).await.map(drop)
    };
    told.await.map_err(|error: AskError| error.to_string())
}

fn asked(fetch: &Fetch) -> Ask {
    let trusted = fetch.options.trusted.as_deref();
    Ask {
        manifest: fetch.request.manifest,
        urls: fetch.request.urls.clone(),
        token: fetch.request.token.expose().to_owned(),
        trusted: trusted.map(|pem| String::from_utf8_lossy(pem).into_owned()),
    }
}

/// Shows progress until the tree is there; returns the cache that it is in, and whether it was there before.
///
/// A sidecar that only says that it is well, or the same again, is not waited for: anybody on this host may keep it busy.
async fn follow(answer: &mut Answer, fetch: &Fetch) -> Result<(PathBuf, bool), AskError> {
    let patience = fetch.options.sidecar_patience;
    let mut furthest = Furthest::default();
    let mut give_up_at = Instant::now() + patience;
    loop {
        let line = timeout_at(give_up_at, answer.line(QUIET)).await;
        let line = line.map_err(|_| AskError::Stalled { waited: patience })??;
        let told = serde_json::from_slice(&line);
        match told.map_err(|error| AskError::Broken { reason: format!("it sent an unknown answer: {error}") })? {
            Told::Progress(progress) => {
                fetch.progress.send_replace(progress);
                if furthest.is_passed_by(progress) {
                    give_up_at = Instant::now() + patience;
                }
            }
            Told::Ready { cache, was_there, .. } => return Ok((cache, was_there)),
            Told::Failed(failure) => return Err(AskError::Failed(failure)),
        }
    }
}

/// How far a fetch has ever been. It may fall back, when bytes turn out to be wrong: to come so far again is nothing new.
#[derive(Default)]
struct Furthest {
    files: usize,
    bytes: u64,
    knows_the_manifest: bool,
}

impl Furthest {
    fn is_passed_by(&mut self, now: Progress) -> bool {
        let knows_the_manifest = now.files > 0;
        let news = now.bytes_done > self.bytes
            || now.files_done > self.files
            || knows_the_manifest && !self.knows_the_manifest;
        self.bytes = self.bytes.max(now.bytes_done);
        self.files = self.files.max(now.files_done);
        self.knows_the_manifest |= knows_the_manifest;
        news
    }
}

fn unusable(error: &FetchError) -> AskError {
    AskError::Cache(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::watch;

    use super::*;
    use crate::digest::Digest;
    use crate::fetch::{FetchOptions, Request};

    /// What comes of asking somebody who answers so once a request has come, and keeps the connection open.
    async fn asking_who(answers: impl AsyncFnOnce(&mut UnixStream)) -> Result<Tree, AskError> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("fetcher.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            answers(&mut stream).await;
            std::future::pending::<()>().await;
        };
        let request = Request {
            urls: vec!["http://127.0.0.1:1".to_owned()],
            manifest: Digest::of(b""),
            token: "token".parse().unwrap(),
            target: PathBuf::new(),
        };
        let fetch = Fetch::new(request, FetchOptions::default(), watch::Sender::new(Progress::default()));
        tokio::select! {
            tree = ask(&socket, &fetch) => tree,
            () = answering => unreachable!(),
        }
    }

    /// What comes of asking somebody who answers with that.
    async fn asking(answer: &'static str) -> Result<Tree, AskError> {
        asking_who(async |stream| stream.write_all(answer.as_bytes()).await.unwrap()).await
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_sidecar_that_falls_silent_is_not_waited_for() {
        for answer in ["", HEAD, "HTTP/1.1 200 OK\r\n\r\n{\"progress\":"] {
            let error = asking(answer).await.err().unwrap();
            assert!(matches!(error, AskError::Silent { .. }), "{answer:?}: {error}");
        }
    }

    /// What comes of a sidecar that says every second how far it is: bytes and files of the tree.
    async fn asking_one_that_says(progress: impl Fn(u64) -> (u64, usize), ready_after: u64) -> (AskError, u64) {
        let begun = Instant::now();
        let tree = asking_who(async |stream| {
            stream.write_all(HEAD.as_bytes()).await.unwrap();
            let mut say = async |told: Told| {
                let line = serde_json::to_string(&told).unwrap() + "\n";
                stream.write_all(line.as_bytes()).await.unwrap();
            };
            for second in 0..ready_after {
                let (bytes_done, files_done) = progress(second);
                say(Told::Progress(Progress { bytes_done, files_done, files: 9, bytes: 1 << 30 })).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            say(Told::Ready { cache: "/no/such".into(), tree: "/no/such/x".into(), was_there: false }).await;
        });
        (tree.await.err().unwrap(), begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sidecar_that_moves_no_bytes_of_this_very_fetch_is_not_waited_for_whatever_it_says() {
        let nothing = |_: u64| (0_u64, 0_usize);
        let stuck = |second: u64| (1000 * second.min(10), 1_usize);
        // As if every byte that it gets were wrong.
        let to_and_fro = |second: u64| (1000 * (second % 10), 1_usize);
        for (progress, at_least) in [(&nothing as &dyn Fn(u64) -> (u64, usize), 30), (&stuck, 40), (&to_and_fro, 39)] {
            let (error, after) = asking_one_that_says(progress, 1_000_000).await;
            assert!(matches!(error, AskError::Stalled { .. }), "{error}");
            assert!((at_least..at_least + 3).contains(&after), "after {after} s");
        }
        assert_eq!(
            AskError::Stalled { waited: Duration::from_secs(30) }.to_string(),
            "the sidecar has made no progress with this tree for 30 s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_sidecar_that_moves_a_little_is_waited_for() {
        let (error, after) = asking_one_that_says(|second| (second / 20, 0), 600).await;
        assert!(error.to_string().starts_with("the sidecar's cache cannot be used: "), "{error}");
        assert!(after >= 600, "after {after} s");
    }

    #[tokio::test]
    async fn what_nobody_should_say_is_told_as_it_is() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\nhello\n", "the sidecar closed the connection: it sent an unknown answer: "),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "the sidecar closed the connection: it ended before the tree was there",
            ),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n", "the sidecar answered 404: no"),
            ("hello\r\n", "the sidecar closed the connection: "),
            (
                "HTTP/1.1 200 OK\r\n\r\n{\"ready\":{\"cache\":\"/no/such\",\"tree\":\"/no/such/x\",\"was_there\":true}}\n",
                "the sidecar's cache cannot be used: ",
            ),
        ] {
            let error = asking(answer).await.err().unwrap().to_string();
            assert!(error.starts_with(expected), "{answer:?}: {error}");
        }
    }
}
