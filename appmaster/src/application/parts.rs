//! The parts of an application master, created each time it leads.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use fetcher_server::ArtifactServer;
use flink::{
    config::Configuration,
    options::{
        flink::{JOBMANAGER_RPC_ADDRESS, JOBMANAGER_RPC_PORT},
        mesos::WEB_PORT,
    },
};
use mesos::{scheduler::SchedulerOptions, v1};
use nix::unistd::{User, geteuid};
use scheduler::{
    clock::Clock,
    core::{self, origin::Origin},
    driver,
    election::Leadership,
    launch::Template,
};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{Cluster, RunContext};
use crate::{
    address::in_url,
    clusters::{Announcement, LABEL},
    console::Console,
    control::{
        ControlOptions, ControlServer, Token,
        run_file::{RunFile, Running},
    },
    environment::Lookup,
    failure::Failure,
    job_manager::{JobManager, Supervision},
    plan::Plan,
    replacement::Replacement,
    settings::{ControlSettings, External, Settings, StateLocation},
    shell::{Identity, Parts},
    user_uris::UserUris,
};

/// How long the previous leader on this machine may take to release its ports.
pub(super) const PORTS: Duration = Duration::from_secs(15);

/// What stays the same while the application master runs.
pub(super) struct Setup {
    pub(super) cluster: Cluster,
    pub(super) plan: Plan,
    pub(super) lookup: Arc<Lookup>,
    pub(super) place: RunContext,
}

/// What a leader starts, apart from its connection to Mesos.
pub(super) struct Prepared {
    server: ArtifactServer,
    template: Template,
    origin: Origin,
    job_manager: Supervision,
    control: ControlServer,
    identity: Identity,
}

impl Setup {
    /// Does the slow work before it leads: fetches the users' own files, reports errors early and
    /// hashes the distribution. Later, only files changed since are hashed again.
    pub(super) async fn in_advance(&self, console: &Console) -> Result<UserUris, Failure> {
        let uris = self.user_uris(console).await?;
        self.collect(&uris).await?;
        self.job_manager().await?;
        Ok(uris)
    }

    /// Prepares everything that a leader starts, once the ports that may have been an earlier
    /// leader's are free.
    pub(super) async fn prepare(&self, uris: &UserUris) -> Result<Prepared, Failure> {
        self.plan.ports.until_free(PORTS).await.map_err(Failure::usage)?;
        let (server, template, origin) = self.serve(uris).await?;
        let job_manager = self.with_log(self.job_manager().await?).await?;
        let identity = self.identity().await?;
        let control = self.control(&identity).await?;
        Ok(Prepared { server, template, origin, job_manager, control, identity })
    }

    /// Claims the log of a JobManager of our own.
    async fn with_log(&self, job_manager: Supervision) -> Result<Supervision, Failure> {
        match job_manager {
            Supervision::Own(own) => Ok(Supervision::Own(self.with_own_log(own).await?)),
            external @ Supervision::External(_) => Ok(external),
        }
    }

    /// Claims the log of this JobManager of our own.
    pub(super) async fn with_own_log(
        &self,
        mut own: Box<JobManager>,
    ) -> Result<Box<JobManager>, Failure> {
        let port = self.plan.addresses.rest.as_ref().map_or(0, |rest| rest.port);
        let claimed = spawn_blocking(move || own.take_log(port).map(|()| own)).await;
        claimed.map_err(Failure::other)?.map_err(|e| {
            Failure::usage(anyhow!(
                "the JobManager cannot log: {e}; set FLINK_LOG_DIR or env.log.dir to a folder that can be written"
            ))
        })
    }

    /// The URL of the web page, unless only ZooKeeper knows it.
    pub(super) fn web(&self) -> Option<String> {
        let Plan { addresses, settings, .. } = &self.plan;
        match &settings.external {
            None => addresses.rest.as_ref().map(|rest| rest.web.clone()),
            Some(External::At(url)) => Some(url.clone()),
            Some(External::Elected(_)) => None,
        }
    }

    /// All parts, ready to be started.
    pub(super) fn parts(
        self: &Arc<Self>,
        prepared: Prepared,
        leadership: Leadership,
        replacement: Option<Replacement>,
    ) -> Parts {
        let Prepared { server, template, origin, job_manager, control, identity } = prepared;
        let Settings { framework, workers, .. } = &self.plan.settings;
        let core = core::Settings {
            origin: Arc::new(origin),
            registration: framework.registration(),
            ..workers.core.clone()
        };
        let issue_token = server.token_issuer();
        leadership.announce(self.announcement(&identity, control.url()));
        Parts {
            driver: driver::Parts {
                options: self.scheduler_options(),
                framework: labelled(self.framework(), control.url()),
                core,
                least_offer: framework.least_offer.clone(),
                leadership,
                forget_framework: framework.forgotten.clone(),
                template,
                issue_token: Box::new(move |worker| {
                    issue_token(worker.as_str()).expose().to_owned()
                }),
            },
            scaling: workers.scaling.clone(),
            server,
            stopped: self.cluster.stopped(),
            runs: self.cluster.runs(),
            web: self.web(),
            job_manager,
            control,
            identity,
            local_mesos: self.place.mesos.clone(),
            from_savepoint: self.from_savepoint(),
            replacement,
        }
    }

