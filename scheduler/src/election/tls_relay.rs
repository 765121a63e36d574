//! TLS to ZooKeeper.
//!
//! The client library's own TLS would add a second cryptographic library, in C. So it connects
//! without TLS to a loopback port of ours, and this relay forwards to the server with TLS.
//! Connections of other processes are closed at once: they would act with our certificate.

use std::{io, net::SocketAddr, sync::Arc};

use fs_err as fs;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinSet, spawn_blocking},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tracing::{debug, warn};

/// How to reach ZooKeeper's servers with TLS.
#[derive(Clone)]
pub struct Tls {
    /// Trusted authorities and our client certificate.
    pub config: Arc<ClientConfig>,
    /// The servers.
    pub servers: Vec<Server>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `host:port`.
    pub address: String,
    /// The name required in its certificate.
    pub name: ServerName<'static>,
}

/// Forwards connections until it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    /// The addresses for the client, in its notation.
    pub(super) quorum: String,
    _tasks: JoinSet<()>,
}

impl Relay {
    pub(super) async fn start(tls: &Tls) -> io::Result<Self> {
        let (mut tasks, mut ports) = (JoinSet::new(), Vec::new());
        for server in &tls.servers {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            ports.push(listener.local_addr()?.to_string());
            tasks.spawn(serve(listener, tls.config.clone(), server.clone()));
        }
        Ok(Self { quorum: ports.join(","), _tasks: tasks })
    }
}

async fn serve(listener: TcpListener, config: Arc<ClientConfig>, server: Server) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let (config, server) = (config.clone(), server.clone());
                connections.spawn(async move {
                    if let Err(e) = pass(client, &config, &server).await {
                        warn!("Cannot reach the ZooKeeper server {} by TLS: {e}", server.address);
                    }
                });
            }
            Err(e) => debug!("Cannot accept a connection: {e}"),
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(
    mut client: TcpStream,
    config: &Arc<ClientConfig>,
    server: &Server,
) -> io::Result<()> {
    let (peer, own) = (client.peer_addr()?, client.local_addr()?);
    if !spawn_blocking(move || is_of_this_process(peer, own)).await?? {
        warn!("Rejected another process that connected to the ZooKeeper relay");
        return Ok(());
    }
    client.set_nodelay(true)?;
    let mut stream = handshake(config, server).await?;
    // The client notices by itself how the connection ends.
    if let Err(e) = copy_bidirectional(&mut client, &mut stream).await {
        debug!("The connection to the ZooKeeper server {} has ended: {e}", server.address);
    }
    Ok(())
}

/// A connection to a server whose certificate was verified.
pub(super) async fn handshake(
    config: &Arc<ClientConfig>,
    server: &Server,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(&server.address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(config.clone()).connect(server.name.clone(), stream).await
}

/// Whether the other end of the connection is one of our own file descriptors. The kernel's table
/// of connections (proc(5), `/proc/net/tcp`) has its inode.
fn is_of_this_process(peer: SocketAddr, own: SocketAddr) -> io::Result<bool> {
    let (Some(peer), Some(own)) = (in_table(peer), in_table(own)) else { return Ok(false) };
    let table = fs::read_to_string("/proc/self/net/tcp")?;
    let row =
        table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|fields| {
            fields.get(1).is_some_and(|from| *from == peer)
                && fields.get(2).is_some_and(|to| *to == own)
        });
    let inode = row.and_then(|fields| fields.get(9)?.parse::<u64>().ok());
    let Some(inode) = inode.filter(|inode| *inode > 0) else { return Ok(false) };
    let socket = format!("socket:[{inode}]");
    let mut descriptors = fs::read_dir("/proc/self/fd")?.map_while(Result::ok);
    // A descriptor closed in the meantime is not the one.
    Ok(descriptors.any(|open| {
        fs::read_link(open.path()).is_ok_and(|what| what.as_os_str() == socket.as_str())
    }))
}

/// An address as the table writes it: the last of its four bytes first.
fn in_table(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    let number = u32::from_ne_bytes(address.ip().octets());
    Some(format!("{number:08X}:{:04X}", address.port()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use std::{
        io::Read as _,
        net::{TcpListener, TcpStream},
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn only_connections_of_this_process_are_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let ours = TcpStream::connect(own).unwrap();
        assert!(is_of_this_process(ours.local_addr().unwrap(), own).unwrap());
        let open = format!("exec 3<>/dev/tcp/127.0.0.1/{} && echo open && read", own.port());
        let mut other = Command::new("bash")
            .args(["-c", &open])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        other.stdout.take().unwrap().read_exact(&mut [0; 4]).unwrap();
        let _ours = listener.accept().unwrap();
        let (_theirs, peer) = listener.accept().unwrap();
        assert!(!is_of_this_process(peer, own).unwrap());
        drop(other.stdin.take());
        other.wait().unwrap();
    }
}
