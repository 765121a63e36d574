//! The one pass over distribution, configuration and this machine.

use std::{path::PathBuf, sync::Arc};

use flink::{config::Configuration, home::FlinkHome, java::Java, options::mesos::JOB_MANAGER};
use mesos::master::MasterUrl;
use scheduler::core::state::State;
use tokio::task::{JoinError, spawn_blocking};

use super::{
    Job, Plan, Request, Trusted, application, configuration, folders, home, job::Check, processes,
    secrets, shipped, stored,
};
use crate::{
    address::{Addresses, Hosts, PortInUse, Ports},
    control::run_file,
    environment::Lookup,
    failure::Failure,
    job_file::ToolsJar,
    report::Report,
    settings::{self, Draft, StateLocation, is_external},
};

/// The address of the Mesos for a laptop; its port does not matter.
const MASTER_HERE: &str = "127.0.0.1";

/// What was found.
#[derive(Debug)]
pub struct Inspection {
    /// Errors, warnings and facts.
    pub report: Report,
    /// What was read; `None` if there is no readable configuration.
    pub found: Option<Box<Found>>,
}

/// What was read: a part is `None` if there is a problem in it.
#[derive(Debug)]
pub struct Found {
    /// The Flink distribution.
    pub(crate) home: FlinkHome,
    job: Option<Job>,
    tools: Option<ToolsJar>,
    /// The effective configuration.
    pub(crate) config: Configuration,
    /// Our own options.
    pub(crate) settings: Draft,
    /// The Mesos master.
    pub(crate) master: Option<MasterUrl>,
    /// For the Mesos for a laptop.
    pub(crate) is_local: bool,
    /// The java of this machine.
    pub(crate) java: Option<Java>,
    /// The folder of the JobManager's log.
    pub(crate) logs: PathBuf,
    /// The secrets that workers get: options, variables and files.
    secrets: Vec<String>,
    /// The host by which workers reach this machine.
    pub(crate) hosts: Option<Hosts>,
    /// The ports of this machine.
    pub(crate) ports: Option<Ports>,
    trusted: Option<Trusted>,
    /// The state, if it is in a folder of this machine.
    pub(crate) stored: Option<State>,
}

impl Inspection {
    /// Reads and checks everything. Fails only if the pass itself breaks down.
    pub async fn of(request: Request, lookup: Arc<Lookup>) -> Result<Self, JoinError> {
        let here = Arc::clone(&lookup);
        let read = spawn_blocking(move || {
            let mut report = Report::default();
            (Found::read(&request, &*here, &mut report).map(Box::new), report)
        });
        let (found, mut report) = read.await?;
        let Some(mut found) = found else { return Ok(Self { report, found: None }) };
        found.settle_addresses(&*lookup, &mut report).await;
        found.check_job_file(&*lookup, &mut report).await;
        let looked = spawn_blocking(move || {
            found.check_certificates(&mut report);
            found.look_at_state(&mut report);
            Self { report, found: Some(found) }
        });
        looked.await
    }

    /// What a start goes on with.
    ///
    /// # Errors
    /// All problems, if one of them is fatal.
    pub fn plan(self) -> Result<Plan, Failure> {
        let Self { report, found } = self;
        let found = found.filter(|_| !report.is_fatal());
        found.and_then(|found| found.plan(report.warnings())).ok_or_else(|| report.failure())
    }
}

