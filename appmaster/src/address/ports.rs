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
        mesos::{
            ARTIFACT_SERVER_BIND_PORT, ARTIFACT_SERVER_EXECUTOR_PORT, ARTIFACT_SERVER_PORT,
            WEB_BIND_PORT, WEB_PORT,
        },
    },
};
use tokio::time::{Instant, sleep};

use self::port::Port;
use super::Hosts;
use crate::{
    report::Report,
    settings::{Draft, SettingsError, is_external},
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
    /// Those of the JobManager; `None` if somebody else runs it.
    job_manager: Option<JobManagerPorts>,
    /// Those of our servers, as far as they are configured.
    servers: Vec<Port>,
    in_use: PortInUse,
}

/// The JobManager's ports.
#[derive(Debug)]
struct JobManagerPorts {
    rpc: Port,
    rest: Port,
    /// The port at which clients reach REST, if that is another one.
    rest_elsewhere: Option<u16>,
    /// Any port will do for the RPC system.
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
        let is_external = is_external(config);
        let (mut rpc_port, mut rest_port, mut any_rpc) = (None, None, false);
        if !is_external {
            let wanted = report.setting(config, rpc(config, bind));
            any_rpc = wanted.as_ref().is_some_and(Port::is_any);
            if let Some(wanted) = wanted {
                rpc_port = wanted.settle(config, in_use, report).await;
            }
            rest_port = rest(config, bind, in_use, report).await;
        }
        let mut servers = Vec::new();
        for port in of_servers(settings, bind) {
            // Nothing makes our servers take another.
            let in_use = if in_use == PortInUse::Later { in_use } else { PortInUse::Refuse };
            servers.extend(port.settle(config, in_use, report).await);
        }
        for twice in wanted_twice(rpc_port.iter().chain(&rest_port).chain(&servers)) {
            report.invalid(config, &twice);
        }
        let job_manager = if is_external {
            None
        } else {
            let rest_elsewhere = range::translated(config);
            let ports =
                JobManagerPorts { rpc: rpc_port?, rest: rest_port?, rest_elsewhere, any_rpc };
            ports.write(config);
            Some(ports)
        };
        Some(Self { job_manager, servers, in_use })
    }

    /// The port on which REST and the web page listen, if the JobManager is ours.
    pub(super) fn rest(&self) -> Option<u16> {
        self.job_manager.as_ref().map(|ports| ports.rest.number())
    }

    /// The port at which clients reach REST, which listens on `port`.
    pub(super) fn advertised_rest(&self, port: u16) -> u16 {
        self.job_manager.as_ref().and_then(|ports| ports.rest_elsewhere).unwrap_or(port)
    }

    /// Whether any port will do for the JobManager's RPC system.
    pub(crate) fn is_any_rpc(&self) -> bool {
        self.job_manager.as_ref().is_some_and(|ports| ports.any_rpc)
    }

    /// Has the JobManager's RPC system listen on this port instead of any.
    pub(crate) fn take_rpc(&mut self, config: &mut Configuration, number: u16, reason: Source) {
        let Some(ports) = &mut self.job_manager else { return };
        ports.rpc = Port::new(RPC_PORT.key(), SocketAddr::new(ports.rpc.address.ip(), number));
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
        let job_managers = self.job_manager.iter().flat_map(|ports| [&ports.rpc, &ports.rest]);
        for port in job_managers.chain(&self.servers) {
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

impl JobManagerPorts {
    fn write(&self, config: &mut Configuration) {
        const REASON: Source = Source::Computed("a free port");
        // Behind a translation of addresses, both options of RPC are set.
        let is_translated =
            self.rpc.key == RPC_BIND_PORT.key() && !matches!(config.read(&RPC_PORT), Ok(0));
        if !is_translated {
            config.set(&RPC_PORT, self.rpc.number().to_string(), REASON);
        }
        // Without such a translation, clients must use the port on which REST listens.
        config.set(&REST_BIND_PORT, self.rest.number().to_string(), REASON);
        if self.rest_elsewhere.is_none() {
            config.set(&REST_PORT, self.rest.number().to_string(), REASON);
        }
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
    let is_translated = artifacts.is_some_and(|server| server.advertised_port.is_some());
    let artifact_port =
        if is_translated { ARTIFACT_SERVER_BIND_PORT.key() } else { ARTIFACT_SERVER_PORT.key() };
    let is_translated = control.is_some_and(|control| control.port.is_some());
    let control_port = if is_translated { WEB_BIND_PORT.key() } else { WEB_PORT.key() };
    let all = [
        (artifact_port, artifacts.map(|server| server.listen(bind))),
        (
            ARTIFACT_SERVER_EXECUTOR_PORT.key(),
            artifacts.and_then(|server| server.listen_for_mesos(bind)),
        ),
        (control_port, control.map(|control| control.bind)),
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
