//! The bytes of one connection.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::FileBody;
use super::transfer::send_file;
use crate::rate::RateFloor;

/// A client's connection.
pub(super) struct Wire {
    socket: Arc<TcpStream>,
    floor: RateFloor,
}

impl Wire {
    pub(super) fn new(socket: TcpStream, floor: RateFloor) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket: Arc::new(socket), floor })
    }

    /// Appends what has come to `buffer`; 0 when the client has closed.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Sends a few bytes.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            timeout(self.floor.window, self.socket.writable()).await??;
            match self.socket.try_write(bytes) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends a head and the file that it announces.
    pub(super) async fn send_file(&mut self, head: Vec<u8>, body: FileBody) -> io::Result<()> {
        send_file(&self.socket, head, body, self.floor).await
    }
}
