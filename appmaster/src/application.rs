//! Assembles the application master: checks the configuration, starts the parts in order and ends
//! them.

mod cluster;
mod heartbeats;
mod leadership_source;
mod parts;
mod self_check;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use fetcher_client::cache::PATH_VARIABLE;
use fs_err::File;
use mesos::master::MasterUrl;
use mesos_local::{LocalCluster, LocalOptions};
use scheduler::{
    election::Leadership,
    finish::finish,
    takeover::{self, AtMaster, Difference},
};
use serde_json::json;
use tokio::task::spawn_blocking;

pub use self::cluster::Cluster;
use self::{
    cluster::verdict,
    leadership_source::{LeadershipSource, take_port_again},
    parts::Setup,
};
use crate::{
    address::{self, Addresses, PortInUse},
    check::{self, Subject},
    console::Console,
    failure::Failure,
    log_folder, persistent_cache,
    plan::{self, Lookup, Plan, Request},
    settings::{self, Endpoint, Settings, SettingsError, StateLocation},
    shell::{Outcome, Shell, Signals},
    user_uris::{DownloadFolder, UserUris},
    working_folder::{self, WorkingFolder},
};

/// Runs a cluster on the configured Mesos until it ends.
pub async fn on_mesos(
    cluster: Cluster,
    request: Request,
    lookup: Arc<Lookup>,
    console: Console,
) -> Result<(), Failure> {
    let plan = make_plan(&cluster, request, false, &lookup).await?;
    let master = settings::master(&plan.config).map_err(Failure::usage)?;
    let work = working_folder().await?;
    let log = log_folder(&plan, &lookup).await?;
    let place = RunContext {
        master,
        any_port: false,
        work: work.path().to_owned(),
        work_lock: Some(work.lock()),
        log,
    };
    Box::pin(run(cluster, plan, &lookup, console, place)).await
}

/// Runs a cluster on a Mesos inside this process until it ends.
pub async fn local(
    cluster: Cluster,
    request: Request,
    work_dir: Option<PathBuf>,
    lookup: Arc<Lookup>,
    console: Console,
) -> Result<(), Failure> {
    let mut plan = make_plan(&cluster, request, true, &lookup).await?;
    // The Mesos inside this process does not support offer constraints; the scheduler itself
    // applies its constraints.
    plan.settings.offer_constraints = None;
    plan.settings.least_offer = None;
    let (work, temporary) = work_folder(work_dir).await?;
    let mesos =
        LocalCluster::start(local_options(&plan, &work, &*lookup)).await.map_err(Failure::other)?;
    plan.settings.credential = Some(mesos.credential());
    let log = work.join("jobmanager").join("log");
    let place = RunContext {
        master: mesos.master().parse().map_err(Failure::other)?,
        any_port: true,
        log: log.clone(),
        work: work.clone(),
        work_lock: temporary.as_ref().map(WorkingFolder::lock),
    };
    let ended = Box::pin(run(cluster, plan, &lookup, console, place)).await;
    mesos.shutdown().await;
    let Some(folder) = temporary else { return ended };
    let failed = ended.is_err();
    let removed = spawn_blocking(move || {
        // Before the JobManager's start there is nothing to read in it.
        if failed && has_logs(&log) {
            eprint_folder(&folder.keep());
        }
        // Else it is dropped. Sandboxes are large and contain read-only files; whatever cannot be
        // removed is left behind.
    });
    _ = removed.await;
    ended
}

/// Whether there is a log that is not empty.
fn has_logs(folder: &Path) -> bool {
    let files = fs_err::read_dir(folder).into_iter().flatten().map_while(Result::ok);
    files
        .into_iter()
        .any(|file| file.metadata().is_ok_and(|found| found.is_file() && found.len() > 0))
}

/// Raises the limit of open files (usually 1024), which listeners, state, ZooKeeper and Mesos
/// share.
fn raise_descriptors() {
    if let Err(error) = common::descriptors::raise() {
        tracing::warn!(%error, "Cannot raise the limit of open files");
    }
}

/// Checks everything, as `config check` does, before anything is started.
async fn make_plan(
    cluster: &Cluster,
    request: Request,
    local: bool,
    lookup: &Arc<Lookup>,
) -> Result<Plan, Failure> {
    raise_descriptors();
    let subject =
        Subject { request: request.clone(), job: cluster.job().cloned(), offline: true, local };
    let report = check::check(subject, lookup.clone()).await.map_err(Failure::other)?;
    if let Some(refusal) = report.refusal() {
        return Err(Failure::usage(anyhow!(refusal)));
    }
    let lookup = lookup.clone();
    let plan =
        spawn_blocking(move || Plan::make(&request, &*lookup)).await.map_err(Failure::other)?;
    Ok(Plan { warnings: report.warnings(), ..plan? })
}

