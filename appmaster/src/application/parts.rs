//! The parts of an application master, created each time it leads: collects and serves what workers
//! need, and makes the JobManager's command.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use fetcher_formats::{Digest, Kind, Manifest};
use fetcher_server::{Artifact, ArtifactServer, BuildOptions, Catalogue, ServerOptions};
use flink::{
    command::{self, Directories},
    config::{Configuration, Source},
    options::{
        flink::{JOBMANAGER_RPC_PORT, SECURITY_SSL_INTERNAL_ENABLED},
        mesos::{CONTROL_PORT, EXECUTOR_JAVA_HOME, TASK_MANAGER_VARIABLE},
    },
};
use fs_err as fs;
use mesos::{scheduler::SchedulerOptions, v1};
use overlays::{
    overlay,
    worker::{self, ArtifactSource, WorkerSpec},
};
use scheduler::{
    core::{self, origin::Origin},
    driver,
    election::Leadership,
    launch::{ExecutorDelivery, Template},
};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{Cluster, RunContext, Trusted, heartbeats, self_check};
use crate::{
    address::{self, Addresses},
    control::{
        ControlOptions, ControlServer, Token,
        run_file::{RunFile, Running},
    },
    failure::Failure,
    flink_rest::{FlinkRest, INSTANCE},
    job_manager::{JobManager, logs},
    persistent_cache,
    plan::{Lookup, Plan},
    settings::{ControlSettings, StateLocation},
    shell::Parts,
    user_uris::UserUris,
};

/// Hashes of what workers need, in the persistent cache.
const HASHES: &str = "hashes.json";

/// How long the previous leader on this machine may take to release its ports.
pub(super) const PORTS: Duration = Duration::from_secs(15);

/// What stays the same while the application master runs.
pub(super) struct Setup {
    pub(super) cluster: Cluster,
    pub(super) plan: Plan,
    pub(super) lookup: Arc<Lookup>,
    pub(super) addresses: Addresses,
    pub(super) trusted: Trusted,
    pub(super) place: RunContext,
}

impl Setup {
    /// Reports errors early and hashes the distribution: later, only files changed since are hashed
    /// again.
    pub(super) async fn prepare(&self, uris: &UserUris) -> Result<(), Failure> {
        self.collect(uris).await?;
        self.job_manager().await.map(drop)
    }

    /// Waits until the configured ports of the parts are free.
    pub(super) async fn until_ports_are_free(&self) -> Result<(), Failure> {
        address::until_free(&self.plan.config, self.addresses.bind, PORTS)
            .await
            .map_err(Failure::usage)
    }

    /// All parts, ready to be started.
    pub(super) async fn parts(
        &self,
        uris: &UserUris,
        leadership: Leadership,
    ) -> Result<Parts, Failure> {
        let (server, template, origin) = self.serve(uris).await?;
        let (mut job_manager, port) = (self.job_manager().await?, self.addresses.rest_port);
        let job_manager =
            spawn_blocking(move || job_manager.take_log(port).map(|()| job_manager)).await;
        let job_manager = job_manager.map_err(Failure::other)?.map_err(|e| {
            Failure::usage(anyhow!(
                "the JobManager cannot log: {e}; set FLINK_LOG_DIR or env.log.dir to a folder that can be written"
            ))
        })?;
        let plan = &self.plan;
        let issue_token = server.token_issuer();
        Ok(Parts {
            driver: driver::Parts {
                options: self.scheduler_options(),
                framework: self.framework(),
                core: core::Settings { origin: Arc::new(origin), ..plan.settings.core.clone() },
                least_offer: plan.settings.least_offer.clone(),
                leadership,
                forget_framework: plan.settings.forget_framework.clone(),
                template,
                issue_token: Box::new(move |worker| {
                    issue_token(worker.as_str()).expose().to_owned()
                }),
            },
            workers: plan.settings.workers,
            server,
            stopped: self.cluster.stopped(),
            job_manager,
            control: self.control().await?,
        })
    }

