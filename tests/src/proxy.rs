//! A network that can be interrupted: a TCP proxy between two real components.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// Forwards connections to one address, unless it is cut.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy on its own port in front of `target` ("host:port").
    pub async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("a bound socket");
        let (whole, seen) = watch::channel(true);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, seen));
        Self { address, whole, _tasks: tasks }
    }

    /// The address for clients: "127.0.0.1:port".
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on nothing passes. As in a partitioned network, no end notices: connections stay
    /// open, and new ones are never answered.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Delivers what was held back, and everything after it.
    pub fn restore(&self) {
        self.whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: String, whole: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (target, mut whole) = (target.clone(), whole.clone());
        connections.spawn(async move {
            until_whole(&mut whole).await;
            // If the server is not running, the client's connection is closed.
            let Ok(server) = TcpStream::connect(target).await else { return };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::join!(
                pass(from_client, to_server, whole.clone()),
                pass(from_server, to_client, whole)
            );
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut whole: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        until_whole(&mut whole).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    until_whole(&mut whole).await;
    // The other end may have closed already.
    let _closed = to.shutdown().await;
}

async fn until_whole(whole: &mut watch::Receiver<bool>) {
    // The sender lives as long as the proxy, and so does this task.
    let _whole = whole.wait_for(|whole| *whole).await;
}
