//! Our ports, and whether they are free.

mod port;
mod range;

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use flink::{
    config::{Configuration, ConfigurationError, Source},
    options::{
        ConfigOption,
        flink::{
            JOBMANAGER_BIND_HOST, JOBMANAGER_RPC_BIND_PORT as RPC_BIND_PORT,
            JOBMANAGER_RPC_PORT as RPC_PORT, REST_BIND_ADDRESS, REST_BIND_PORT, REST_PORT,
        },
        mesos::{ARTIFACT_SERVER_EXECUTOR_PORT, ARTIFACT_SERVER_PORT, CONTROL_PORT},
    },
};
use tokio::time::{Instant, sleep};

use self::port::Port;
use super::Hosts;
use crate::{
    report::Report,
    settings::{Draft, SettingsError},
};

const POLL: Duration = Duration::from_millis(100);

/// What to do about a port on which another process listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortInUse {
    /// Refuse to start.
    Refuse,
    /// Use any free port for the JobManager, unless the command line sets this one.
    TakeAnother,
    /// Warn: it may be the current leader's until we lead. See [`Ports::until_free`].
    Later,
}

/// Our ports. Those that the system has chosen stay ours while this lives.
#[derive(Debug)]
pub struct Ports {
    rpc: Port,
    rest: Port,
    /// Those of our servers, as far as they are configured.
    servers: Vec<Port>,
    in_use: PortInUse,
    /// Any port will do for the JobManager's RPC system.
    any_rpc: bool,
}

impl Ports {
    /// Determines the JobManager's ports and writes them into its configuration. Notes each port
    /// that cannot be used, ours too.
    pub(crate) async fn settle(
        config: &mut Configuration,
        settings: &Draft,
        hosts: Option<&Hosts>,
        in_use: PortInUse,
        report: &mut Report,
    ) -> Option<Self> {
        let bind = hosts.map_or(Ipv4Addr::UNSPECIFIED.into(), |hosts| hosts.bind);
        let rpc = report.setting(config, rpc(config, bind));
        let any_rpc = rpc.as_ref().is_some_and(Port::is_any);
        let rpc = match rpc {
            Some(rpc) => rpc.settle(config, in_use, report).await,
            None => None,
        };
        let rest = rest(config, bind, in_use, report).await;
        let mut servers = Vec::new();
        for port in of_servers(settings, bind) {
            // Nothing makes our servers take another.
            let in_use = if in_use == PortInUse::Later { in_use } else { PortInUse::Refuse };
            servers.extend(port.settle(config, in_use, report).await);
        }
        for twice in wanted_twice(rpc.iter().chain(&rest).chain(&servers)) {
            report.invalid(config, &twice);
        }
        let ports = Self { rpc: rpc?, rest: rest?, servers, in_use, any_rpc };
        ports.write(config);
        Some(ports)
    }

    fn write(&self, config: &mut Configuration) {
        const REASON: Source = Source::Computed("a free port");
        // Behind a translation of addresses, both options of RPC are set.
        let is_translated =
            self.rpc.key == RPC_BIND_PORT.key() && !matches!(config.read(&RPC_PORT), Ok(0));
        if !is_translated {
            config.set(&RPC_PORT, self.rpc.number().to_string(), REASON);
        }
        // Both get the same port: clients must use the port on which REST listens.
        for option in [REST_BIND_PORT.key(), REST_PORT.key()] {
            config.set(option, self.rest.number().to_string(), REASON);
        }
    }

    /// The port of REST and of the web page.
    pub(super) fn rest(&self) -> u16 {
        self.rest.number()
    }

    /// Whether any port will do for the JobManager's RPC system.
    pub(crate) fn is_any_rpc(&self) -> bool {
        self.any_rpc
    }

    /// Has the JobManager's RPC system listen on this port instead of any.
    pub(crate) fn take_rpc(&mut self, config: &mut Configuration, number: u16, reason: Source) {
        self.rpc = Port::new(RPC_PORT.key(), SocketAddr::new(self.rpc.address.ip(), number));
        config.set(&RPC_PORT, number.to_string(), reason);
    }

