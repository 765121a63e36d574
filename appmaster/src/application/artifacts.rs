//! What workers need: collected, hashed and served.

use std::sync::Arc;

use fetcher_formats::{Digest, Kind, Manifest};
use fetcher_server::{Artifact, ArtifactServer, BuildOptions, Catalogue, ServerOptions};
use flink::options::mesos::EXECUTOR_JAVA_HOME;
use fs_err as fs;
use overlays::{
    overlay,
    worker::{self, ArtifactSource, WorkerSpec},
};
use scheduler::{
    core::origin::Origin,
    launch::{ExecutorDelivery, Template},
};
use tokio::task::spawn_blocking;

use super::{heartbeats, parts::Setup, self_check};
use crate::{
    console::Console,
    failure::Failure,
    persistent_cache,
    plan::Plan,
    settings::StateLocation,
    user_uris::{DownloadFolder, UserUris},
};

/// Hashes of what workers need, in the persistent cache.
const HASHES: &str = "hashes.json";

impl Setup {
    /// Fetches the users' own files: next to the durable state if that is a folder, otherwise into
    /// the working folder.
    pub(super) async fn user_uris(&self, console: &Console) -> Result<UserUris, Failure> {
        let (state, home) = (self.plan.settings.state.clone(), self.plan.home.path.clone());
        let here = Arc::clone(&self.lookup);
        let is_folder = matches!(state, StateLocation::Directory(_));
        let cache = spawn_blocking(move || {
            persistent_cache::folder(&state, &home, &*here).filter(|_| is_folder)
        });
        let downloads = match cache.await.map_err(Failure::other)? {
            Some(cache) => DownloadFolder {
                folder: cache.join("sources"),
                record: Some(cache.join("sources.json")),
            },
            None => DownloadFolder { folder: self.place.work.join("sources"), record: None },
        };
        UserUris::fetch(&self.plan.settings.workers.uris, downloads, &*self.lookup, console).await
    }

    /// Serves what workers need and makes the template of their tasks, with what these are started
    /// for. Secrets are written to a file below `work`.
    pub(super) async fn serve(
        &self,
        uris: &UserUris,
    ) -> Result<(ArtifactServer, Template, Origin), Failure> {
        let (worker, manifest, catalogue) = self.collect(uris).await?;
        let distribution =
            Some(shared_files(&manifest, self.cluster.runs_application()).to_string());
        let origin =
            Origin { distribution, manifest: Some(manifest.digest().to_string()), ..self.origin() };
        let server = self.artifact_server(manifest, catalogue).await?;
        let Plan { config, settings, trusted, .. } = &self.plan;
        let artifacts = ArtifactSource {
            urls: vec![server.url().to_owned()],
            trusted: trusted.artifacts.clone().unwrap_or_default(),
            ..ArtifactSource::of(
                server.manifest().to_string(),
                server.secrets().map(|digest| digest.to_string()),
            )
        };
        let workers = &settings.workers;
        let spec = WorkerSpec {
            artifacts: Some(artifacts),
            java_home: config.get(&EXECUTOR_JAVA_HOME).unwrap_or_default().to_owned(),
            links: uris.links.clone(),
            bootstrap_command: workers.bootstrap_command.clone(),
            task_manager_command: workers.task_manager_command.clone(),
            ..worker
        };
        let published = || {
            let binary = workers.executor_binary.clone();
            ExecutorDelivery::Fetched(server.publish_file("flink-mesos-executor", binary))
        };
        let template = Template {
            executor: workers.executor.clone().unwrap_or_else(published),
            variables: workers.executor_variables.clone(),
            user: workers.user.clone(),
            labels: workers.labels.clone(),
            kill_grace: workers.kill_grace.as_secs_f64(),
            limits: workers.limits.clone(),
            hostname: workers.hostname.clone(),
            container: workers.container.clone(),
            spec,
        };
        Ok((server, template, origin))
    }

    /// The artifact server, after a check that workers reach it.
    async fn artifact_server(
        &self,
        manifest: Manifest,
        catalogue: Catalogue,
    ) -> Result<ArtifactServer, Failure> {
        let Plan { settings, addresses, trusted, .. } = &self.plan;
        let (wanted, tls) = (&settings.artifact_server, settings.tls.artifacts.as_ref());
        let options = ServerOptions {
            bind: wanted.listen(addresses.bind),
            advertise: Some(wanted.host(&addresses.host).to_owned()),
            advertise_port: wanted.advertised_port,
            identity: tls.map(|endpoint| endpoint.identity.clone()),
            plain_published: wanted.listen_for_mesos(addresses.bind),
            peers_above: wanted.peers_above,
            plain_secrets: wanted.plain_secrets,
            ..ServerOptions::default()
        };
        let server =
            ArtifactServer::start(options, manifest, catalogue).await.map_err(Failure::usage)?;
        // Behind a translation of ports, we may not reach what workers do.
        let host = (wanted.advertised_port.is_none()).then(|| wanted.host(&addresses.host));
        self_check::artifacts(&server, host, trusted.artifacts.as_deref()).await?;
        Ok(server)
    }

    /// The description of a worker, and its files. Collected each time that this application master
    /// leads: files may have changed, and the JobManager's port is known only now.
    pub(super) async fn collect(
        &self,
        uris: &UserUris,
    ) -> Result<(WorkerSpec, Manifest, Catalogue), Failure> {
        let (home, mut config, state) =
            (self.plan.home.clone(), self.plan.config.clone(), self.plan.settings.state.clone());
        heartbeats::of_workers(&mut config, &state);
        let (lookup, secrets) = (self.lookup.clone(), self.place.work.join("secrets"));
        let collected = spawn_blocking(move || {
            let cache = persistent_cache::folder(&state, &home.path, &*lookup);
            let spec = overlay::collect(&home, &config, &*lookup).map_err(Failure::usage)?;
            fs::create_dir_all(&secrets).map_err(Failure::other)?;
            let (worker, files) =
                worker::template(spec, &home, &secrets).map_err(Failure::other)?;
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
