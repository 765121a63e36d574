//! The application master's options, read from Flink's configuration: typed, checked, with
//! defaults.

mod artifact_server;
mod constraints;
mod container;
mod control;
mod demand;
mod executor;
mod framework;
mod jaas;
mod job_manager;
mod offer_constraints;
mod public;
mod scaling;
mod state;
mod tls;
mod uris;
mod workers;
mod zookeeper;

use flink::{config::Configuration, options::mesos::MASTER, version::FlinkVersion};
use mesos::master::{MasterUrl, ParseMasterError};

pub use self::artifact_server::ArtifactServerSettings;
use self::artifact_server::artifact_server;
pub use self::control::ControlSettings;
pub(crate) use self::control::{control, control_token};
pub use self::framework::FrameworkSettings;
pub(crate) use self::framework::credential;
pub use self::job_manager::{External, LeaderNode};
pub(crate) use self::job_manager::{external, is_external};
pub use self::offer_constraints::constraints as offer_constraints;
pub use self::scaling::ScalingSettings;
pub(crate) use self::scaling::{is_configured as is_number_configured, is_reactive};
pub use self::state::{StateLocation, state_location};
pub use self::tls::{Endpoint, Tls};
pub use self::uris::{TAKEN, TaskUri, TaskUris};
pub use self::workers::WorkerSettings;
use crate::report::Report;
pub use crate::report::SettingsError;

/// The application master's options.
#[derive(Debug)]
pub struct Settings {
    /// Our framework at the master.
    pub framework: FrameworkSettings,
    /// The TaskManagers.
    pub workers: WorkerSettings,
    /// How workers reach our artifact server.
    pub artifact_server: ArtifactServerSettings,
    /// The control API.
    pub control: ControlSettings,
    /// Which servers speak TLS.
    pub tls: Tls,
    /// Where the state is stored.
    pub state: StateLocation,
    /// Where the JobManager is, if somebody else runs it.
    pub external: Option<External>,
}

/// The options as far as they could be read: a part is `None` if there is a problem in it.
#[derive(Debug)]
pub struct Draft {
    /// Our framework at the master.
    pub framework: Option<FrameworkSettings>,
    /// The TaskManagers.
    pub workers: Option<WorkerSettings>,
    /// How workers reach our artifact server.
    pub artifact_server: Option<ArtifactServerSettings>,
    /// The control API.
    pub control: Option<ControlSettings>,
    /// Which servers speak TLS.
    pub tls: Option<Tls>,
    /// Where the state is stored.
    pub state: Option<StateLocation>,
    /// Where the JobManager is, if somebody else runs it.
    pub external: Option<Option<External>>,
}

impl Draft {
    /// Reads and checks all options but [`master`]. Blocks: options name files.
    pub fn read(config: &Configuration, flink: &FlinkVersion, report: &mut Report) -> Self {
        for problem in public::problems(config) {
            report.invalid(config, &problem);
        }
        let workers = WorkerSettings::read(config, flink, report);
        let framework = FrameworkSettings::read(config, workers.as_ref(), report);
        let artifact_server = report.setting(config, artifact_server(config));
        let control = report.setting(config, control(config));
        let tls = Tls::read(config, control.as_ref(), report);
        if let (Some(control), Some(tls)) = (&control, &tls) {
            open_control(control, tls, report);
        }
        let state = report.setting(config, state_location(config));
        let external = report.setting(config, external(config));
        Self { framework, workers, artifact_server, control, tls, state, external }
    }

    /// The settings, if no part has a problem.
    pub fn complete(self) -> Option<Settings> {
        Some(Settings {
            framework: self.framework?,
            workers: self.workers?,
            artifact_server: self.artifact_server?,
            control: self.control?,
            tls: self.tls?,
            state: self.state?,
            external: self.external?,
        })
    }
}

/// Warns of a control API whose token and answers others can read on the network.
fn open_control(control: &ControlSettings, tls: &Tls, report: &mut Report) {
    let ip = control.bind.ip();
    if !ip.is_loopback() && tls.control.is_none() {
        report.warning(format!(
            "the control API listens on {ip} without TLS: anyone on the network can read its token and stop the cluster. Set \
             mesos.web.ssl.enabled and a certificate, or remove mesos.web.bind-address"
        ));
    }
}

/// The address of the Mesos master.
pub fn master(config: &Configuration) -> Result<MasterUrl, SettingsError> {
    let hint = "e.g. -Dmesos.master=zk://zk1:2181,zk2:2181/mesos, or host:port";
    let text = config.get(&MASTER).ok_or(SettingsError::Missing { key: MASTER.key(), hint })?;
    if text == "true" {
        // Set by `-Dkey` without a value.
        return Err(invalid(MASTER.key(), config, format!("no master: {hint}")));
    }
    let wrong = |error: ParseMasterError| {
        // It contains the value without its users.
        let reason = Configuration::without_secrets(&error.to_string()).into_owned();
        SettingsError::File { key: MASTER.key(), reason }
    };
    text.parse().map_err(wrong)
}

fn invalid(key: &'static str, config: &Configuration, reason: String) -> SettingsError {
    let value = Configuration::shown(key, config.get(key).unwrap_or_default());
    SettingsError::Value { key, value: value.into_owned(), reason }
}
