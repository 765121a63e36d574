//! Assembles the application master: makes the plan, starts the parts in order and ends them.

mod artifacts;
mod cluster;
mod heartbeats;
mod job_manager;
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
use mesos_local::{LocalCluster, LocalOptions};
use scheduler::{
    election::Leadership,
    finish::finish,
    takeover::{self, AtMaster, Difference},
};
use serde_json::json;
use tokio::task::spawn_blocking;

use self::{
    cluster::{Cluster, verdict},
    leadership_source::{LeadershipSource, take_port_again},
    parts::Setup,
};
use crate::{
    console::Console,
    environment::Lookup,
    failure::Failure,
    log_folder,
    plan::{self, Plan, Request},
    replacement::{Replacement, Wish},
    report::Report,
    settings::{External, StateLocation},
    shell::{Outcome, Shell, Signals},
    working_folder::{self, WorkingFolder},
};

/// Runs a cluster on the configured Mesos until it ends.
pub async fn on_mesos(
    mut request: Request,
    lookup: Arc<Lookup>,
    console: Console,
) -> Result<(), Failure> {
    raise_descriptors();
    let wish = request.replaces.take();
    let plan = Plan::make(request, Arc::clone(&lookup)).await?;
    let work = working_folder().await?;
    let log = match plan.settings.external {
        None => log_folder(plan.logs.clone()).await?,
        // Nothing is written there.
        Some(_) => plan.logs.clone(),
    };
    let (folder, work_lock) = (work.path().to_owned(), Some(work.lock()));
    let place = RunContext { work: folder, work_lock, log, mesos: None };
    Box::pin(run(plan, wish, &lookup, console, place)).await
}