    /// What TaskManagers are started for from now on, without the digests of their files.
    fn origin(&self) -> Origin {
        let (config, host) = (&self.plan.config, &self.addresses.host);
        let job_manager = match &self.plan.settings.state {
            StateLocation::ZooKeeper(_) => "where ZooKeeper says".to_owned(),
            StateLocation::Memory | StateLocation::Directory(_) => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let is_tls = config.read(&SECURITY_SSL_INTERNAL_ENABLED).unwrap_or_default();
                let scheme = if is_tls { "ssl://" } else { "" };
                format!("{scheme}{host}:{}", config.get(&JOBMANAGER_RPC_PORT).unwrap_or_default())
            }
        };
        Origin { flink: self.plan.home.version.to_string(), job_manager, ..Origin::default() }
    }

    /// How to reach the master.
    pub(super) fn scheduler_options(&self) -> SchedulerOptions {
        SchedulerOptions {
            credential: self.plan.settings.credential.clone(),
            offer_constraints: self.plan.settings.offer_constraints.clone(),
            ..SchedulerOptions::new(self.place.master.clone())
        }
    }

    /// Our framework, as registered with the master.
    pub(super) fn framework(&self) -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            hostname: Some(self.addresses.host.clone()),
            webui_url: Some(self.addresses.web()),
            ..self.plan.settings.framework.clone()
        }
    }

    /// The control API, and the run file with which our own commands find it.
    async fn control(&self) -> Result<ControlServer, Failure> {
        let Self { plan, addresses, .. } = self;
        let ControlSettings { bind, token } = plan.settings.control.clone();
        let token = token.map_or_else(Token::random, Ok).map_err(Failure::other)?;
        let endpoint = plan.settings.tls.control.clone();
        let tls = match endpoint {
            None => None,
            Some(endpoint) => {
                let read = spawn_blocking(move || endpoint.server_config())
                    .await
                    .map_err(Failure::other)?;
                Some(read.map_err(Failure::usage)?)
            }
        };
        let options =
            ControlOptions { bind, token: token.clone(), name: addresses.host.clone(), tls };
        let server = ControlServer::start(options).await;
        let mut server = server
            .map_err(|e| Failure::usage(anyhow!("{CONTROL_PORT}: cannot listen on {bind}: {e}")))?;
        let authorities = self.trusted.control.clone();
        let cluster = plan.settings.framework.name.clone();
        let running = Running::here(
            server.local_url(),
            server.url().to_owned(),
            &token,
            authorities,
            cluster,
        );
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

    /// Serves what workers need and makes the template of their tasks, with what these are started
    /// for. Secrets are written to a file below `work`.
    async fn serve(&self, uris: &UserUris) -> Result<(ArtifactServer, Template, Origin), Failure> {
        let Self { plan, addresses, trusted, .. } = self;
        let (worker, manifest, catalogue) = self.collect(uris).await?;
        let distribution =
            Some(shared_files(&manifest, self.cluster.runs_application()).to_string());
        let origin =
            Origin { distribution, manifest: Some(manifest.digest().to_string()), ..self.origin() };
        let wanted = &plan.settings.artifact_server;
        let options = ServerOptions {
            bind: wanted.listen(addresses.bind),
            advertise: Some(wanted.host(&addresses.host).to_owned()),
            identity: plan
                .settings
                .tls
                .artifacts
                .as_ref()
                .map(|endpoint| endpoint.identity.clone()),
            plain_published: wanted.listen_for_mesos(addresses.bind),
            peers_above: wanted.peers_above,
            plain_secrets: wanted.plain_secrets,
            ..ServerOptions::default()
        };
        let server =
            ArtifactServer::start(options, manifest, catalogue).await.map_err(Failure::usage)?;
        self_check::artifacts(&server, wanted.host(&addresses.host), trusted.artifacts.as_deref())
            .await?;
        let artifacts = ArtifactSource {
            urls: vec![server.url().to_owned()],
            trusted: trusted.artifacts.clone().unwrap_or_default(),
            ..ArtifactSource::of(
                server.manifest().to_string(),
                server.secrets().map(|digest| digest.to_string()),
            )
        };
        let java_home = plan.config.get(&EXECUTOR_JAVA_HOME).unwrap_or_default().to_owned();
        let links = uris.links.clone();
        let settings = &plan.settings;
        let worker = WorkerSpec {
            artifacts: Some(artifacts),
            java_home,
            links,
            bootstrap_command: settings.bootstrap_command.clone(),
            task_manager_command: settings.task_manager_command.clone(),
            ..worker
        };
        let published = || {
            ExecutorDelivery::Fetched(
                server.publish_file("flink-mesos-executor", plan.executor.clone()),
            )
        };
        let template = Template {
            executor: settings.executor.clone().unwrap_or_else(published),
            variables: settings.executor_variables.clone(),
            user: settings.task_user.clone(),
            labels: settings.labels.clone(),
            kill_grace: settings.kill_grace.as_secs_f64(),
            limits: settings.limits.clone(),
            hostname: settings.hostname.clone(),
            container: settings.container.clone(),
            spec: worker,
        };
        Ok((server, template, origin))
    }

    /// The description of a worker, its files, and the persistent cache.
    async fn collect(&self, uris: &UserUris) -> Result<(WorkerSpec, Manifest, Catalogue), Failure> {
        let (home, mut config, state) =
            (self.plan.home.clone(), self.plan.config.clone(), self.plan.settings.state.clone());
        heartbeats::of_workers(&mut config, &state);
        let (lookup, secrets) = (self.lookup.clone(), self.place.work.join("secrets"));
        let collected = spawn_blocking(move || {
            let cache = persistent_cache::folder(&state, &home.path, &*lookup);
            let spec = overlay::collect(&home, &config, &*lookup).map_err(Failure::usage)?;
            fs::create_dir_all(&secrets).map_err(Failure::other)?;
            let (worker, files) =
                worker::template(&spec, &home, &secrets).map_err(Failure::other)?;
            Ok::<_, Failure>((worker, files, cache))
        });
        let (worker, files, cache) = collected.await.map_err(Failure::other)??;
        let artifacts = files.into_iter().map(|file| Artifact {
            source: file.source,
            target: file.target,
            executable: file.executable,
            secret: file.secret,
        });
        let artifacts = artifacts.chain(uris.artifacts.iter().cloned()).collect();
        let hash_cache = cache.map(|folder| folder.join(HASHES));
        let build = BuildOptions { archives: uris.archives.clone(), hash_cache };
        let (manifest, catalogue) =
            fetcher_server::build_with(artifacts, build).await.map_err(Failure::other)?;
        Ok((worker, manifest, catalogue))
    }

    /// Writes the JobManager's configuration and makes its command.
    async fn job_manager(&self) -> Result<JobManager, Failure> {
        let Self { cluster, plan, lookup, addresses, trusted, place } = self;
        let folder = place.work.join("jobmanager");
        let directories = Directories {
            conf: folder.join("conf"),
            log: place.log.clone(),
            tmp: folder.join("tmp"),
        };
        let instance = instance();
        let mut config = for_job_manager(&plan.config, &instance);
        heartbeats::of_job_manager(&mut config, &plan.settings.state);
        let (home, java, lookup) = (plan.home.clone(), plan.java.clone(), lookup.clone());
        // The command depends on options that the JobManager's own configuration leaves out: the
        // paths of the application's jars.
        let whole = plan.config.clone();
        let runs_application = cluster.runs_application();
        let cluster = cluster.clone();
        let job_manager_config = config.clone();
        let prepared = spawn_blocking(move || {
            command::prepare(&home, &config, &directories)?;
            cluster.command(&home, &java, &whole, &directories, &*lookup)
        });
        let command =
            prepared.await.map_err(Failure::other)?.map_err(|e| Failure::usage(anyhow!(e)))?;
        let rest = FlinkRest::new(addresses.web_here(), instance, trusted.rest.as_deref())
            .map_err(Failure::other)?;
        Ok(JobManager {
            command,
            runs_application,
            resumes: matches!(plan.settings.state, StateLocation::ZooKeeper(_)),
            config: job_manager_config,
            log: place.log.clone(),
            log_name: logs::USUAL.to_owned(),
            log_lock: None,
            work_lock: place.work_lock.clone(),
            rest,
            web: addresses.web(),
        })
    }
}

