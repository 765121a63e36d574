//! A fake artifact server that sends wrong bytes, stalls and closes connections according to a
//! script.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fetcher_formats::Manifest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A normal answer.
    None,
    /// The connection is closed after this many bytes of the body.
    Truncate(usize),
    /// Nothing follows after this many bytes of the body, but the connection stays open.
    Stall(usize),
    /// This status, with a Retry-After of this many seconds if given.
    Status(u16, Option<u32>),
    /// The body has one wrong bit.
    Wrong,
    /// The body has an extra byte, and its length says so.
    Longer,
    /// The range is ignored, as HTTP allows.
    NoRange,
    /// This status, with a redirect to the same path at this address.
    Elsewhere(u16, SocketAddr),
    /// A normal answer once the gate is open.
    Held(Gate),
}

/// Holds answers back until it is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn opened(&self) {
        // The sender is ours, so that the channel cannot close.
        self.0.subscribe().wait_for(|open| *open).await.ok();
    }
}

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub range: Option<Range<usize>>,
    pub token: String,
}

pub struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepting: JoinHandle<()>,
}

type Script = dyn Fn(usize, &Asked) -> Fault + Send + Sync;

impl Origin {
    /// Serves a manifest and its blobs. `script` gets the number of earlier requests for the same
    /// path.
    pub async fn start(
        manifest: &Manifest,
        blobs: &[Vec<u8>],
        script: impl Fn(usize, &Asked) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let mut contents = HashMap::from([(
            format!("/v1/manifests/{}", manifest.digest()),
            manifest.encode().to_vec(),
        )]);
        let (shared, secrets) = manifest.split().unwrap();
        contents.insert(format!("/v1/manifests/{}", shared.digest()), shared.encode().to_vec());
        contents
            .extend(secrets.map(|secrets| ("/v1/secrets".to_owned(), secrets.encode().to_vec())));
        contents.extend(blobs.iter().map(|blob| {
            (format!("/v1/blobs/{}", fetcher_formats::Digest::of(blob)), blob.clone())
        }));
        // Under the names that peers use.
        for blob in manifest.entries().iter().filter_map(fetcher_formats::Entry::blob) {
            if let Some(content) =
                blobs.iter().find(|content| fetcher_formats::Digest::of(content) == blob.digest)
            {
                contents.insert(format!("/v1/blobs/{}", blob.name()), content.clone());
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let accepting = tokio::spawn(accept(
            listener,
            Arc::new(contents),
            Arc::new(script),
            Arc::clone(&asked),
        ));
        Self { address, asked, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    contents: Arc<HashMap<String, Vec<u8>>>,
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((mut socket, _)) = listener.accept().await {
        let (contents, script, log) =
            (Arc::clone(&contents), Arc::clone(&script), Arc::clone(&log));
        connections.spawn(async move {
            let Some(asked) = read_head(&mut socket).await else { return };
            let before = {
                let mut log = log.lock().unwrap();
                let before = log.iter().filter(|other| other.path == asked.path).count();
                log.push(asked.clone());
                before
            };
            // The client may close during a fault.
            answer(&mut socket, contents.get(&asked.path), &asked, script(before, &asked))
                .await
                .ok();
        });
    }
}

async fn read_head(socket: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .next()
    };
    let range = header("range").map(|value| {
        let (first, last) = value.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        first.parse().unwrap()..last.parse::<usize>().unwrap() + 1
    });
    Some(Asked { path, range, token: header("authorization").unwrap_or_default() })
}

async fn answer(
    socket: &mut TcpStream,
    content: Option<&Vec<u8>>,
    asked: &Asked,
    fault: Fault,
) -> std::io::Result<()> {
    let Some(content) = content else {
        return socket
            .write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
    };
    if let Fault::Status(status, retry_after) = fault {
        let retry_after =
            retry_after.map_or_else(String::new, |seconds| format!("Retry-After: {seconds}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} As Scripted\r\nConnection: close\r\n{retry_after}Content-Length: 5\r\n\r\nsorry"
        );
        return socket.write_all(head.as_bytes()).await;
    }
    if let Fault::Elsewhere(status, address) = fault {
        let head = format!(
            "HTTP/1.1 {status} Elsewhere\r\nConnection: close\r\nLocation: http://{address}{}\r\nContent-Length: 0\r\n\r\n",
            asked.path
        );
        return socket.write_all(head.as_bytes()).await;
    }
    if let Fault::Held(gate) = &fault {
        gate.opened().await;
    }
    let range = asked.range.clone().filter(|_| !matches!(fault, Fault::NoRange));
    let mut body = content[range.clone().unwrap_or(0..content.len())].to_vec();
    match fault {
        Fault::Wrong => *body.last_mut().unwrap() ^= 1,
        Fault::Longer => body.push(0),
        _ => {}
    }
    let status = match &range {
        Some(range) => {
            format!(
                "206 Partial Content\r\nContent-Range: bytes {}-{}/{}",
                range.start,
                range.end - 1,
                content.len()
            )
        }
        None => "200 OK".to_owned(),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).await?;
    match fault {
        Fault::Truncate(after) => socket.write_all(&body[..after.min(body.len())]).await,
        Fault::Stall(after) => {
            socket.write_all(&body[..after.min(body.len())]).await?;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(())
        }
        _ => socket.write_all(&body).await,
    }
}