    /// Waits until ports that may have been an earlier leader's are free: that leader on this
    /// machine and its JobManager take a moment to end. A port still in use after `patience` is a
    /// mistake in the configuration.
    pub(crate) async fn until_free(&self, patience: Duration) -> Result<(), SettingsError> {
        if self.in_use != PortInUse::Later {
            return Ok(());
        }
        let deadline = Instant::now() + patience;
        for port in [&self.rpc, &self.rest].into_iter().chain(&self.servers) {
            while let Err(error) = port.listen().await {
                if error.kind() != ErrorKind::AddrInUse || Instant::now() >= deadline {
                    return Err(port.in_use_by_others(&error));
                }
                sleep(POLL).await;
            }
        }
        Ok(())
    }
}

/// Whether the port becomes free within `patience`.
pub(crate) async fn becomes_free(number: u16, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    let port = Port::new(RPC_PORT.key(), (Ipv4Addr::UNSPECIFIED, number).into());
    loop {
        match port.listen().await {
            Ok(()) => return true,
            Err(e) if e.kind() != ErrorKind::AddrInUse || Instant::now() >= deadline => {
                return false;
            }
            Err(_) => sleep(POLL).await,
        }
    }
}

/// The port on which the JobManager's RPC system listens.
fn rpc(config: &Configuration, bind: IpAddr) -> Result<Port, ConfigurationError> {
    let (key, number) = match config.read(&RPC_BIND_PORT)? {
        Some(number) if number > 0 => (RPC_BIND_PORT.key(), number),
        _ => (RPC_PORT.key(), config.read(&RPC_PORT)?),
    };
    let bind = job_managers(config, &JOBMANAGER_BIND_HOST, bind);
    Ok(Port::new(key, SocketAddr::new(bind, number)))
}

/// The port on which REST listens.
async fn rest(
    config: &Configuration,
    bind: IpAddr,
    in_use: PortInUse,
    report: &mut Report,
) -> Option<Port> {
    let bind = job_managers(config, &REST_BIND_ADDRESS, bind);
    let port = |key, number| Port::new(key, SocketAddr::new(bind, number));
    let Some(range) = report.setting(config, range::of_rest(config))? else {
        let number = report.setting(config, config.read(&REST_PORT))?;
        return port(REST_PORT.key(), number).settle(config, in_use, report).await;
    };
    let mut last = None;
    for number in range {
        let mut port = port(REST_BIND_PORT.key(), number);
        if in_use == PortInUse::Later {
            return port.settle(config, in_use, report).await;
        }
        match port.take().await {
            Ok(()) => return Some(port),
            Err(error) => last = Some(error),
        }
    }
    let reason = last.map(|error| error.to_string()).unwrap_or_default();
    let error = SettingsError::Value {
        key: REST_BIND_PORT.key(),
        value: config.get(&REST_BIND_PORT).unwrap_or_default().to_owned(),
        reason: format!("none of these ports is free on {bind}: {reason}; 0 means any free port"),
    };
    report.invalid(config, &error);
    None
}

/// The JobManager listens where its options say; names are resolved by Java.
fn job_managers(
    config: &Configuration,
    option: &ConfigOption<Option<String>>,
    usual: IpAddr,
) -> IpAddr {
    config.get(option).and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The ports that our own servers are configured to listen on.
fn of_servers(settings: &Draft, bind: IpAddr) -> Vec<Port> {
    let (artifacts, control) = (settings.artifact_server.as_ref(), settings.control.as_ref());
    let all = [
        (ARTIFACT_SERVER_PORT.key(), artifacts.map(|server| server.listen(bind))),
        (
            ARTIFACT_SERVER_EXECUTOR_PORT.key(),
            artifacts.and_then(|server| server.listen_for_mesos(bind)),
        ),
        (CONTROL_PORT.key(), control.map(|control| control.bind)),
    ];
    let ports = all.into_iter().filter_map(|(key, address)| Some(Port::new(key, address?)));
    ports.filter(|port| !port.is_any()).collect()
}

/// Ports set by more than one option.
fn wanted_twice<'a>(all: impl Iterator<Item = &'a Port>) -> Vec<SettingsError> {
    let all: Vec<_> = all.filter(|port| !port.is_any()).collect();
    let mut problems = Vec::new();
    for (at, later) in all.iter().enumerate() {
        let earlier = all.iter().take(at).find(|earlier| earlier.number() == later.number());
        problems.extend(earlier.map(|earlier| SettingsError::Value {
            key: later.key,
            value: later.number().to_string(),
            reason: format!("{} uses this port too", earlier.key),
        }));
    }
    problems
}

#[cfg(test)]
mod tests;