/// Runs a cluster on a Mesos inside this process until it ends.
pub async fn local(
    mut request: Request,
    work_dir: Option<PathBuf>,
    lookup: Arc<Lookup>,
    console: Console,
) -> Result<(), Failure> {
    raise_descriptors();
    let wish = request.replaces.take();
    let mut plan = Plan::make(request, Arc::clone(&lookup)).await?;
    let (work, temporary) = work_folder(work_dir).await?;
    let mesos =
        LocalCluster::start(local_options(&plan, &work, &*lookup)).await.map_err(Failure::other)?;
    plan.master = mesos.master().parse().map_err(Failure::other)?;
    plan.settings.framework.credential = Some(mesos.credential());
    // The Mesos inside this process does not support offer constraints; the scheduler itself
    // applies its constraints.
    plan.settings.framework.offer_constraints = None;
    plan.settings.framework.least_offer = None;
    let log = work.join("jobmanager").join("log");
    let place = RunContext {
        log: log.clone(),
        work: work.clone(),
        work_lock: temporary.as_ref().map(WorkingFolder::lock),
        mesos: Some(mesos_folder(&work)),
    };
    let ended = Box::pin(run(plan, wish, &lookup, console, place)).await;
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

async fn log_folder(wanted: PathBuf) -> Result<PathBuf, Failure> {
    let claimed =
        spawn_blocking(move || log_folder::claim(&wanted)).await.map_err(Failure::other)?;
    claimed.context("FLINK_LOG_DIR, env.log.dir").map_err(Failure::usage)
}

async fn working_folder() -> Result<WorkingFolder, Failure> {
    let made = spawn_blocking(|| WorkingFolder::make(&std::env::temp_dir()))
        .await
        .map_err(Failure::other)?;
    made.map_err(working_folder::failure)
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

fn mesos_folder(work: &Path) -> PathBuf {
    work.join("mesos")
}

/// Largest number of workers on a laptop's Mesos, unless more are always wanted.
const MOST_LOCAL_WORKERS: usize = 100;

/// An agent with room for all workers, whatever this machine has: its resources are counted, not
/// enforced.
fn local_options(plan: &Plan, work: &Path, lookup: &Lookup) -> LocalOptions {
    let workers = &plan.settings.workers;
    let scale = workers.scaling.scale;
    let most = scale.max().min(MOST_LOCAL_WORKERS).max(scale.min());
    let room = |name: &str| (workers.core.demand.total(name) * (most + 1) as f64).ceil();
    // On this machine, workers find java and Hadoop where we do.
    let names = ["JAVA_HOME", "PATH", "HADOOP_CLASSPATH", "HADOOP_CONF_DIR"];
    let inherited = names.into_iter().filter_map(|name| Some((name.to_owned(), lookup(name)?)));
    let cache = lookup(PATH_VARIABLE).unwrap_or_else(|| work.join("cache").display().to_string());
    let normal = LocalOptions::default();
    LocalOptions {
        cpus: room("cpus").max(normal.cpus),
        mem_mb: room("mem").max(normal.mem_mb),
        disk_mb: room("disk").max(normal.disk_mb),
        work_dir: mesos_folder(work),
        executor_environment: inherited.chain([(PATH_VARIABLE.to_owned(), cache)]).collect(),
        ..normal
    }
}

struct RunContext {
    work: PathBuf,
    work_lock: Option<Arc<File>>,
    log: PathBuf,
    /// The folder of the Mesos inside this process.
    mesos: Option<PathBuf>,
}

/// Leads, again whenever leadership was lost, until the cluster ends.
async fn run(
    mut plan: Plan,
    wish: Option<Wish>,
    lookup: &Arc<Lookup>,
    console: Console,
    place: RunContext,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut replacement = replacement(wish, &plan, &**lookup, &console).await?;
    let mut source = LeadershipSource::of(&plan.settings.state);
    if let Some(before) = source.look().await? {
        take_port_again(&mut plan, before, &console).await;
    }
    warn(&console, &plan.warnings);
    report_start(&console, &plan, &place.log);
    let cluster = Cluster(plan.job.clone());
    let setup = Arc::new(Setup { cluster, plan, lookup: Arc::clone(lookup), place });
    let mut uris = None;
    if matches!(source, LeadershipSource::Election(_)) {
        // A possible standby does the slow work in advance. No other process uses its folder.
        uris = tokio::select! {
            uris = setup.in_advance(&console) => Some(uris?),
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
        check_fresh(replacement.as_ref(), &leadership)?;
        // Only once, and only when it is certain that no other process uses the same folder.
        let uris = match &mut uris {
            Some(uris) => uris,
            none => none.insert(tokio::select! {
                uris = setup.user_uris(&console) => uris?,
                () = signals.any() => break Outcome::Stopped,
            }),
        };
        // TaskManagers wait for a JobManager: what takes time is done side by side.
        let prepared = tokio::select! {
            prepared = async {
                tokio::try_join!(check_takeover(&leadership, &setup, &console), setup.prepare(uris))
            } => prepared?.1,
            () = signals.any() => break Outcome::Stopped,
        };
        let parts = setup.parts(prepared, leadership, replacement.take());
        let shell = Box::pin(Shell::start(parts, &console)).await?;
        match Box::pin(shell.run(&mut signals)).await? {
            Outcome::Deposed => {
                console.report("deposed", "Another application master may lead now.", json!({}));
            }
            outcome => break outcome,
        }
    };
    console.report("stopped", "Stopped.", json!({}));
    setup.cluster.verdict(outcome)
}

/// Looks for the cluster to replace.
async fn replacement(
    wish: Option<Wish>,
    plan: &Plan,
    lookup: &Lookup,
    console: &Console,
) -> Result<Option<Replacement>, Failure> {
    let Some(wish) = wish else { return Ok(None) };
    let new = &plan.settings.framework.info.name;
    let found = Replacement::prepare(wish, new, lookup).await?;
    let old = found.old();
    let text =
        format!("Replacing cluster {old}: its job keeps running until TaskManagers run here");
    console.report("replacing", &text, json!({ "old": old }));
    Ok(Some(found))
}

/// A cluster that was started before may have the job already.
fn check_fresh(replacement: Option<&Replacement>, leadership: &Leadership) -> Result<(), Failure> {
    let Some(old) = replacement.map(Replacement::old) else { return Ok(()) };
    if leadership.state.framework.is_none() {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "--replace {old}: this cluster has been started before, and its state is kept: if {old:?} runs its job, give this          cluster another high-availability.cluster-id or mesos.state.dir; if its job has moved here, start this \
         cluster without --replace"
    )))
}

fn report_start(console: &Console, plan: &Plan, logs: &Path) {
    let (flink, java) = (plan.home.version.to_string(), &plan.java.version);
    let (job_manager, logs) = match &plan.settings.external {
        None => (format!("JobManager logs in {}", logs.display()), Some(logs)),
        Some(External::At(url)) => (format!("the JobManager at {url} is external"), None),
        Some(External::Elected(_)) => {
            ("the JobManager is external, and found through ZooKeeper".to_owned(), None)
        }
    };
    let version = common::version!();
    let text = format!("flink-mesos {version}: Flink {flink} with Java {java}; {job_manager}");
    console.report("starting", &text, json!({ "flink": flink, "java": java, "logs": logs }));
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
    let (wanted, forgotten) =
        (settings.framework.registration(), settings.framework.forgotten.as_deref());
    let mut found = takeover::differences(state, &wanted, forgotten);
    if !matches!(settings.state, StateLocation::ZooKeeper(_)) {
        found.retain(|difference| matches!(difference, Difference::Refused(_)));
    }
    if let Some(at_master) = AtMaster::ask(&setup.scheduler_options(), state, forgotten).await {
        found.extend(at_master.differences(state, &wanted));
    }
    let mut report = Report::default();
    plan::note(found, &mut report);
    if report.is_fatal() {
        return Err(report.failure());
    }
    warn(console, &report.warnings());
    Ok(())
}

fn warn(console: &Console, warnings: &[String]) {
    for warning in warnings {
        console.report("warning", &format!("Warning: {warning}"), json!({ "warning": warning }));
    }
}
