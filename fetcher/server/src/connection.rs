//! One connection: requests one after the other until either side closes it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use common::connection_limit::Guest;
use common::rate::RateFloor;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::answer::{Answer, Body, Status};
use crate::request::{Head, MAX_HEAD, Method, Parsed, parse};
use crate::wire::Wire;

/// Time limit for the head of a request, from its first byte on.
const HEAD: Duration = Duration::from_secs(10);

/// What a server serves.
pub(crate) trait Site: Send + Sync + 'static {
    /// The answer to `head`, while `streams` files are being sent.
    fn answer(
        &self,
        head: &Head,
        client: Client,
        streams: usize,
    ) -> impl Future<Output = Answer> + Send;
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) encrypted: bool,
}

/// What all connections share.
pub(crate) struct Shared<S> {
    pub(crate) site: S,
    /// One permit per file being sent.
    pub(crate) streams: Semaphore,
    /// The number of permits.
    pub(crate) max_streams: usize,
    /// The most permits of one address.
    pub(crate) max_streams_each: usize,
    /// The permits in use by each address.
    pub(crate) streams_of_each: Mutex<HashMap<IpAddr, usize>>,
    /// How long a connection may stay without a request.
    pub(crate) idle: Duration,
    pub(crate) floor: RateFloor,
    /// Present if only TLS is accepted.
    pub(crate) acceptor: Option<TlsAcceptor>,
    /// Bytes of files sent.
    pub(crate) sent: AtomicU64,
}

impl<S> Shared<S> {
    pub(crate) fn streams(&self) -> usize {
        self.max_streams.saturating_sub(self.streams.available_permits())
    }

    /// A permit to send a file to this address, if one is available.
    fn stream_for(&self, address: IpAddr) -> Option<Stream<'_>> {
        let permit = self.streams.try_acquire().ok()?;
        let mut of_each = self.streams_of_each.lock();
        let own = of_each.entry(address).or_default();
        if *own >= self.max_streams_each {
            return None;
        }
        *own += 1;
        Some(Stream { of_each: &self.streams_of_each, address, _permit: permit })
    }
}

/// A permit to send a file.
struct Stream<'a> {
    of_each: &'a Mutex<HashMap<IpAddr, usize>>,
    address: IpAddr,
    _permit: SemaphorePermit<'a>,
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let mut of_each = self.of_each.lock();
        if let Some(own) = of_each.get_mut(&self.address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                of_each.remove(&self.address);
            }
        }
    }
}

/// Serves requests until the client closes, asks to close, or violates the protocol.
pub(crate) async fn serve<S: Site>(
    mut wire: Wire,
    client: Client,
    guest: &Guest<IpAddr>,
    shared: Arc<Shared<S>>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        let read = read_head(&mut wire, &mut buffer, shared.idle).await?;
        let _busy = guest.busy();
        let (answer, without_body) = match read {
            Read::Head(head) => {
                let answer = shared.site.answer(&head, client, shared.streams()).await;
                (if head.close { answer.closing() } else { answer }, head.method == Method::Head)
            }
            Read::Refused(status) => (refusal(status), false),
            Read::Closed => return Ok(()),
        };
        if send(&mut wire, answer, without_body, client, &shared).await? == After::Close {
            return wire.close().await;
        }
    }
}

/// Answers one request, whatever it is, with 503.
pub(crate) async fn turn_away(mut wire: Wire, patience: Duration) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    let without_body = match read_head(&mut wire, &mut buffer, patience).await? {
        Read::Head(head) => head.method == Method::Head,
        Read::Refused(_) => false,
        Read::Closed => return Ok(()),
    };
    let busy = overloaded().closing();
    wire.write(&if without_body { busy.head() } else { busy.whole() }).await?;
    wire.close().await
}

enum Read {
    Head(Box<Head>),
    Refused(Status),
    Closed,
}

async fn read_head(wire: &mut Wire, buffer: &mut BytesMut, idle: Duration) -> io::Result<Read> {
    let mut deadline = Instant::now() + idle;
    let mut has_begun = false;
    loop {
        if !has_begun && !buffer.is_empty() {
            (has_begun, deadline) = (true, deadline.min(Instant::now() + HEAD));
        }
        match parse(buffer) {
            Parsed::Complete(head, length) => {
                buffer.advance(length);
                return Ok(Read::Head(head));
            }
            Parsed::Refused(status) => return Ok(Read::Refused(status)),
            Parsed::Incomplete => {}
        }
        buffer.reserve(MAX_HEAD / 8);
        match timeout_at(deadline, wire.read(buffer)).await {
            Ok(Ok(0)) => return Ok(Read::Closed),
            Ok(read) => read?,
            // A client without a request gets no answer.
            Err(_) if buffer.is_empty() => return Ok(Read::Closed),
            Err(_) => return Ok(Read::Refused(Status::RequestTimeout)),
        };
    }
}

#[derive(PartialEq, Eq)]
enum After {
    Continue,
    Close,
}

async fn send<S>(
    wire: &mut Wire,
    answer: Answer,
    without_body: bool,
    client: Client,
    shared: &Shared<S>,
) -> io::Result<After> {
    let is_stream = matches!(answer.body, Body::File(_)) && !without_body;
    let permit = if is_stream { shared.stream_for(client.address.ip()) } else { None };
    let answer = match permit {
        None if is_stream && answer.close => overloaded().closing(),
        None if is_stream => overloaded(),
        _ => answer,
    };
    let after = if answer.close { After::Close } else { After::Continue };
    let head = answer.head();
    match answer.body {
        _ if without_body => wire.write(&head).await?,
        Body::Bytes(_) => wire.write(&answer.whole()).await?,
        Body::File(body) => {
            let length = body.range.end - body.range.start;
            wire.send_file(head, body).await?;
            shared.sent.fetch_add(length, Ordering::Relaxed);
        }
    }
    Ok(after)
}

/// An immediate 503 is better than a very slow transfer.
pub(crate) fn overloaded() -> Answer {
    Answer::text(Status::Unavailable, "too many transfers at once, come back later")
        .header("Retry-After", "1")
}

fn refusal(status: Status) -> Answer {
    let text = match status {
        Status::MethodNotAllowed => "only GET and HEAD are served here",
        Status::BodyNotAllowed => "requests with a body are not served here",
        Status::HeadTooLarge => "the request's head is larger than 16 KiB",
        Status::RequestTimeout => "the request did not arrive in time",
        _ => "not understood",
    };
    let answer = Answer::text(status, text).closing();
    if status == Status::MethodNotAllowed { answer.header("Allow", "GET, HEAD") } else { answer }
}
