//! A connection to the sidecar's socket: HTTP, and only with a trusted sidecar.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use common::text::beginning;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use nix::unistd::{Uid, geteuid};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::error::SidecarError;

/// Time limit for connecting, and for the start of an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Limit for a line of an answer, in bytes.
const LONGEST_LINE: usize = 64 << 10;
/// Limit for an answer that is read as a whole, in bytes.
const LARGEST_ANSWER: usize = 16 << 20;
/// How much of a refusal's text is shown, in characters.
const LONGEST_REFUSAL: usize = 256;

/// An open connection; closed when dropped.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The user that listens on the socket, according to the kernel.
    pub owner: Uid,
    _driving: AbortOnDropHandle<()>,
}

/// The body of an answer being received.
pub struct Answer {
    body: hyper::body::Incoming,
    read: BytesMut,
}

impl Connection {
    /// Connects to the sidecar at `socket`, if a trusted user runs it.
    pub async fn open(socket: &Path) -> Result<Self, SidecarError> {
        let unreachable = |source| SidecarError::Unreachable { socket: socket.to_owned(), source };
        let connected = timeout(PATIENCE, UnixStream::connect(socket)).await;
        let stream = match connected.map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))? {
            Ok(stream) => stream,
            Err(error) if is_absence(&error) => {
                return Err(SidecarError::Absent { socket: socket.to_owned() });
            }
            Err(error) => return Err(unreachable(error)),
        };
        let owner = Uid::from_raw(stream.peer_cred().map_err(unreachable)?.uid());
        if !owner.is_root() && owner != geteuid() {
            return Err(SidecarError::Untrusted {
                socket: socket.to_owned(),
                owner: owner.as_raw(),
            });
        }
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let driving = tokio::spawn(async move {
            // An error also reaches the code that waits for an answer.
            connection.await.ok();
        });
        Ok(Self { sender, owner, _driving: AbortOnDropHandle::new(driving) })
    }

    /// Sends a request. `patience` is the time limit for the start of the answer.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        patience: Option<Duration>,
    ) -> Result<Answer, SidecarError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| SidecarError::Broken { reason: error.to_string() })?;
        let sent = self.sender.send_request(request);
        let response = match patience {
            Some(patience) => timeout(patience, sent)
                .await
                .map_err(|_| SidecarError::Silent { waited: patience })?,
            None => sent.await,
        };
        let (head, body) = response.map_err(|error| broken(&error))?.into_parts();
        let mut answer = Answer { body, read: BytesMut::new() };
        if head.status.is_success() {
            return Ok(answer);
        }
        // What came in time is worth showing even if the rest did not.
        drop(timeout(PATIENCE, answer.read_beyond(LONGEST_REFUSAL)).await);
        let text = beginning(String::from_utf8_lossy(&answer.read).trim(), LONGEST_REFUSAL);
        Err(SidecarError::Refused { status: head.status.as_u16(), text })
    }
}

impl Answer {
    /// The next line without its end; `quiet` is the longest accepted silence.
    pub async fn line(&mut self, quiet: Duration) -> Result<Bytes, SidecarError> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(end + 1);
                return Ok(line.freeze().slice(..end));
            }
            if self.read.len() > LONGEST_LINE {
                return Err(SidecarError::Broken {
                    reason: format!("it sends a line of more than {LONGEST_LINE} bytes"),
                });
            }
            let more = timeout(quiet, self.more())
                .await
                .map_err(|_| SidecarError::Silent { waited: quiet })??;
            if !more {
                return Err(SidecarError::Broken {
                    reason: "it ended before the tree was there".to_owned(),
                });
            }
        }
    }

    /// The rest of the body as text.
    pub async fn text(&mut self) -> Result<String, SidecarError> {
        if self.read_beyond(LARGEST_ANSWER).await? {
            let reason = format!("its answer is larger than the allowed {LARGEST_ANSWER} bytes");
            return Err(SidecarError::Broken { reason });
        }
        Ok(String::from_utf8_lossy(&self.read).into_owned())
    }

    /// Reads until the end, or until there are more than `most` bytes; whether there are.
    async fn read_beyond(&mut self, most: usize) -> Result<bool, SidecarError> {
        while self.read.len() <= most {
            if !self.more().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn more(&mut self) -> Result<bool, SidecarError> {
        let Some(frame) = self.body.frame().await else { return Ok(false) };
        if let Some(bytes) = frame.map_err(|error| broken(&error))?.data_ref() {
            self.read.extend_from_slice(bytes);
        }
        Ok(true)
    }
}

/// Whether the error only means that no sidecar is running.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn broken(error: &hyper::Error) -> SidecarError {
    SidecarError::Broken { reason: error.to_string() }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    /// What is made of a fake sidecar at a socket that answers this way and keeps the connection
    /// open.
    pub(in crate::sidecar) async fn beside_a_fake<T>(
        answers: impl AsyncFnOnce(&mut UnixStream),
        asking: impl AsyncFnOnce(&Path) -> T,
    ) -> T {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("fetcher.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            answers(&mut stream).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            made = asking(&socket) => made,
            () = answering => unreachable!(),
        }
    }

    /// What people get from a sidecar that sends this head, and then `x` forever.
    async fn endless(head: &str) -> SidecarError {
        let answers = async |stream: &mut UnixStream| {
            stream.write_all(head.as_bytes()).await.unwrap();
            while stream.write_all(&[b'x'; 16 << 10]).await.is_ok() {}
        };
        let asking = async |socket: &Path| {
            let mut connection = Connection::open(socket).await?;
            connection.request(Method::GET, "/v1/status", Vec::new(), None).await?.text().await
        };
        beside_a_fake(answers, asking).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_given_up_and_a_refusal_is_cut() {
        let error = endless("HTTP/1.1 200 OK\r\n\r\n").await.to_string();
        assert!(error.contains("larger than the allowed 16777216 bytes"), "{error}");
        let error = endless("HTTP/1.1 400 Bad Request\r\n\r\n").await.to_string();
        assert_eq!(error, format!("the sidecar answered 400: {}…", "x".repeat(256)));
    }
}
