//! The certificates of our servers and of the JobManager's REST API.

use flink::config::Configuration;

use crate::{
    report::Report,
    settings::{Draft, Endpoint},
};

/// The certificates to trust for servers that speak TLS, in PEM.
#[derive(Debug)]
pub struct Trusted {
    /// For the JobManager's REST API.
    pub rest: Option<String>,
    /// For the artifact server.
    pub artifacts: Option<String>,
    /// For the control API.
    pub control: Option<String>,
}

impl Trusted {
    /// Reads them, and checks that they vouch for the servers under the names that clients use;
    /// `host` is this machine's. Blocks.
    pub(super) fn read(
        settings: &Draft,
        config: &Configuration,
        host: &str,
        report: &mut Report,
    ) -> Option<Self> {
        let (tls, server) = (settings.tls.as_ref()?, settings.artifact_server.as_ref()?);
        let control = settings.control.as_ref()?;
        let read = |report: &mut Report, name: &str, endpoint: Option<&Endpoint>, host: &str| {
            let Some(endpoint) = endpoint else { return Some(None) };
            let trust = report.setting(config, endpoint.trusted(host))?;
            report.fact(format!("{name} speaks TLS as {host}"));
            Some(Some(trust.to_pem()))
        };
        let rest = match (&settings.external, &tls.rest) {
            // Its certificate is on its own machine.
            (Some(Some(_)), Some(endpoint)) => {
                report.setting(config, endpoint.authorities()).map(|trust| Some(trust.to_pem()))
            }
            (_, endpoint) => read(report, "the JobManager's REST API", endpoint.as_ref(), host),
        };
        let artifacts =
            read(report, "the artifact server", tls.artifacts.as_ref(), server.host(host));
        let control = read(report, "the control API", tls.control.as_ref(), control.host(host));
        Some(Self { rest: rest?, artifacts: artifacts?, control: control? })
    }
}
