//! Puts the application master together: checks, starts its parts in order, and ends them all.

mod cluster;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use fetcher::{Artifact, ArtifactServer, BuildOptions, ServerOptions, cache::PATH_VARIABLE};
use fs_err as fs;
use mesos::{
    local::{LocalCluster, LocalOptions},
    master::MasterUrl,
    scheduler::SchedulerOptions,
};
use overlays::{
    command::{self, Directories},
    overlay,
    worker::{self, ArtifactSource, WorkerSpec},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

pub use self::cluster::Cluster;
use crate::{
    address::{self, Addresses, PortInUse},
    console::Console,
    control::ControlServer,
    election::Leadership,
    failure::Failure,
    flink_rest::FlinkRest,
    job_manager::JobManager,
    kept,
    launch::{ExecutorDelivery, Template},
    plan::{Lookup, Plan, Request},
    settings::{self, Endpoint, SHUTDOWN_GRACE, Settings, SettingsError, StateLocation},
    shell::{Outcome, Parts, Shell, Signals},
    store::{FileStore, Store, fresh_state},
    user_uris::{Room, UserUris},
};

/// Hashes of what workers need, in the folder of what is kept.
const HASHES: &str = "hashes.json";

/// Brings up a cluster on the Mesos that the configuration names, and keeps it up.
pub async fn on_mesos(
    cluster: Cluster,
    request: Request,
    lookup: Arc<Lookup>,
    console: Console,
) -> Result<(), Failure> {
    let plan = make_plan(request, &lookup).await?;
    let master = settings::master(&plan.config).map_err(Failure::usage)?;
    let work = TempDir::with_prefix("flink-mesos-").context("cannot make a working folder").map_err(Failure::other)?;
    let default_log = || plan.home.path.join("log");
    let log = lookup("FLINK_LOG_DIR").or_else(|| plan.config.get("env.log.dir").map(str::to_owned));
    let log = log.map_or_else(default_log, PathBuf::from);
    let place = Place { master, any_port: false, work: work.path().to_owned(), log };
    Box::pin(run(cluster, plan, &lookup, console, place)).await
}

/// Brings up a cluster on a Mesos inside this process, and keeps it up.
pub async fn local(
    cluster: Cluster,
    request: Request,
    work_dir: Option<PathBuf>,
    lookup: Arc<Lookup>,
    console: Console,
) -> Result<(), Failure> {
    let plan = make_plan(request, &lookup).await?;
    let (work, temporary) = work_folder(work_dir)?;
    let mesos = LocalCluster::start(local_options(&plan, &work, &*lookup)).await.map_err(Failure::other)?;
    let place = Place {
        master: mesos.master().parse().map_err(Failure::other)?,
        any_port: true,
        log: work.join("jobmanager").join("log"),
        work: work.clone(),
    };
    let ended = Box::pin(run(cluster, plan, &lookup, console, place)).await;
    mesos.shutdown().await;
    match (&ended, temporary) {
        (Err(_), Some(folder)) => eprint_kept(&folder.keep()),
        (Ok(()), Some(folder)) => {
            // Sandboxes are large and hold read-only files; what cannot be removed is only a leftover.
            _ = spawn_blocking(move || folder.close()).await;
        }
        (_, None) => {}
    }
    ended
}

async fn make_plan(request: Request, lookup: &Arc<Lookup>) -> Result<Plan, Failure> {
    let lookup = lookup.clone();
    spawn_blocking(move || Plan::make(&request, &*lookup)).await.map_err(Failure::other)?
}

fn work_folder(wanted: Option<PathBuf>) -> Result<(PathBuf, Option<TempDir>), Failure> {
    if let Some(path) = wanted {
        fs::create_dir_all(&path).map_err(Failure::usage)?;
        return Ok((fs::canonicalize(path).map_err(Failure::usage)?, None));
    }
    let folder =
        TempDir::with_prefix("flink-mesos-").context("cannot make a working folder").map_err(Failure::other)?;
    Ok((folder.path().to_owned(), Some(folder)))
}

#[expect(clippy::print_stderr, reason = "the last word to a person at the end of a failed run")]
fn eprint_kept(folder: &Path) {
    eprintln!("Logs and sandboxes are kept in {}", folder.display());
}

/// An agent with room for all the workers, whatever this machine has: its resources are counted, not enforced.
fn local_options(plan: &Plan, work: &Path, lookup: &Lookup) -> LocalOptions {
    let demand = &plan.settings.core.demand;
    let room = |name: &str| (demand.total(name) * (plan.settings.workers + 1) as f64).ceil();
    // On this machine the workers find java and Hadoop where we do.
    let names = ["JAVA_HOME", "PATH", "HADOOP_CLASSPATH", "HADOOP_CONF_DIR"];
    let inherited = names.into_iter().filter_map(|name| Some((name.to_owned(), lookup(name)?)));
    let cache = lookup(PATH_VARIABLE).unwrap_or_else(|| work.join("cache").display().to_string());
    let normal = LocalOptions::default();
    LocalOptions {
        cpus: room("cpus").max(normal.cpus),
        mem_mb: room("mem").max(normal.mem_mb),
        disk_mb: room("disk").max(normal.disk_mb),
        work_dir: work.join("mesos"),
        executor_environment: inherited.chain([(PATH_VARIABLE.to_owned(), cache)]).collect(),
        ..normal
    }
}

struct Place {
    master: MasterUrl,
    any_port: bool,
    work: PathBuf,
    log: PathBuf,
}

/// Leads as often as it may, until the cluster ends.
async fn run(
    cluster: Cluster,
    mut plan: Plan,
    lookup: &Arc<Lookup>,
    console: Console,
    place: Place,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let in_use = match place.any_port {
        true => PortInUse::TakeAnother,
        // There may have been an application master before us.
        false if plan.settings.is_durable() => PortInUse::Wait(Duration::from_secs(15)),
        false => PortInUse::Refuse,
    };
    let settled = address::settle(&mut plan.config, &place.master, &**lookup, in_use).await;
    let addresses = settled.map_err(Failure::usage)?;
    let trusted = Trusted::read(&plan.settings, &addresses).await?;
    for warning in &plan.warnings {
        console.tell("warning", &format!("Warning: {warning}"), json!({ "warning": warning }));
    }
    let text = format!(
        "Flink {} with Java {}; JobManager logs in {}",
        plan.home.version,
        plan.java.version,
        place.log.display()
    );
    let fields = json!({ "flink": plan.home.version.to_string(), "java": plan.java.version, "logs": place.log });
    console.tell("starting", &text, fields);
    let mut uris = None;
    let outcome = loop {
        let leadership = tokio::select! {
            leadership = lead(&plan.settings, &console) => leadership?,
            () = signals.any() => break Outcome::Stopped,
        };
        // Once, and not before it is certain that nobody else uses the same folder.
        let uris = match &mut uris {
            Some(uris) => uris,
            none => none.insert(tokio::select! {
                uris = user_uris(&plan, lookup, &place.work, &console) => uris?,
                () = signals.any() => break Outcome::Stopped,
            }),
        };
        let parts = parts(&cluster, &plan, lookup, &addresses, &trusted, uris, &place, leadership).await?;
        match Shell::start(parts, &console).await?.run(&mut signals).await? {
            Outcome::Deposed => console.tell("deposed", "Another application master may lead now.", json!({})),
            outcome => break outcome,
        }
    };
    console.tell("stopped", "Stopped.", json!({}));
    cluster.verdict(outcome)
}

/// In PEM, those who vouch for servers that speak TLS.
struct Trusted {
    rest: Option<String>,
    artifacts: Option<String>,
}

impl Trusted {
    /// Reads them, and looks whether they really vouch for the servers under the names these are known by.
    async fn read(settings: &Settings, addresses: &Addresses) -> Result<Self, Failure> {
        let (tls, host) = (settings.tls.clone(), addresses.host.clone());
        let artifacts_host = settings.artifact_server.host(&host).to_owned();
        let read = spawn_blocking(move || {
            let pem = |endpoint: Option<Endpoint>, host: &str| {
                endpoint.map(|endpoint| endpoint.trusted(host).map(|trust| trust.to_pem())).transpose()
            };
            Ok(Self { rest: pem(tls.rest, &host)?, artifacts: pem(tls.artifacts, &artifacts_host)? })
        });
        read.await.map_err(Failure::other)?.map_err(|error: SettingsError| Failure::usage(error))
    }
}

/// Fetches the users' own files: beside the durable state where that is a folder, else into the working folder.
async fn user_uris(plan: &Plan, lookup: &Arc<Lookup>, work: &Path, console: &Console) -> Result<UserUris, Failure> {
    let (state, home, here) = (plan.settings.state.clone(), plan.home.path.clone(), lookup.clone());
    let is_folder = matches!(state, StateLocation::Directory(_));
    let kept = spawn_blocking(move || kept::folder(&state, &home, &*here).filter(|_| is_folder));
    let room = match kept.await.map_err(Failure::other)? {
        Some(kept) => Room { folder: kept.join("sources"), record: Some(kept.join("sources.json")) },
        None => Room { folder: work.join("sources"), record: None },
    };
    UserUris::fetch(&plan.settings.uris, room, &**lookup, console).await
}

/// Waits until we may act for the cluster; without ZooKeeper that is at once.
async fn lead(settings: &Settings, console: &Console) -> Result<Leadership, Failure> {
    match &settings.state {
        StateLocation::Memory => Ok(Leadership::undisputed(Store::Memory, fresh_state())),
        StateLocation::Directory(directory) => {
            let (store, state) = FileStore::open(directory).map_err(Failure::other)?;
            Ok(Leadership::undisputed(Store::File(store), state))
        }
        StateLocation::ZooKeeper(zookeeper) => {
            Ok(zookeeper.lead(|text| console.tell("standby", text, json!({}))).await)
        }
    }
}

async fn parts(
    cluster: &Cluster,
    plan: &Plan,
    lookup: &Arc<Lookup>,
    addresses: &Addresses,
    trusted: &Trusted,
    uris: &UserUris,
    place: &Place,
    leadership: Leadership,
) -> Result<Parts, Failure> {
    let (server, template) = serve(plan, lookup, addresses, trusted, uris, &place.work).await?;
    let job_manager = job_manager(cluster, plan, lookup, addresses, trusted, place).await?;
    let mut framework = plan.settings.framework.clone();
    framework.hostname = Some(addresses.host.clone());
    framework.webui_url = Some(addresses.web());
    let credential = plan.settings.credential.clone();
    Ok(Parts {
        options: SchedulerOptions {
            credential,
            offer_constraints: plan.settings.offer_constraints.clone(),
            ..SchedulerOptions::new(place.master.clone())
        },
        framework,
        core: plan.settings.core.clone(),
        workers: plan.settings.workers,
        leadership,
        server,
        template,
        job_manager,
        control: control(plan, addresses).await?,
    })
}

/// The operator's API: on this machine alone, unless there is a token.
async fn control(plan: &Plan, addresses: &Addresses) -> Result<ControlServer, Failure> {
    let token = plan.config.get("mesos.control.token").map(str::to_owned);
    let host = if token.is_some() { addresses.bind } else { Ipv4Addr::LOCALHOST.into() };
    let address = SocketAddr::new(host, plan.settings.control_port);
    let server = ControlServer::start(address, token).await;
    server.map_err(|e| Failure::usage(anyhow!("mesos.control.port: cannot listen at {address}: {e}")))
}

/// Serves what workers need and makes the template of their tasks. Secrets become a file below `work`.
async fn serve(
    plan: &Plan,
    lookup: &Arc<Lookup>,
    addresses: &Addresses,
    trusted: &Trusted,
    uris: &UserUris,
    work: &Path,
) -> Result<(ArtifactServer, Template), Failure> {
    let (home, config, lookup, secrets) =
        (plan.home.clone(), plan.config.clone(), lookup.clone(), work.join("secrets"));
    let state = plan.settings.state.clone();
    let collected = spawn_blocking(move || {
        let kept = kept::folder(&state, &home.path, &*lookup);
        let spec = overlay::collect(&home, &config, &*lookup).map_err(Failure::usage)?;
        fs::create_dir_all(&secrets).map_err(Failure::other)?;
        let (worker, files) = worker::template(&spec, &home, &secrets).map_err(Failure::other)?;
        Ok((worker, files, kept))
    });
    let (worker, files, kept) = collected.await.map_err(Failure::other)??;
    let artifacts = files.into_iter().map(|file| Artifact {
        source: file.source,
        target: file.target,
        executable: file.executable,
        secret: file.secret,
    });
    let hash_cache = kept.as_ref().map(|folder| folder.join(HASHES));
    let artifacts = artifacts.chain(uris.artifacts.iter().cloned()).collect();
    let build = BuildOptions { archives: uris.archives.clone(), hash_cache };
    let (manifest, catalogue) = fetcher::build_with(artifacts, build).await.map_err(Failure::other)?;
    let wanted = &plan.settings.artifact_server;
    let options = ServerOptions {
        bind: wanted.listen(addresses.bind),
        advertise: Some(wanted.host(&addresses.host).to_owned()),
        identity: plan.settings.tls.artifacts.as_ref().map(|endpoint| endpoint.identity.clone()),
        plain_published: wanted.listen_for_mesos(addresses.bind),
        peers_above: wanted.peers_above,
        plain_secrets: wanted.plain_secrets,
        ..ServerOptions::default()
    };
    let server = ArtifactServer::start(options, manifest, catalogue).await.map_err(Failure::usage)?;
    let artifacts = ArtifactSource {
        urls: vec![server.url().to_owned()],
        manifest: server.manifest().to_string(),
        token: String::new(),
        trusted: trusted.artifacts.clone().unwrap_or_default(),
    };
    let java_home = plan.config.get("mesos.executor.java-home").unwrap_or_default().to_owned();
    let links = uris.links.clone();
    let worker = WorkerSpec { artifacts: Some(artifacts), java_home, links, ..worker };
    let settings = &plan.settings;
    let published = || ExecutorDelivery::Fetched(server.publish_file("flink-mesos-executor", plan.executor.clone()));
    let template = Template {
        executor: settings.executor.clone().unwrap_or_else(published),
        user: settings.task_user.clone(),
        labels: settings.labels.clone(),
        shutdown_grace: SHUTDOWN_GRACE.as_secs_f64(),
        hostname: settings.hostname.clone(),
        spec: worker,
    };
    Ok((server, template))
}

/// Writes the JobManager's configuration and makes its command.
async fn job_manager(
    cluster: &Cluster,
    plan: &Plan,
    lookup: &Arc<Lookup>,
    addresses: &Addresses,
    trusted: &Trusted,
    place: &Place,
) -> Result<JobManager, Failure> {
    let folder = place.work.join("jobmanager");
    let directories = Directories { conf: folder.join("conf"), log: place.log.clone(), tmp: folder.join("tmp") };
    // Its page shows its configuration to everybody.
    let config = settings::without_sources(&plan.config);
    let (home, java, lookup) = (plan.home.clone(), plan.java.clone(), lookup.clone());
    let runs_application = cluster.runs_application();
    let cluster = cluster.clone();
    let prepared = spawn_blocking(move || {
        command::prepare(&home, &config, &directories)?;
        cluster.command(&home, &java, &config, &directories, &*lookup)
    });
    let command = prepared.await.map_err(Failure::other)?.map_err(|e| Failure::usage(anyhow!(e)))?;
    let rest = FlinkRest::new(addresses.web(), trusted.rest.as_deref()).map_err(Failure::other)?;
    Ok(JobManager { command, runs_application, log: place.log.clone(), rest })
}