async fn log_folder(plan: &Plan, lookup: &Arc<Lookup>) -> Result<PathBuf, Failure> {
    let wanted = plan::log_folder(&plan.home, &plan.config, &**lookup);
    let claimed =
        spawn_blocking(move || log_folder::claim(&wanted)).await.map_err(Failure::other)?;
    claimed.context("FLINK_LOG_DIR, env.log.dir").map_err(Failure::usage)
}

async fn working_folder() -> Result<WorkingFolder, Failure> {
    let made = spawn_blocking(|| WorkingFolder::make(&std::env::temp_dir()))
        .await
        .map_err(Failure::other)?;
    made.context("cannot make a working folder").map_err(Failure::other)
}

async fn work_folder(wanted: Option<PathBuf>) -> Result<(PathBuf, Option<WorkingFolder>), Failure> {
    if let Some(path) = wanted {
        let claimed =
            spawn_blocking(move || working_folder::claim(&path)).await.map_err(Failure::other)?;
        return Ok((claimed.context("--work-dir").map_err(Failure::usage)?, None));
    }
    let folder = working_folder().await?;
    Ok((folder.path().to_owned(), Some(folder)))
}

#[expect(clippy::print_stderr, reason = "the last message to the user after a failed run")]
fn eprint_folder(folder: &Path) {
    eprintln!("Logs and sandboxes are kept in {} until the next start", folder.display());
}