/// The digest of the files that a TaskManager must share with its JobManager: those on both class
/// paths.
fn shared_files(manifest: &Manifest, runs_application: bool) -> Digest {
    let is_shared = |path: &str| {
        path.starts_with("lib/")
            || path.starts_with("plugins/")
            || (runs_application && path.starts_with("usrlib/"))
    };
    let shared = manifest.entries().iter().filter(|entry| is_shared(entry.path.as_str()));
    let lines = shared.map(|entry| {
        let content = match &entry.kind {
            Kind::Link(target) => target.to_string(),
            Kind::File(blob) | Kind::Executable(blob) | Kind::Archive(_, blob) => {
                blob.digest.to_string()
            }
        };
        format!("{}\t{content}\n", entry.path)
    });
    Digest::of(lines.collect::<String>().as_bytes())
}

/// Prefixes of the keys that the JobManager's configuration leaves out.
const HIDDEN_PREFIXES: [&str; 3] =
    ["mesos.", "containerized.master.env.", TASK_MANAGER_VARIABLE.prefix()];

/// A unique name for a JobManager.
fn instance() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The JobManager's configuration. Its web page and its log show it to everyone, and it reads
/// nothing of `mesos.*`, which holds the access to Mesos and to the sources of users' files.
/// Variables of containers, which Flink does not read either, are left out too.
fn for_job_manager(config: &Configuration, instance: &str) -> Configuration {
    let mut job_manager_config = config.clone();
    for (key, _) in config
        .iter()
        .filter(|(key, _)| HIDDEN_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
    {
        job_manager_config.remove(key);
    }
    job_manager_config.set(
        INSTANCE,
        instance,
        Source::Computed("the application master, which knows its JobManager by it"),
    );
    job_manager_config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_managers_configuration_has_no_mesos_options() {
        let mut config = Configuration::new();
        for key in [
            "mesos.master",
            "mesos.control.token",
            "mesos.source.gs.credential",
            "containerized.master.env.X",
            "containerized.taskmanager.env.X",
            "rest.port",
        ] {
            config.set(key, "x", Source::DynamicProperty);
        }
        let job_manager_config = for_job_manager(&config, "7");
        assert_eq!(
            job_manager_config.iter().collect::<Vec<_>>(),
            [("rest.port", "x"), (INSTANCE, "7")]
        );
    }
}
