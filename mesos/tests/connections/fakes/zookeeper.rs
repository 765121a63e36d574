//! As much of a ZooKeeper server as an election needs: nodes, data, children, watches, sessions and
//! digest authentication, over the real wire protocol (`zookeeper.jute` of ZooKeeper 3.x).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

const NO_NODE: i32 = -101;
const NO_AUTH: i32 = -102;
const EVENT_CREATED: i32 = 1;
const EVENT_DELETED: i32 = 2;
const EVENT_DATA_CHANGED: i32 = 3;
const EVENT_CHILDREN_CHANGED: i32 = 4;

/// The server.
pub(crate) struct FakeZooKeeper {
    pub(crate) address: SocketAddr,
    tree: Arc<Mutex<Tree>>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Tree {
    nodes: BTreeMap<String, Vec<u8>>,
    /// Who may read; everybody when not set.
    allowed: Option<String>,
    sessions: BTreeSet<i64>,
    next_session: i64,
    watches: Vec<(String, bool, mpsc::UnboundedSender<Bytes>)>,
    connections: Vec<mpsc::UnboundedSender<Bytes>>,
}

impl FakeZooKeeper {
    /// Starts empty. With `allowed`, only who shows that `user:password` may read.
    pub(crate) async fn start(allowed: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tree =
            Arc::new(Mutex::new(Tree { allowed: allowed.map(str::to_owned), ..Tree::default() }));
        let served = Arc::clone(&tree);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { address, tree, _server: AbortOnDropHandle::new(server) }
    }

    /// Makes or changes a node; those above it must be there already.
    pub(crate) fn set(&self, path: &str, data: &str) {
        let mut tree = self.tree.lock().unwrap();
        if tree.nodes.insert(path.to_owned(), data.as_bytes().to_vec()).is_some() {
            tree.fire(path, false, EVENT_DATA_CHANGED);
        } else {
            tree.fire(path, false, EVENT_CREATED);
            tree.fire(parent(path), true, EVENT_CHILDREN_CHANGED);
        }
    }

    pub(crate) fn remove(&self, path: &str) {
        let mut tree = self.tree.lock().unwrap();
        tree.nodes.remove(path).expect("no such node");
        tree.fire(path, false, EVENT_DELETED);
        tree.fire(path, true, EVENT_DELETED);
        tree.fire(parent(path), true, EVENT_CHILDREN_CHANGED);
    }

    /// Waits until somebody watches this node.
    pub(crate) async fn watched(&self, path: &str) {
        let watched = || self.tree.lock().unwrap().watches.iter().any(|watch| watch.0 == path);
        while !watched() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Breaks all connections and forgets all sessions.
    pub(crate) fn expire_sessions(&self) {
        let mut tree = self.tree.lock().unwrap();
        tree.sessions.clear();
        tree.watches.clear();
        tree.connections.clear();
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(parent, _)| parent)
}

impl Tree {
    /// Notifies those who watch this node (or its children) once.
    fn fire(&mut self, path: &str, children: bool, event: i32) {
        let (fired, kept) =
            self.watches.drain(..).partition(|watch| watch.0 == path && watch.1 == children);
        self.watches = kept;
        let fired: Vec<(String, bool, mpsc::UnboundedSender<Bytes>)> = fired;
        for (_, _, to) in fired {
            let mut body = BytesMut::new();
            body.put_i32(event);
            body.put_i32(3);
            put_text(&mut body, path.as_bytes());
            drop(to.send(reply(-1, 0, &body)));
        }
    }

