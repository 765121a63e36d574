//! The bytes of one connection, plain or encrypted.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::BytesMut;
use common::rate::{RateFloor, RateWatch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::answer::FileBody;
use crate::transfer::{changed, send_file, unchanged};

/// Bytes of a file that are encrypted per write.
const PIECE: u64 = 256 << 10;

/// A client's connection.
pub(crate) struct Wire {
    stream: Stream,
    floor: RateFloor,
}

enum Stream {
    /// Shared with the blocking thread that calls `sendfile`.
    Plain(Arc<TcpStream>),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(crate) fn plain(socket: TcpStream, floor: RateFloor) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { stream: Stream::Plain(Arc::new(socket)), floor })
    }

    /// Does the TLS handshake, which may take as long as the rate floor's window.
    pub(crate) async fn encrypted(
        socket: TcpStream,
        acceptor: &TlsAcceptor,
        floor: RateFloor,
    ) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let stream = timeout(floor.window, acceptor.accept(socket)).await??;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), floor })
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Appends received bytes to `buffer`; 0 if the client has closed.
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tls(stream) => stream.read_buf(buffer).await,
            Stream::Plain(socket) => loop {
                socket.readable().await?;
                match socket.try_read_buf(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result,
                }
            },
        }
    }

    /// Sends a few bytes.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tls(stream) => {
                timeout(self.floor.window, stream.write_all(bytes)).await??;
                timeout(self.floor.window, stream.flush()).await?
            }
            Stream::Plain(socket) => {
                while !bytes.is_empty() {
                    timeout(self.floor.window, socket.writable()).await??;
                    match socket.try_write(bytes) {
                        Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        }
    }

    /// Sends a head and the file after it.
    pub(crate) async fn send_file(&mut self, head: Vec<u8>, body: FileBody) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => send_file(socket, head, body, self.floor).await,
            Stream::Tls(stream) => encrypt_file(stream, &head, body, self.floor).await,
        }
    }

    /// Closes the connection so that the client can distinguish this from a lost connection.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tls(stream) => timeout(self.floor.window, stream.shutdown()).await?,
            // Closing the socket is enough.
            Stream::Plain(_) => Ok(()),
        }
    }
}

async fn encrypt_file(
    stream: &mut TlsStream<TcpStream>,
    head: &[u8],
    body: FileBody,
    floor: RateFloor,
) -> io::Result<()> {
    let mut watch = RateWatch::new(floor);
    write_watched(stream, head, &mut watch).await?;
    let body = Arc::new(body);
    let mut buffer = vec![0; PIECE as usize];
    let mut offset = body.range.start;
    while offset < body.range.end {
        let length = (body.range.end - offset).min(PIECE) as usize;
        let last = offset + length as u64 == body.range.end;
        buffer.truncate(length);
        let reading = Arc::clone(&body);
        buffer = tokio::task::spawn_blocking(move || read_piece(&reading, buffer, offset, last))
            .await
            .map_err(io::Error::other)??;
        write_watched(stream, &buffer, &mut watch).await?;
        offset += length as u64;
    }
    stream.flush().await
}

fn read_piece(
    body: &FileBody,
    mut buffer: Vec<u8>,
    offset: u64,
    last: bool,
) -> io::Result<Vec<u8>> {
    match body.file.file().read_exact_at(&mut buffer, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(changed(body)),
        read => read?,
    }
    if last {
        // As over plain connections: without its last piece, the client treats the answer as
        // broken.
        unchanged(body)?;
    }
    Ok(buffer)
}

async fn write_watched(
    stream: &mut TlsStream<TcpStream>,
    mut bytes: &[u8],
    watch: &mut RateWatch,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let start = Instant::now();
        let sent = match timeout(watch.patience(), stream.write(bytes)).await {
            Ok(sent) => sent?,
            Err(_) => 0,
        };
        watch.note(start.elapsed(), sent as u64);
        if watch.stalled() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly"));
        }
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}
