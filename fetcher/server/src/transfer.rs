//! Send a file with `sendfile`: its bytes never pass through this process.
//!
//! `sendfile` blocks while the file is read from the disk, so it runs on a blocking thread. It uses
//! the socket of the async connection, which stays non-blocking: `poll` waits for a client that
//! reads slowly.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::Arc;
use std::time::Duration;

use common::rate::{RateFloor, RateWatch};
use fetcher_formats::hashing::Fingerprint;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::answer::FileBody;

/// Bytes per `sendfile` call: enough to make calls rare, few enough to notice a stall.
const PIECE: u64 = 1 << 20;

/// Sends a head and the file after it. Dropping the future closes the connection, and so ends the
/// thread.
pub(crate) async fn send_file(
    socket: &Arc<TcpStream>,
    head: Vec<u8>,
    body: FileBody,
    floor: RateFloor,
) -> io::Result<()> {
    let mut hang_up = HangUp(Some(Arc::clone(socket)));
    let socket = Arc::clone(socket);
    let sent =
        tokio::task::spawn_blocking(move || send_blocking(&socket, &head, &body, floor)).await;
    hang_up.0 = None;
    sent.map_err(io::Error::other)?
}

/// Shuts the socket down unless the transfer completed.
struct HangUp(Option<Arc<TcpStream>>);

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            // An error means that the client has closed first.
            shutdown(socket.as_raw_fd(), Shutdown::Both).ok();
        }
    }
}

fn send_blocking(
    socket: &TcpStream,
    head: &[u8],
    body: &FileBody,
    floor: RateFloor,
) -> io::Result<()> {
    let mut watch = RateWatch::new(floor);
    let mut head = head;
    // One packet for the head and the first bytes. After the head of an empty file nothing would
    // flush it.
    let more = if body.range.is_empty() { 0 } else { nix::libc::MSG_MORE };
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::from_bits_retain(more);
    while !head.is_empty() {
        match send(socket.as_raw_fd(), head, flags) {
            Ok(sent) => {
                watch.note(Duration::ZERO, sent as u64);
                head = head.get(sent..).unwrap_or_default();
            }
            Err(errno) => wait_or_fail(socket, errno, &mut watch)?,
        }
    }
    let mut offset = i64::try_from(body.range.start).map_err(io::Error::other)?;
    let end = i64::try_from(body.range.end).map_err(io::Error::other)?;
    while offset < end {
        let left = (end - offset) as u64;
        if left <= PIECE {
            // The last chance to notice that the file has changed since it was hashed. Without its
            // last piece, the client treats the answer as broken.
            unchanged(body)?;
        }
        match sendfile64(socket, body.file.file(), Some(&mut offset), left.min(PIECE) as usize) {
            Ok(0) => return Err(changed(body)),
            Ok(sent) => watch.note(Duration::ZERO, sent as u64),
            Err(errno) => wait_or_fail(socket, errno, &mut watch)?,
        }
    }
    Ok(())
}

pub(crate) fn unchanged(body: &FileBody) -> io::Result<()> {
    let same = Fingerprint::of(&body.file.metadata()?) == body.fingerprint;
    if same { Ok(()) } else { Err(changed(body)) }
}

pub(crate) fn changed(body: &FileBody) -> io::Error {
    io::Error::other(format!("{} changed while it was served", body.file.path().display()))
}

fn wait_or_fail(socket: &TcpStream, errno: Errno, watch: &mut RateWatch) -> io::Result<()> {
    match errno {
        Errno::EINTR => return Ok(()),
        Errno::EAGAIN => {}
        errno => return Err(errno.into()),
    }
    let patience = PollTimeout::try_from(watch.patience()).unwrap_or(PollTimeout::MAX);
    let start = Instant::now();
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)], patience) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    watch.note(start.elapsed(), 0);
    if watch.stalled() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly"));
    }
    Ok(())
}
