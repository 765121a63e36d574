//! A network in virtual time: hosts with one link each, and flows that share the links.
//!
//! A flow gets an equal share of the sender's and of the receiver's link, whichever is less. Real
//! flows get at least as much, because they also use what others leave.

/// Bandwidth of a 10 Gbit/s link in each direction, in bytes per second.
pub(crate) const LINE: f64 = 10e9 / 8.0;

pub(crate) type HostId = usize;
pub(crate) type FlowId = usize;

/// When a flow ends, unless its version changes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) flow: FlowId,
    pub(crate) version: u32,
    /// Virtual time in nanoseconds.
    pub(crate) at: u64,
}

pub(crate) struct Network {
    hosts: Vec<Host>,
    flows: Vec<Flow>,
    unused: Vec<FlowId>,
    /// Ends that were added since they were last taken.
    pub(crate) ends: Vec<End>,
}

#[derive(Default, Clone)]
struct Host {
    sends: Vec<FlowId>,
    receives: Vec<FlowId>,
    sent: f64,
}

struct Flow {
    from: HostId,
    to: HostId,
    left: f64,
    /// Rate in bytes per second: the bandwidth of the busier end divided by its flows.
    rate: f64,
    shared_by: usize,
    /// When `left` was last updated.
    since: u64,
    version: u32,
}

impl Network {
    pub(crate) fn new(hosts: usize) -> Self {
        Self {
            hosts: vec![Host::default(); hosts],
            flows: Vec::new(),
            unused: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The flows that a host is sending.
    pub(crate) fn streams(&self, host: HostId) -> usize {
        self.hosts[host].sends.len()
    }

    /// Bytes that a host has sent in completed flows.
    pub(crate) fn sent(&self, host: HostId) -> f64 {
        self.hosts[host].sent
    }

    pub(crate) fn start(&mut self, now: u64, from: HostId, to: HostId, bytes: u64) -> FlowId {
        let flow =
            Flow { from, to, left: bytes as f64, rate: 0.0, shared_by: 0, since: now, version: 0 };
        let id = if let Some(id) = self.unused.pop() {
            let version = self.flows[id].version + 1;
            self.flows[id] = Flow { version, ..flow };
            id
        } else {
            self.flows.push(flow);
            self.flows.len() - 1
        };
        self.hosts[from].sent += bytes as f64;
        self.hosts[from].sends.push(id);
        self.hosts[to].receives.push(id);
        self.share(now, from, to);
        id
    }

    /// Ends a flow if it is complete; returns its sender.
    pub(crate) fn end(&mut self, now: u64, end: End) -> Option<HostId> {
        let Flow { from, to, version, .. } = self.flows[end.flow];
        if version != end.version {
            return None;
        }
        self.flows[end.flow].version += 1;
        self.unused.push(end.flow);
        self.hosts[from].sends.retain(|flow| *flow != end.flow);
        self.hosts[to].receives.retain(|flow| *flow != end.flow);
        self.share(now, from, to);
        Some(from)
    }

    /// Recalculates the shares of the links.
    fn share(&mut self, now: u64, from: HostId, to: HostId) {
        let Self { hosts, flows, ends, .. } = self;
        for id in hosts[from].sends.iter().chain(&hosts[to].receives) {
            let flow = &mut flows[*id];
            let most = hosts[flow.from].sends.len().max(hosts[flow.to].receives.len());
            if most == flow.shared_by {
                continue;
            }
            let rate = LINE / most as f64;
            flow.left = (flow.left - flow.rate * (now - flow.since) as f64 / 1e9).max(0.0);
            (flow.rate, flow.shared_by, flow.since) = (rate, most, now);
            flow.version += 1;
            let at = now + (flow.left / rate * 1e9).ceil() as u64;
            ends.push(End { flow: *id, version: flow.version, at });
        }
    }
}
