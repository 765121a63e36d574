//! The executor's half: request a tree from the sidecar, and lock it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use tokio::time::{Instant, timeout_at};

use super::connection::{Answer, Connection, PATIENCE};
use super::error::SidecarError;
use super::wire::{FETCH, Reply, TreeRequest, USAGE};
use crate::blocking::blocking;
use crate::cache::{CacheError, Fetch, Shelf, Tree};
use crate::error::FetchError;
use crate::fetch::Progress;

/// Longest accepted silence; a healthy sidecar sends something every second.
const QUIET: Duration = Duration::from_secs(15);

/// Requests the tree of a fetch from the sidecar at `socket`, and locks it.
pub async fn request_tree(socket: &Path, fetch: &Fetch) -> Result<Tree, SidecarError> {
    let mut connection = Connection::open(socket).await?;
    let body = serde_json::to_vec(&tree_request(fetch))
        .map_err(|error| SidecarError::Broken { reason: error.to_string() })?;
    let mut answer = connection.request(Method::POST, FETCH, body, Some(PATIENCE)).await?;
    let (cache, was_there) = follow(&mut answer, fetch).await?;
    let (digest, owner) = (fetch.request.manifest, connection.owner);
    let opened =
        blocking(move || Ok(Shelf::open(cache, owner))).await.map_err(|error| unusable(&error))?;
    let tree = opened
        .map_err(|error: CacheError| SidecarError::Cache(error.to_string()))?
        .tree(digest)
        .await;
    // The tree is locked now, so the sidecar may release it.
    drop((answer, connection));
    let tree = tree.map_err(|error| unusable(&error))?.map(|tree| Tree { was_there, ..tree });
    tree.ok_or_else(|| {
        SidecarError::Cache(format!("tree {digest} does not exist or cannot be read"))
    })
}

/// Sends a TaskManager's usage to the sidecar at `socket`, as JSON with the fields of the
/// executor's usage messages.
pub async fn send_usage(socket: &Path, usage: Vec<u8>) -> Result<(), String> {
    let sent = async {
        let mut connection = Connection::open(socket).await?;
        connection.request(Method::POST, USAGE, usage, Some(PATIENCE)).await.map(drop)
    };
    sent.await.map_err(|error: SidecarError| error.to_string())
}

fn tree_request(fetch: &Fetch) -> TreeRequest {
    let trusted = fetch.options.trusted.as_deref();
    TreeRequest {
        manifest: fetch.request.manifest,
        urls: fetch.request.urls.clone(),
        token: fetch.request.token.expose().to_owned(),
        trusted: trusted.map(|pem| String::from_utf8_lossy(pem).into_owned()),
    }
}

/// Passes progress on until the tree is ready; returns its cache, and whether the tree was there
/// before.
///
/// Waits only while the fetch itself advances: signs of life alone do not count, because any user
/// of this host may keep the sidecar busy.
async fn follow(answer: &mut Answer, fetch: &Fetch) -> Result<(PathBuf, bool), SidecarError> {
    let patience = fetch.options.sidecar_patience;
    let mut furthest = Furthest::default();
    let mut give_up_at = Instant::now() + patience;
    loop {
        let line = timeout_at(give_up_at, answer.line(QUIET)).await;
        let line = line.map_err(|_| SidecarError::Stalled { waited: patience })??;
        let reply = serde_json::from_slice(&line);
        match reply.map_err(|error| SidecarError::Broken {
            reason: format!("it sent an unknown answer: {error}"),
        })? {
            Reply::Progress(progress) => {
                fetch.progress.send_replace(progress);
                if furthest.is_passed_by(progress) {
                    give_up_at = Instant::now() + patience;
                }
            }
            Reply::Ready { cache, was_there, .. } => return Ok((cache, was_there)),
            Reply::Failed(failure) => return Err(SidecarError::Failed(failure)),
        }
    }
}

/// The most progress a fetch has made. It may fall back if bytes turn out to be wrong; reaching the
/// same point again is no progress.
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