    /// What TaskManagers are started for from now on, without the digests of their files.
    pub(super) fn origin(&self) -> Origin {
        let Plan { home, config, settings, addresses, .. } = &self.plan;
        let flink = home.version.to_string();
        let host = config.get(&JOBMANAGER_RPC_ADDRESS).unwrap_or(&addresses.host);
        Origin { flink, ..origin(config, host, &settings.state) }
    }

    /// How to reach the master.
    pub(super) fn scheduler_options(&self) -> SchedulerOptions {
        let framework = &self.plan.settings.framework;
        SchedulerOptions {
            credential: framework.credential.clone(),
            offer_constraints: framework.offer_constraints.clone(),
            ..SchedulerOptions::new(self.plan.master.clone())
        }
    }

    /// Our framework, as registered with the master.
    pub(super) fn framework(&self) -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            hostname: Some(self.plan.addresses.host.clone()),
            webui_url: self.web(),
            ..self.plan.settings.framework.info.clone()
        }
    }

    /// Where commands on other machines find the leader.
    fn announcement(&self, identity: &Identity, control: &str) -> Vec<u8> {
        let addresses = &self.plan.addresses;
        let announcement = Announcement {
            cluster: identity.name.clone(),
            control: control.to_owned(),
            host: addresses.host.clone(),
            web: self.web(),
            user: identity.user.clone(),
            since: Clock::start().now().0,
        };
        serde_json::to_vec(&announcement).unwrap_or_default()
    }

    async fn identity(&self) -> Result<Identity, Failure> {
        let user = geteuid();
        // The user may be in a directory on the network.
        let found = spawn_blocking(move || User::from_uid(user).ok().flatten()).await;
        let found = found.map_err(Failure::other)?;
        Ok(Identity {
            name: self.plan.settings.framework.info.name.clone(),
            user: found.map_or_else(|| user.to_string(), |user| user.name),
            flink: self.plan.home.version.to_string(),
        })
    }

    /// The control API, and the run file with which our own commands find it.
    async fn control(&self, identity: &Identity) -> Result<ControlServer, Failure> {
        let Plan { settings, addresses, trusted, .. } = &self.plan;
        let ControlSettings { bind, address, port, token, view_token } = settings.control.clone();
        let token = token.map_or_else(Token::random, Ok).map_err(Failure::other)?;
        let tls = match settings.tls.control.clone() {
            None => None,
            Some(endpoint) => {
                let read = spawn_blocking(move || endpoint.server_config())
                    .await
                    .map_err(Failure::other)?;
                Some(read.map_err(Failure::usage)?)
            }
        };
        let name = addresses.host.clone();
        let token_of_file = token.clone();
        let options = ControlOptions { bind, token, view_token, name, address, port, tls };
        let server = ControlServer::start(options).await;
        let mut server = server
            .map_err(|e| Failure::usage(anyhow!("{WEB_PORT}: cannot listen on {bind}: {e}")))?;
        let mut running = Running::here(
            server.local_url(),
            server.url().to_owned(),
            &token_of_file,
            trusted.control.clone(),
            identity.name.clone(),
        );
        running.user = Some(identity.user.clone());
        running.web = self.web();
        running.since = Some(Clock::start().now().0);
        let lookup = self.lookup.clone();
        match spawn_blocking(move || RunFile::write(&running, &*lookup))
            .await
            .map_err(Failure::other)?
        {
            Ok(file) => server.keep(file),
            Err(error) => warn!("{}", error.advice()),
        }
        Ok(server)
    }
}

/// The framework with the address of its control API, for commands on other machines.
fn labelled(framework: v1::FrameworkInfo, control: &str) -> v1::FrameworkInfo {
    let label = v1::Label { key: LABEL.to_owned(), value: Some(control.to_owned()) };
    v1::FrameworkInfo { labels: Some(v1::Labels { labels: vec![label] }), ..framework }
}

/// How TaskManagers reach the JobManager on this host.
fn origin(config: &Configuration, host: &str, state: &StateLocation) -> Origin {
    let job_manager = match state {
        StateLocation::ZooKeeper(_) => "where ZooKeeper says".to_owned(),
        StateLocation::Memory | StateLocation::Directory(_) => {
            format!("{}:{}", in_url(host), config.read(&JOBMANAGER_RPC_PORT).unwrap_or_default())
        }
    };
    Origin { job_manager, tls: flink::tls::rpc(config).ok(), ..Origin::default() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    #[test]
    fn a_worker_is_known_to_speak_tls_by_the_older_option_too_which_flink_2_ignores() {
        for (version, key, expected) in [
            ("1.18.1", "security.ssl.enabled", true),
            ("1.20.5", "security.ssl.internal.enabled", true),
            ("2.3.0", "security.ssl.internal.enabled", true),
            ("2.3.0", "security.ssl.enabled", false),
        ] {
            let mut config = Configuration::new();
            config.read_as(version.parse().unwrap());
            for (key, value) in [(key, "true"), ("jobmanager.rpc.port", "6123")] {
                config.set(key, value, Source::DynamicProperty);
            }
            let origin = origin(&config, "::1", &StateLocation::Memory);
            let found = (origin.job_manager.as_str(), origin.tls);
            assert_eq!(found, ("[::1]:6123", Some(expected)), "{version} {key}");
        }
    }
}