    fn children(&self, path: &str) -> Vec<String> {
        let below = |node: &&String| parent(node) == path && node.as_str() != path;
        self.nodes
            .keys()
            .filter(below)
            .map(|node| node.rsplit('/').next().unwrap().to_owned())
            .collect()
    }
}

async fn serve(mut stream: TcpStream, tree: Arc<Mutex<Tree>>) {
    let Some(mut request) = frame(&mut stream).await else { return };
    let (sender, mut replies) = mpsc::unbounded_channel();
    let session = {
        let (_version, _zxid, timeout) = (request.get_i32(), request.get_i64(), request.get_i32());
        let wanted = request.get_i64();
        let mut tree = tree.lock().unwrap();
        let known = wanted == 0 || tree.sessions.contains(&wanted);
        if wanted == 0 {
            tree.next_session += 1;
        }
        let session = if wanted == 0 { tree.next_session } else { wanted };
        let mut answer = BytesMut::new();
        answer.put_i32(0);
        answer.put_i32(if known { timeout } else { 0 });
        answer.put_i64(if known { session } else { 0 });
        put_text(&mut answer, &[7; 16]);
        answer.put_u8(0);
        sender.send(answer.freeze()).unwrap();
        if known {
            tree.sessions.insert(session);
            tree.connections.push(sender.clone());
        }
        known
    };
    let mut authorized = tree.lock().unwrap().allowed.is_none();
    // The tree holds the only other end: when it lets go, this connection breaks.
    let weak = sender.downgrade();
    drop(sender);
    loop {
        tokio::select! {
            reply = replies.recv() => match reply {
                Some(reply) => send(&mut stream, &reply).await,
                None => return,
            },
            request = frame(&mut stream), if session => match (request, weak.upgrade()) {
                (Some(request), Some(sender)) => answer(request, &tree, &sender, &mut authorized),
                _ => return,
            },
            else => return,
        }
    }
}

/// Answers one request.
fn answer(
    mut request: Bytes,
    tree: &Mutex<Tree>,
    sender: &mpsc::UnboundedSender<Bytes>,
    authorized: &mut bool,
) {
    let mut tree = tree.lock().unwrap();
    let (xid, operation) = (request.get_i32(), request.get_i32());
    let mut body = BytesMut::new();
    let mut error = 0;
    match operation {
        100 => {
            let (_type, _scheme, shown) =
                (request.get_i32(), text(&mut request), text(&mut request));
            *authorized |= tree.allowed.as_deref() == Some(&shown);
        }
        // EXISTS, GET_DATA, GET_CHILDREN
        3 | 4 | 8 => {
            let path = text(&mut request);
            let node = tree.nodes.get(&path).cloned();
            if request.get_u8() == 1 && (node.is_some() || operation == 3) {
                tree.watches.push((path.clone(), operation == 8, sender.clone()));
            }
            match node {
                _ if !*authorized => error = NO_AUTH,
                None => error = NO_NODE,
                Some(data) if operation == 4 => put_text(&mut body, &data),
                Some(_) if operation == 8 => {
                    let children = tree.children(&path);
                    body.put_i32(i32::try_from(children.len()).unwrap());
                    for child in &children {
                        put_text(&mut body, child.as_bytes());
                    }
                }
                Some(_) => {}
            }
            if error == 0 && operation != 8 {
                body.put_bytes(0, 68);
            }
        }
        // PING, REMOVE_WATCHES, CHECK_WATCHES, CLOSE
        11 | 18 | 17 | -11 => {}
        other => panic!("operation {other} is not played here"),
    }
    drop(sender.send(reply(xid, error, &body)));
}

fn reply(xid: i32, error: i32, body: &[u8]) -> Bytes {
    let mut reply = BytesMut::new();
    reply.put_i32(xid);
    reply.put_i64(1);
    reply.put_i32(error);
    reply.put_slice(body);
    reply.freeze()
}

fn put_text(buffer: &mut BytesMut, text: &[u8]) {
    buffer.put_i32(i32::try_from(text.len()).unwrap());
    buffer.put_slice(text);
}

fn text(buffer: &mut Bytes) -> String {
    let length = usize::try_from(buffer.get_i32()).unwrap();
    String::from_utf8(buffer.split_to(length).to_vec()).unwrap()
}

/// The next frame; `None` when the client has gone.
async fn frame(stream: &mut TcpStream) -> Option<Bytes> {
    let mut peeked = [0; 4];
    // Peeking keeps a select from losing half a length.
    while stream.peek(&mut peeked).await.ok()? < 4 {
        if stream.peek(&mut peeked).await.ok()? == 0 {
            return None;
        }
    }
    let length = stream.read_i32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame.into())
}

async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    // A client that has gone is noticed by reading.
    drop(stream.write_i32(i32::try_from(bytes.len()).unwrap()).await);
    drop(stream.write_all(bytes).await);
}
