//! One of our ports, and whether it is free.

use std::{io, net::SocketAddr};

use flink::config::{Configuration, Source};
use tokio::net::{TcpListener, TcpSocket};

use super::PortInUse;
use crate::{report::Report, settings::SettingsError};

/// One of our ports.
#[derive(Debug)]
pub(super) struct Port {
    /// The option for it.
    pub(super) key: &'static str,
    /// Where we listen; port 0 means any.
    pub(super) address: SocketAddr,
    /// Held if the system has chosen the port.
    reservation: Option<Reservation>,
}

/// A port chosen by the system. While this lives, the system gives the port to no other process. A
/// server that reuses addresses, as Java's do, can still listen on it: this socket is bound but
/// does not listen.
#[derive(Debug)]
struct Reservation(#[expect(dead_code, reason = "held for its drop")] TcpSocket);

impl Port {
    pub(super) fn new(key: &'static str, address: SocketAddr) -> Self {
        Self { key, address, reservation: None }
    }

    pub(super) fn number(&self) -> u16 {
        self.address.port()
    }

    /// Whether the system chooses it.
    pub(super) fn is_any(&self) -> bool {
        self.number() == 0 || self.reservation.is_some()
    }

    /// The port to use: this one if it is free, otherwise what `in_use` says.
    pub(super) async fn settle(
        mut self,
        config: &Configuration,
        in_use: PortInUse,
        report: &mut Report,
    ) -> Option<Self> {
        let Err(error) = self.take().await else { return Some(self) };
        let error = self.in_use_by_others(&error);
        let is_deliberate = matches!(config.source(self.key), Some(Source::DynamicProperty));
        match in_use {
            PortInUse::Later => report
                .warning(format!("{error}; it must be free when this application master leads")),
            PortInUse::TakeAnother if !is_deliberate && self.take_any().is_ok() => {}
            PortInUse::TakeAnother | PortInUse::Refuse => {
                report.invalid(config, &error);
                return None;
            }
        }
        Some(self)
    }

    /// Takes the port if it is free. If any will do, chooses and reserves one.
    pub(super) async fn take(&mut self) -> io::Result<()> {
        if self.number() == 0 { self.take_any() } else { self.listen().await }
    }

    /// Whether the port is free; that may change as soon as this returns.
    pub(super) async fn listen(&self) -> io::Result<()> {
        TcpListener::bind(self.address).await.map(drop)
    }

    /// Chooses and reserves a free port.
    fn take_any(&mut self) -> io::Result<()> {
        let address = SocketAddr::new(self.address.ip(), 0);
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(address)?;
        // Not earlier: the system could choose a port that another process has reserved.
        socket.set_reuseaddr(true)?;
        self.address = socket.local_addr()?;
        self.reservation = Some(Reservation(socket));
        Ok(())
    }

    pub(super) fn in_use_by_others(&self, error: &io::Error) -> SettingsError {
        let Self { key, address, .. } = self;
        let hint = format!("choose another with -D{key}=…, 0 means any free port");
        let reason = format!("cannot listen on {address}: {error}; {hint}");
        SettingsError::Value { key, value: address.port().to_string(), reason }
    }
}
