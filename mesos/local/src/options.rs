//! The options of a local Mesos: its agents, their resources and its ports.

use std::{collections::BTreeSet, net::Ipv4Addr, path::PathBuf, time::Duration};

use tokio::net::TcpSocket;

use crate::error::LocalError;

/// What a local Mesos looks like. The defaults are those of Mesos where it has one.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// Loopback port of the one listener; 0 = any free one.
    pub port: u16,
    /// How many agents the master pretends to have, at least one.
    pub agents: usize,
    /// CPUs of each agent. They are counted, not enforced.
    pub cpus: f64,
    /// Memory of each agent in megabytes (2^20 bytes). Counted, not enforced.
    pub mem_mb: f64,
    /// Disk of each agent in megabytes. Counted, not enforced.
    pub disk_mb: f64,
    /// First and last port that each agent offers. They are shared out among the agents, because
    /// all of them live on the same host.
    pub ports: (u32, u32),
    /// Of those, ports that no agent offers. When the cluster starts, those on which some process
    /// listens are added.
    pub withheld_ports: BTreeSet<u32>,
    /// Where sandboxes are made. They stay after the cluster's end, because logs are in them.
    pub work_dir: PathBuf,
    /// Variables that every executor gets besides Mesos's own (the agent flag
    /// `--executor_environment_variables`).
    pub executor_environment: Vec<(String, String)>,
    /// How often resources that became free are offered (the master flag `--allocation_interval`).
    pub offer_interval: Duration,
    /// How often a scheduler stream gets a HEARTBEAT.
    pub heartbeat_interval: Duration,
    /// How long the first resending of an unacknowledged status update waits; the wait doubles up
    /// to ten minutes.
    pub update_retry: Duration,
    /// How long a started executor may take until it subscribes.
    pub registration_timeout: Duration,
    /// How long an executor may take to end after SHUTDOWN, unless its `ExecutorInfo` says
    /// otherwise.
    pub shutdown_grace: Duration,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            port: 0,
            agents: 1,
            cpus: 4.0,
            mem_mb: 8192.0,
            disk_mb: 65536.0,
            ports: (31000, 32000),
            withheld_ports: BTreeSet::new(),
            work_dir: std::env::temp_dir().join(format!("mesos-local-{}", std::process::id())),
            executor_environment: Vec::new(),
            offer_interval: Duration::from_secs(1),
            heartbeat_interval: Duration::from_secs(15),
            update_retry: Duration::from_secs(10),
            registration_timeout: Duration::from_secs(60),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

impl LocalOptions {
    pub(crate) fn validate(&self) -> Result<(), LocalError> {
        let wrong =
            |option, value: String, allowed| Err(LocalError::Option { option, value, allowed });
        if self.agents == 0 {
            return wrong("agents", "0".into(), "one or more");
        }
        for (option, value) in [("cpus", self.cpus), ("mem_mb", self.mem_mb)] {
            if !(value.is_finite() && value > 0.0) {
                return wrong(option, value.to_string(), "a number above zero");
            }
        }
        if !(self.disk_mb.is_finite() && self.disk_mb >= 0.0) {
            return wrong("disk_mb", self.disk_mb.to_string(), "zero or more");
        }
        let (first, last) = self.ports;
        if first == 0 || last > 65535 || self.ports_each() == 0 {
            return wrong(
                "ports",
                format!("{first}-{last}"),
                "a range within 1-65535 with a port for each agent",
            );
        }
        Ok(())
    }

    /// Keeps ports back on which another process of this host listens now. For a moment each port
    /// is bound, not listened on.
    pub(crate) fn withhold_used_ports(&mut self) {
        let is_used = |port: &u32| {
            let Ok(port) = u16::try_from(*port) else { return true };
            let bound = TcpSocket::new_v4().and_then(|socket| {
                // A connection that has just ended does not keep a server from listening.
                socket.set_reuseaddr(true)?;
                socket.bind((Ipv4Addr::UNSPECIFIED, port).into())
            });
            bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
        };
        self.withheld_ports.extend((self.ports.0..=self.ports.1).filter(is_used));
    }

    /// The ranges of ports of the agent with that index, both ends included.
    pub(crate) fn ports_of(&self, agent: usize) -> Vec<(u64, u64)> {
        let each = self.ports_each();
        let first = self.ports.0 + each * agent as u32;
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for port in
            (first..first + each).filter(|port| !self.withheld_ports.contains(port)).map(u64::from)
        {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == port => *last = port,
                _ => ranges.push((port, port)),
            }
        }
        ranges
    }

    fn ports_each(&self) -> u32 {
        self.ports.1.saturating_add(1).saturating_sub(self.ports.0) / self.agents.max(1) as u32
    }
}
