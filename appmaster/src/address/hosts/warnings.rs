//! Warnings about hosts that others cannot reach, or that everybody can.

use common::hosts::is_loopback;
use flink::{
    config::Configuration,
    hosts,
    options::{
        ConfigOption,
        flink::{
            JOBMANAGER_BIND_HOST as RPC_BIND, JOBMANAGER_RPC_ADDRESS as RPC_ADDRESS, REST_ADDRESS,
            REST_BIND_ADDRESS as REST_BIND, TASKMANAGER_HOST,
        },
    },
};

use super::VARIABLE;
use crate::{environment::Lookup, report::Report};

/// Options whose values are hosts to connect to.
const REACHED: [ConfigOption<Option<String>>; 3] = [RPC_ADDRESS, REST_ADDRESS, TASKMANAGER_HOST];

/// A wildcard address, which others cannot connect to.
pub(super) fn wildcards(config: &Configuration, lookup: &Lookup, report: &mut Report) {
    let configured = REACHED
        .into_iter()
        .filter_map(|option| Some((option.key(), config.get(&option)?.to_owned())));
    let all = configured.chain(lookup(VARIABLE).map(|text| (VARIABLE, text)));
    for (key, text) in all.filter(|(_, text)| hosts::is_wildcard(text)) {
        report.warning(format!(
            "{key}: {text} is not an address that others can reach; it counts as not set"
        ));
    }
}

/// A JobManager that listens only on this machine, although workers elsewhere must reach it.
pub(super) fn unreachable(config: &Configuration, host: &str, report: &mut Report) {
    if let Some(bind) = config.get(&RPC_BIND).filter(|bind| is_loopback(bind) && !is_loopback(host))
    {
        report.warning(format!(
            "{RPC_BIND}: {bind} can be reached only from this machine, but workers are sent to {host}"
        ));
    }
}

/// Flink's REST API has no authentication that flink-mesos could use: anyone who reaches it can run
/// code.
pub(super) fn open_rest(config: &Configuration, report: &mut Report) {
    if let Some(bind) = config.get(&REST_BIND).filter(|bind| !is_loopback(bind)) {
        report.warning(format!(
            "{REST_BIND}: Flink's REST API listens on {bind} without authentication: anyone who reaches it can run code as this user. \
             Protect the port with a firewall, or set {REST_BIND}: 127.0.0.1 (TaskManagers do not need it) and put a proxy in front"
        ));
    }
}