impl Found {
    /// Reads distribution, configuration and options, and checks what does not depend on our
    /// addresses. Blocks.
    fn read(request: &Request, lookup: &Lookup, report: &mut Report) -> Option<Self> {
        let is_local = request.local;
        let home = home(request, report)?;
        report.fact(format!("Flink {} in {}", home.version, home.path.display()));
        let mut config = configuration(&home, request, report)?;
        report.forms(&config);
        let job = Job::of(request.job.as_ref(), &config, report);
        let is_external = is_external(&config);
        if is_external && job.is_some() {
            report.error(format!(
                "{JOB_MANAGER}: external: a job on a cluster of its own needs a JobManager of its own: remove \
                 the option, or start `flink-mesos session` and submit the job to the external JobManager"
            ));
        }
        let tools = job.as_ref().and_then(|job| job.add_our_classes(&mut config, report));
        let master = if is_local {
            MASTER_HERE.parse().ok()
        } else {
            report.setting(&config, settings::master(&config))
        };
        let settings = Draft::read(&config, &home.version, report);
        if let Some(workers) = &settings.workers {
            report.fact(workers.summary());
            if is_local && workers.container.is_some() {
                let hint = "the Mesos for a laptop has neither images nor volumes";
                report.error(format!("mesos.resourcemanager.tasks.container.*: {hint}"));
            }
        }
        let logs = folders::logs(&home, &config, lookup);
        let java = processes::check(&home, &config, &logs, lookup, report);
        let secrets = shipped::check(&home, &config, lookup, report);
        if !is_local {
            folders::check_ours((!is_external).then_some(&logs), &settings, report);
        }
        folders::check_plugins(&home, lookup, report);
        if !is_external {
            folders::check_job_managers(&config, report);
        }
        if let Some(obstacle) = run_file::obstacle(lookup) {
            report.warning(obstacle.advice());
        }
        if let Some(Job::Application(job)) = &job {
            application::check(job, &home, &config, java.as_ref(), report);
        }
        if let Some(job) = &job {
            application::check_savepoint(job.savepoint(), report);
        }
        Some(Self {
            home,
            job,
            tools,
            config,
            settings,
            master,
            is_local,
            java,
            logs,
            secrets,
            hosts: None,
            ports: None,
            trusted: None,
            stored: None,
        })
    }

    /// Checks the file of a job that is in one.
    async fn check_job_file(&self, lookup: &Lookup, report: &mut Report) {
        let Self { home, config, settings, .. } = self;
        if let (Some(job), Some(java)) = (&self.job, &self.java) {
            Check { home, java, config, settings }.file(job, lookup, report).await;
        }
    }

    /// Determines our hosts and ports, and whether workers would get their secrets there.
    async fn settle_addresses(&mut self, lookup: &Lookup, report: &mut Report) {
        let in_use = match &self.settings.state {
            _ if self.is_local => PortInUse::TakeAnother,
            Some(StateLocation::Memory) | None => PortInUse::Refuse,
            // An earlier application master may still be running.
            Some(_) => PortInUse::Later,
        };
        let Self { config, settings, master, .. } = self;
        self.hosts = Hosts::settle(config, master.as_ref(), lookup, report).await;
        self.ports = Ports::settle(config, settings, self.hosts.as_ref(), in_use, report).await;
        if let Some(hosts) = &self.hosts {
            secrets::check(&self.secrets, settings, &hosts.host, report).await;
        }
    }

    /// Checks that workers and clients would trust the servers that speak TLS. Blocks.
    fn check_certificates(&mut self, report: &mut Report) {
        if let Some(hosts) = &self.hosts {
            self.trusted = Trusted::read(&self.settings, &self.config, &hosts.host, report);
        }
    }

    /// Looks at the state of a cluster that would be taken over. Blocks.
    fn look_at_state(&mut self, report: &mut Report) {
        if !self.is_local {
            self.stored = stored::in_folder(&self.settings, report);
        }
    }

    /// The plan, if no part has a problem.
    fn plan(self, warnings: Vec<String>) -> Option<Plan> {
        let (settings, ports) = (self.settings.complete()?, self.ports?);
        let rest_tls = settings.tls.rest.is_some();
        Some(Plan {
            warnings,
            addresses: Addresses::new(self.hosts?, &ports, &self.config, rest_tls),
            home: self.home,
            job: self.job,
            _tools: self.tools,
            config: self.config,
            settings,
            master: self.master?,
            java: self.java?,
            logs: self.logs,
            ports,
            trusted: self.trusted?,
        })
    }
}
