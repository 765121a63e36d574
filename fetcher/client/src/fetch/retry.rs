//! Whether, where and when to retry.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::backoff::Backoff;
use rand::Rng as _;
use tokio::sync::Notify;

use super::meter::Meter;
use super::options::FetchOptions;
use crate::counters::Source;
use crate::error::{FetchError, Retry};

/// Servers that sent wrong content, for all pieces of a fetch.
pub(super) struct Mirrors(Vec<AtomicBool>);

impl Mirrors {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicBool::new(false)).collect())
    }

    fn drop(&self, origin: usize) {
        if let Some(dropped) = self.0.get(origin) {
            dropped.store(true, Ordering::Relaxed);
        }
    }

    fn is_dropped(&self, origin: usize) -> bool {
        self.0.get(origin).is_none_or(|dropped| dropped.load(Ordering::Relaxed))
    }
}

/// How long to wait if a server says that it is busy for `wait`: never less, and spread over time
/// by `chance`, from 0 to 1.
pub fn when_busy(wait: Duration, chance: f64) -> Duration {
    wait.mul_f64(1.0 + chance / 2.0)
}

/// The attempts to fetch one piece.
pub(super) struct Attempts<'a> {
    mirrors: &'a Mirrors,
    meter: &'a Meter,
    options: &'a FetchOptions,
    /// Notified when a peer may have the content that a busy server has not sent.
    news: &'a Notify,
    /// Servers that do not have this piece.
    without: Vec<usize>,
    origin: usize,
    backoff: Backoff,
    /// The name of the piece's file if it is a secret.
    secret: Option<&'a str>,
}

impl<'a> Attempts<'a> {
    /// Begins with server number `origin`, or the next one without wrong content.
    pub(super) fn new(
        origin: usize,
        mirrors: &'a Mirrors,
        meter: &'a Meter,
        options: &'a FetchOptions,
        news: &'a Notify,
    ) -> Self {
        let backoff = Backoff::new(options.backoff.0, options.backoff.1);
        let mut attempts = Self {
            mirrors,
            meter,
            options,
            news,
            without: Vec::new(),
            origin,
            backoff,
            secret: None,
        };
        attempts.origin = attempts.next_origin(origin).unwrap_or(origin);
        attempts
    }

    /// Keeps what could help to guess the secret of this name out of errors and the log.
    pub(super) fn of_secret(self, secret: Option<&'a str>) -> Self {
        Self { secret, ..self }
    }

    /// The server to ask now.
    pub(super) fn origin(&self) -> usize {
        self.origin
    }

    /// Notes that the server has sent something good.
    pub(super) fn moved(&mut self) {
        self.backoff.reset();
    }

    /// Counts received bytes, good or not.
    pub(super) fn received(&self, from: Source, bytes: u64) {
        self.options.counters.received(from, bytes);
    }

    /// Waits until [`Attempts::origin`] should be asked again, or returns the error if retrying is
    /// pointless.
    pub(super) async fn after(&mut self, error: FetchError) -> Result<(), FetchError> {
        self.options.counters.request_failed(&error);
        let idle = self.meter.last_moved().elapsed();
        let retry = error.retry();
        let is_busy = matches!(retry, Retry::After(_));
        let is_content = !matches!(error, FetchError::Status { .. });
        let error = match self.secret {
            Some(name) => error.of_secret(name),
            None => error,
        };
        let wait = match retry {
            Retry::Never => return Err(error),
            Retry::Elsewhere => {
                self.without.push(self.origin);
                if is_content {
                    self.mirrors.drop(self.origin);
                }
                Duration::ZERO
            }
            Retry::Again if idle >= self.options.patience => return Err(error),
            Retry::After(_) if idle >= self.options.busy_patience => return Err(error),
            Retry::Again => self.backoff.next(),
            Retry::After(wait) => when_busy(wait, rand::rng().random()),
        };
        let Some(next) = self.next_origin(self.origin + 1) else { return Err(error) };
        tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "Lost a part of an artifact; retrying");
        self.origin = next;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.news.notified(), if is_busy => {}
        }
        Ok(())
    }

    fn next_origin(&self, from: usize) -> Option<usize> {
        let count = self.mirrors.0.len();
        let origins = (0..count).map(|step| (from + step) % count);
        origins
            .into_iter()
            .find(|origin| !self.without.contains(origin) && !self.mirrors.is_dropped(*origin))
    }
}