/// An agent with room for all workers, whatever this machine has: its resources are counted, not
/// enforced.
fn local_options(plan: &Plan, work: &Path, lookup: &Lookup) -> LocalOptions {
    let demand = &plan.settings.core.demand;
    let room = |name: &str| (demand.total(name) * (plan.settings.workers + 1) as f64).ceil();
    // On this machine, workers find java and Hadoop where we do.
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

struct RunContext {
    master: MasterUrl,
    any_port: bool,
    work: PathBuf,
    work_lock: Option<Arc<File>>,
    log: PathBuf,
}

/// Leads, again whenever leadership was lost, until the cluster ends.
async fn run(
    cluster: Cluster,
    mut plan: Plan,
    lookup: &Arc<Lookup>,
    console: Console,
    place: RunContext,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let in_use = match place.any_port {
        true => PortInUse::TakeAnother,
        // An earlier application master may still be running.
        false if plan.settings.is_durable() => PortInUse::Later,
        false => PortInUse::Refuse,
    };
    let mut source = LeadershipSource::of(&plan.settings.state);
    if let Some(before) = source.look().await? {
        take_port_again(&mut plan.config, before, &console).await;
    }
    let addresses = address::settle(&mut plan.config, &place.master, &**lookup, in_use).await;
    let (addresses, reservations) = addresses.map_err(Failure::usage)?;
    let trusted = Trusted::read(&plan.settings, &addresses).await?;
    for warning in &plan.warnings {
        console.report("warning", &format!("Warning: {warning}"), json!({ "warning": warning }));
    }
    let text = format!(
        "flink-mesos {}: Flink {} with Java {}; JobManager logs in {}",
        common::version!(),
        plan.home.version,
        plan.java.version,
        place.log.display()
    );
    let fields = json!({ "flink": plan.home.version.to_string(), "java": plan.java.version, "logs": place.log });
    console.report("starting", &text, fields);
    let setup = Setup { cluster, plan, lookup: lookup.clone(), addresses, trusted, place };
    let fetch = || user_uris(&setup.plan, lookup, &setup.place.work, &console);
    let mut uris = None;
    if matches!(source, LeadershipSource::Election(_)) {
        // A possible standby does the slow work in advance. No other process uses its folder.
        let prepared = async {
            let uris = fetch().await?;
            setup.prepare(&uris).await?;
            Ok::<_, Failure>(uris)
        };
        uris = tokio::select! {
            uris = prepared => Some(uris?),
            () = signals.any() => return setup.cluster.verdict(Outcome::Stopped),
        };
    }
    let outcome = loop {
        let leadership = tokio::select! {
            leadership = source.acquire(&console) => leadership?,
            () = signals.any() => break Outcome::Stopped,
        };
        if let Some(ended) = leadership.state.ended.clone() {
            finish(leadership, setup.scheduler_options(), setup.framework()).await;
            console.report("stopped", "The cluster has ended.", json!({}));
            return verdict(ended);
        }
        check_takeover(&leadership, &setup, &console).await?;
        // Only once, and only when it is certain that no other process uses the same folder.
        let uris = match &mut uris {
            Some(uris) => uris,
            none => none.insert(tokio::select! {
                uris = fetch() => uris?,
                () = signals.any() => break Outcome::Stopped,
            }),
        };
        if in_use == PortInUse::Later {
            tokio::select! {
                free = setup.until_ports_are_free() => free?,
                () = signals.any() => break Outcome::Stopped,
            }
        }
        let parts = setup.parts(uris, leadership).await?;
        match Box::pin(Shell::start(parts, &console)).await?.run(&mut signals).await? {
            Outcome::Deposed => {
                console.report("deposed", "Another application master may lead now.", json!({}));
            }
            outcome => break outcome,
        }
    };
    drop(reservations);
    console.report("stopped", "Stopped.", json!({}));
    setup.cluster.verdict(outcome)
}

/// Refuses a state that these options cannot take over. For a state in a folder, the check has
/// already reported its warnings. A framework that the master does not know is left to the
/// subscription: it may still register.
async fn check_takeover(
    leadership: &Leadership,
    setup: &Setup,
    console: &Console,
) -> Result<(), Failure> {
    let (settings, state) = (&setup.plan.settings, &leadership.state);
    let (wanted, forgotten) = (&settings.core.registration, settings.forget_framework.as_deref());
    let mut found = takeover::differences(state, wanted, forgotten);
    if !matches!(settings.state, StateLocation::ZooKeeper(_)) {
        found.retain(|difference| matches!(difference, Difference::Refused(_)));
    }
    if let Some(at_master) = AtMaster::ask(&setup.scheduler_options(), state, forgotten).await {
        found.extend(at_master.differences(state, wanted));
    }
    for difference in found {
        match difference {
            Difference::Refused(text) => return Err(Failure::usage(anyhow!(text))),
            Difference::Ignored(text) => {
                console.report("warning", &format!("Warning: {text}"), json!({ "warning": text }));
            }
        }
    }
    Ok(())
}

/// The certificates to trust for servers that speak TLS, in PEM.
struct Trusted {
    rest: Option<String>,
    artifacts: Option<String>,
    control: Option<String>,
}

impl Trusted {
    /// Reads them, and checks that they vouch for the servers under the names that clients use.
    async fn read(settings: &Settings, addresses: &Addresses) -> Result<Self, Failure> {
        let (tls, host) = (settings.tls.clone(), addresses.host.clone());
        let artifacts_host = settings.artifact_server.host(&host).to_owned();
        let control_host = settings.control.host(&host).to_owned();
        let read = spawn_blocking(move || {
            let pem = |endpoint: Option<Endpoint>, host: &str| {
                endpoint
                    .map(|endpoint| endpoint.trusted(host).map(|trust| trust.to_pem()))
                    .transpose()
            };
            Ok(Self {
                rest: pem(tls.rest, &host)?,
                artifacts: pem(tls.artifacts, &artifacts_host)?,
                control: pem(tls.control, &control_host)?,
            })
        });
        read.await.map_err(Failure::other)?.map_err(|error: SettingsError| Failure::usage(error))
    }
}

/// Fetches the users' own files: next to the durable state if that is a folder, otherwise into the
/// working folder.
async fn user_uris(
    plan: &Plan,
    lookup: &Arc<Lookup>,
    work: &Path,
    console: &Console,
) -> Result<UserUris, Failure> {
    let (state, home, here) = (plan.settings.state.clone(), plan.home.path.clone(), lookup.clone());
    let is_folder = matches!(state, StateLocation::Directory(_));
    let cache = spawn_blocking(move || {
        persistent_cache::folder(&state, &home, &*here).filter(|_| is_folder)
    });
    let downloads = match cache.await.map_err(Failure::other)? {
        Some(cache) => DownloadFolder {
            folder: cache.join("sources"),
            record: Some(cache.join("sources.json")),
        },
        None => DownloadFolder { folder: work.join("sources"), record: None },
    };
    UserUris::fetch(&plan.settings.uris, downloads, &**lookup, console).await
}