fn unusable(error: &FetchError) -> SidecarError {
    SidecarError::Cache(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fetcher_formats::digest::Digest;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixStream;
    use tokio::sync::watch;

    use super::*;
    use crate::fetch::{FetchOptions, Request};
    use crate::sidecar::connection::tests::beside_a_fake;

    /// The result of a request to a fake sidecar that answers this way and keeps the connection
    /// open.
    async fn asking_who(answers: impl AsyncFnOnce(&mut UnixStream)) -> Result<Tree, SidecarError> {
        let request = Request {
            urls: vec!["http://127.0.0.1:1".to_owned()],
            manifest: Digest::of(b""),
            secrets: None,
            token: "token".parse().unwrap(),
            target: PathBuf::new(),
        };
        let fetch =
            Fetch::new(request, FetchOptions::default(), watch::Sender::new(Progress::default()));
        beside_a_fake(answers, async |socket: &Path| request_tree(socket, &fetch).await).await
    }

    /// The result of a request to a fake sidecar that sends this answer.
    async fn asking(answer: &'static str) -> Result<Tree, SidecarError> {
        asking_who(async |stream| stream.write_all(answer.as_bytes()).await.unwrap()).await
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_silent_sidecar_is_given_up() {
        for answer in ["", HEAD, "HTTP/1.1 200 OK\r\n\r\n{\"progress\":"] {
            let error = asking(answer).await.err().unwrap();
            assert!(matches!(error, SidecarError::Silent { .. }), "{answer:?}: {error}");
        }
    }

    /// The result of a request to a fake sidecar that reports progress every second: bytes and
    /// files of the tree.
    async fn asking_one_that_says(
        progress: impl Fn(u64) -> (u64, usize),
        ready_after: u64,
    ) -> (SidecarError, u64) {
        let begun = Instant::now();
        let tree = asking_who(async |stream| {
            stream.write_all(HEAD.as_bytes()).await.unwrap();
            let mut say = async |reply: Reply| {
                let line = serde_json::to_string(&reply).unwrap() + "\n";
                stream.write_all(line.as_bytes()).await.unwrap();
            };
            for second in 0..ready_after {
                let (bytes_done, files_done) = progress(second);
                say(Reply::Progress(Progress { bytes_done, files_done, files: 9, bytes: 1 << 30 }))
                    .await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            say(Reply::Ready {
                cache: "/no/such".into(),
                tree: "/no/such/x".into(),
                was_there: false,
            })
            .await;
        });
        (tree.await.err().unwrap(), begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sidecar_without_progress_in_this_fetch_is_given_up_whatever_it_sends() {
        let nothing = |_: u64| (0_u64, 0_usize);
        let stuck = |second: u64| (1000 * second.min(10), 1_usize);
        // As if every byte that it receives were wrong.
        let to_and_fro = |second: u64| (1000 * (second % 10), 1_usize);
        for (progress, at_least) in
            [(&nothing as &dyn Fn(u64) -> (u64, usize), 30), (&stuck, 40), (&to_and_fro, 39)]
        {
            let (error, after) = asking_one_that_says(progress, 1_000_000).await;
            assert!(matches!(error, SidecarError::Stalled { .. }), "{error}");
            assert!((at_least..at_least + 3).contains(&after), "after {after} s");
        }
        assert_eq!(
            SidecarError::Stalled { waited: Duration::from_secs(30) }.to_string(),
            "the sidecar has made no progress with this tree for 30 s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_sidecar_with_slow_progress_is_waited_for() {
        let (error, after) = asking_one_that_says(|second| (second / 20, 0), 600).await;
        assert!(error.to_string().starts_with("the sidecar's cache cannot be used: "), "{error}");
        assert!(after >= 600, "after {after} s");
    }

    #[tokio::test]
    async fn invalid_answers_are_reported_as_such() {
        for (answer, expected) in [
            (
                "HTTP/1.1 200 OK\r\n\r\nhello\n",
                "the sidecar closed the connection: it sent an unknown answer: ",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "the sidecar closed the connection: it ended before the tree was there",
            ),
            (
                "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n",
                "the sidecar answered 404: no",
            ),
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
