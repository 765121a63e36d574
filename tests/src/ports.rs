//! Ports that no other test uses.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    ops::RangeInclusive,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket, sockopt,
};

/// A port on 127.0.0.1 chosen by the system. While this lives, the system assigns it to nobody
/// else, but a server may listen on it, stop and listen again: this socket is bound but does not
/// listen.
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    _socket: OwnedFd,
}

impl ReservedPort {
    /// Reserves a port.
    pub fn new() -> Self {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
            .expect("a socket");
        let any = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        bind(socket.as_raw_fd(), &any).expect("a free port");
        // Not earlier: the system could choose a port that another reservation holds.
        setsockopt(&socket, sockopt::ReuseAddr, &true).expect("SO_REUSEADDR");
        let number =
            getsockname::<SockaddrIn>(socket.as_raw_fd()).expect("the socket's name").port();
        Self { number, _socket: socket }
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Default for ReservedPort {
    fn default() -> Self {
        Self::new()
    }
}

/// A hundred consecutive ports that an agent may offer, below those that the system assigns. While
/// this lives, an abstract socket with the block's name reserves them against other tests on the
/// machine.
#[derive(Debug)]
pub struct PortBlock {
    ports: RangeInclusive<u16>,
    _name: UnixListener,
}

const BLOCK: u16 = 100;
const BLOCKS: RangeInclusive<u16> = 200..=319;

impl PortBlock {
    /// Takes the first free block.
    pub fn new() -> Self {
        let mut free = BLOCKS.filter_map(|block| {
            let name = SocketAddr::from_abstract_name(format!("flink-mesos-ports-{block}")).ok()?;
            let first = block * BLOCK;
            Some(Self {
                ports: first..=first + BLOCK - 1,
                _name: UnixListener::bind_addr(&name).ok()?,
            })
        });
        free.next().expect("a block of ports that no other test has")
    }

    /// The ports, both ends included.
    pub fn ports(&self) -> RangeInclusive<u16> {
        self.ports.clone()
    }
}

impl Default for PortBlock {
    fn default() -> Self {
        Self::new()
    }
}
