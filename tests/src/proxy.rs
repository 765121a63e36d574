//! A network that can be interrupted: a TCP proxy of ours between two real parts.

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

/// Passes connections on to one address, as long as it is whole.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy on a port of its own in front of `target` ("host:port").
    pub async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("a bound socket");
        let (whole, seen) = watch::channel(true);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, seen));
        Self { address, whole, _tasks: tasks }
    }

    /// Where clients connect: "127.0.0.1:port".
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on nothing gets through. As in a network that is partitioned, nobody is told: connections stay, and new ones
    /// are never answered.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// What was on its way arrives, and everything after it.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: String, whole: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (target, mut whole) = (target.clone(), whole.clone());
        connections.spawn(async move {
            until_whole(&mut whole).await;
            // A client whose server is not there sees its connection end.
            let Ok(server) = TcpStream::connect(target).await else { return };
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::join!(pass(from_client, to_server, whole.clone()), pass(from_server, to_client, whole));
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
    // Whoever has gone already need not be told.
    let _told = to.shutdown().await;
}

async fn until_whole(whole: &mut watch::Receiver<bool>) {
    // The sender goes only with the proxy, and this task with it.
    let _whole = whole.wait_for(|whole| *whole).await;
}
