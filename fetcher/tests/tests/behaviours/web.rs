//! A fake web server with one content, which changes, moves and closes connections as a test wants;
//! it also works as a proxy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fetcher_formats::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the next requests are answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) content: Vec<u8>,
    /// Close the connection after this many bytes of the body, once.
    pub(crate) truncate: Option<usize>,
    /// Send nothing more after this many bytes of the body, but keep the connection open.
    pub(crate) stall: Option<usize>,
    /// Answer with this status instead of the content.
    pub(crate) status: Option<u16>,
    /// Redirect to this place.
    pub(crate) location: Option<String>,
    /// Replace the content by this after the next answer.
    pub(crate) next: Option<Vec<u8>>,
}

pub(crate) struct Web {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Web {
    pub(crate) async fn start(content: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { content: content.to_vec(), ..State::default() }));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state), Arc::clone(&asked)));
        Self { address, state, asked, accepting }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// First line and range of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, log: Arc<Mutex<Vec<String>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        // The client may have closed.
        serve(socket, &state, &log).await.ok();
    }
}

async fn serve(
    mut socket: TcpStream,
    state: &Mutex<State>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let range = header("range");
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    log.lock()
        .unwrap()
        .push(range.as_ref().map_or(line.clone(), |range| format!("{line} {range}")));
    let (answer, body, stalls) = {
        let mut state = state.lock().unwrap();
        let answer = answer(&state, range.as_deref(), header("if-range").as_deref());
        let (head, mut body) = answer;
        if let Some(after) = state.truncate.take() {
            body.truncate(after);
        }
        if let Some(after) = state.stall {
            body.truncate(after);
        }
        if let Some(next) = state.next.take() {
            state.content = next;
        }
        (head, body, state.stall.is_some())
    };
    socket.write_all(answer.as_bytes()).await?;
    socket.write_all(&body).await?;
    if stalls { std::future::pending().await } else { Ok(()) }
}

fn answer(state: &State, range: Option<&str>, if_range: Option<&str>) -> (String, Vec<u8>) {
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
    };
    if let Some(status) = state.status {
        return (head(&format!("{status} As Scripted"), 5), b"sorry".to_vec());
    }
    if let Some(location) = &state.location {
        return (head(&format!("302 Found\r\nLocation: {location}"), 0), Vec::new());
    }
    let tag = format!("\"{}\"", Digest::of(&state.content));
    let from = range.filter(|_| if_range.is_none_or(|wanted| wanted == tag));
    let from = from.map(|range| {
        range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse::<usize>().unwrap()
    });
    let all = state.content.len();
    match from {
        None => (head(&format!("200 OK\r\nETag: {tag}"), all), state.content.clone()),
        Some(from) if from >= all => {
            (head(&format!("416 No\r\nContent-Range: bytes */{all}"), 0), Vec::new())
        }
        Some(from) => {
            let range = format!("bytes {from}-{}/{all}", all - 1);
            (
                head(&format!("206 Part\r\nETag: {tag}\r\nContent-Range: {range}"), all - from),
                state.content[from..].to_vec(),
            )
        }
    }
}
