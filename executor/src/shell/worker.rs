//! The steps for one worker: fetch its artifacts, write its configuration, start its process, find
//! out how it ended.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use common::addresses::masked;
use fetcher_client::cache::PATH_VARIABLE;
use fetcher_client::{FetchOptions, Progress, Request};
use flink::{command::CommandLine, config::Configuration};
use overlays::worker::{Sandbox, WorkerSpec, apply};
use tokio::{
    select,
    sync::{mpsc::UnboundedSender, watch},
    task::spawn_blocking,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::info;

use crate::{
    artifacts::{self, Delivered, Delivery},
    class_data::ClassData,
    core::{Ended, Exit, ExitStatus, Failure, Input, Survivors, Worker},
    diagnosis::{Mask, Scene, token},
    environment,
    journal::About,
    process::{Control, End, Guard, StartError, Supervised},
    shell::workspace::Workspace,
    startup::Startup,
};

/// How often progress is passed to the core, which reports it every few seconds.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A fetch or a start under way. It runs while its outcome is awaited; dropping it cancels it.
pub(super) struct Work {
    cancel: CancellationToken,
    future: Pin<Box<dyn Future<Output = Outcome>>>,
}

/// How a fetch or a start ended.
pub(super) enum Outcome {
    Fetched(Box<Delivered>),
    Started(Box<Started>),
    Failed(Failure),
    Cancelled,
}

/// A process that was started.
pub(super) struct Started {
    pub(super) control: Control,
    pub(super) watch: Watch,
    pub(super) startup: Startup,
    pub(super) about: About,
    pub(super) class_data: Option<ClassData>,
}

/// What a start needs besides the sandbox.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// How the artifacts got into the sandbox.
    pub(super) delivery: Option<Delivery>,
    /// Whether to use class data from the host's cache.
    pub(super) class_data: bool,
}

impl Work {
    pub(super) fn fetch(
        workspace: &Arc<Workspace>,
        worker: Arc<Worker>,
        inbox: UnboundedSender<Input>,
    ) -> Self {
        let workspace = Arc::clone(workspace);
        Self::new(move |cancel| async move {
            let (reporter, progress) = watch::channel(Progress::default());
            select! {
                biased;
                () = cancel.cancelled() => Outcome::Cancelled,
                fetched = fetch(&workspace, &worker, reporter) => match fetched {
                    Ok(delivered) => Outcome::Fetched(Box::new(delivered)),
                    Err(failure) => Outcome::Failed(failure),
                },
                () = forward(progress, inbox) => Outcome::Cancelled,
            }
        })
    }

    /// `guard` is an existing guard to start under, if there is one.
    pub(super) fn start(
        workspace: &Arc<Workspace>,
        worker: Arc<Worker>,
        shared: Shared,
        guard: Option<Guard>,
    ) -> Self {
        let workspace = Arc::clone(workspace);
        Self::new(move |cancel| async move {
            let command = select! {
                biased;
                () = cancel.cancelled() => Err(Outcome::Cancelled),
                command = configure(Arc::clone(&workspace), Arc::clone(&worker), shared) => command.map_err(Outcome::Failed),
            };
            // No cancelling from here on: a process that may exist must be accounted for.
            match command {
                Ok(configured) => match living(guard, &workspace, &worker).await {
                    Ok(guard) => start(guard, workspace, worker, configured).await,
                    Err(error) => Outcome::Failed(Failure::start(&workspace.binary, &error)),
                },
                Err(outcome) => {
                    if let Some(guard) = guard {
                        guard.dismiss().await;
                    }
                    outcome
                }
            }
        })
    }

    /// Asks it to stop; the outcome says whether it did.
    pub(super) fn cancel(&self) {
        self.cancel.cancel();
    }

    pub(super) async fn outcome(&mut self) -> Outcome {
        (&mut self.future).await
    }

    fn new<F: Future<Output = Outcome> + 'static>(
        work: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let cancel = CancellationToken::new();
        let future = Box::pin(work(cancel.clone()));
        Self { cancel, future }
    }
}

async fn fetch(
    workspace: &Workspace,
    worker: &Worker,
    progress: watch::Sender<Progress>,
) -> Result<Delivered, Failure> {
    let source = worker.spec.artifacts.clone().unwrap_or_default();
    let request = Request {
        manifest: source.shared_manifest().parse().map_err(|error| Failure::wrong_task(&error))?,
        secrets: match source.secrets.as_str() {
            "" => None,
            digest => Some(digest.parse().map_err(|error| Failure::wrong_task(&error))?),
        },
        token: source.token.parse().map_err(|error| Failure::wrong_task(&error))?,
        urls: source.urls,
        target: workspace.sandbox.flink(),
    };
    // They are not checked yet.
    let shown: Vec<_> = request.urls.iter().map(|url| masked(url)).collect();
    info!("Fetching manifest {} from {}", request.manifest, shown.join(", "));
    let trusted = Some(source.trusted).filter(|pem| !pem.is_empty()).map(String::into_bytes);
    let options = FetchOptions { trusted, ..FetchOptions::default() };
    let lookup = |name: &str| workspace.lookup(name);
    let delivered = artifacts::deliver(request, options, &worker.cache, lookup, progress).await;
    let delivered = delivered.map_err(|error| Failure::fetch(&error))?;
    info!("All artifacts are in place: {}", delivered.delivery);
    Ok(delivered)
}

/// Passes progress to the core from time to time. Never ends.
async fn forward(mut progress: watch::Receiver<Progress>, inbox: UnboundedSender<Input>) {
    while progress.changed().await.is_ok() {
        let latest = *progress.borrow_and_update();
        inbox.send(Input::Progress(latest)).ok();
        tokio::time::sleep(PROGRESS_EVERY).await;
    }
    std::future::pending::<()>().await;
}

/// This guard if it is alive, else a new one.
async fn living(
    guard: Option<Guard>,
    workspace: &Arc<Workspace>,
    worker: &Arc<Worker>,
) -> Result<Guard, StartError> {
    if let Some(mut guard) = guard
        && guard.is_there()
    {
        return Ok(guard);
    }
    let (workspace, worker) = (Arc::clone(workspace), Arc::clone(worker));
    let started =
        spawn_blocking(move || Guard::start(&workspace.binary, &worker.spec.worker_id)).await;
    started.map_err(io::Error::from)?
}

/// What is known before the start.
struct Configured {
    command: CommandLine,
    delivery: Option<Delivery>,
    class_data: Option<ClassData>,
}

async fn configure(
    workspace: Arc<Workspace>,
    worker: Arc<Worker>,
    shared: Shared,
) -> Result<Configured, Failure> {
    let applied = spawn_blocking(move || {
        let lookup = |name: &str| workspace.lookup(name);
        let Shared { delivery, class_data } = shared;
        let tree = delivery.as_ref().and_then(|delivery| delivery.tree.as_deref());
        let mut command = apply(&worker.spec, &workspace.sandbox, tree, &lookup)
            .map_err(|error| Failure::configuration(&error))?;
        let open = || worker.cache.open(lookup(PATH_VARIABLE));
        let class_data = class_data.then(|| ClassData::choose(open, &mut command)).flatten();
        // The secret variables are known only now.
        let own = command.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        environment::check(own).map_err(|error| Failure::wrong_task(&error))?;
        command.environment =
            environment::of_task_manager(workspace.variables.iter().cloned(), command.environment);
        Ok(Configured { command, delivery, class_data })
    });
    applied.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
}

/// The worker's secrets, and its description for the journal without them.
fn describe(spec: &WorkerSpec, sandbox: &Sandbox, command: &CommandLine) -> (Mask, About) {
    let written = written(spec, sandbox);
    let mask = mask(spec, &written, command);
    let about = about(spec, &written, command, &mask);
    (mask, about)
}

/// Knows the secrets in the description, and those in the written configuration that came with the
/// artifacts.
fn mask(spec: &WorkerSpec, written: &Configuration, command: &CommandLine) -> Mask {
    let variables = command.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Mask::new(token(spec), written.iter().chain(variables))
}

/// The configuration as Flink reads it.
fn written(spec: &WorkerSpec, sandbox: &Sandbox) -> Configuration {
    let version = spec.flink_version.parse().ok();
    version
        .and_then(|version| Configuration::load(&sandbox.conf(), &version).ok())
        .unwrap_or_default()
}

/// The description for the journal.
fn about(spec: &WorkerSpec, written: &Configuration, command: &CommandLine, mask: &Mask) -> About {
    let shown = |(name, value): (&str, &str)| (name.to_owned(), mask.value(name, value));
    let environment =
        command.environment.iter().map(|(name, value)| shown((name, value))).collect();
    let arguments = command.arguments.iter().map(|argument| mask.apply(argument));
    About {
        command: [command.program.display().to_string()].into_iter().chain(arguments).collect(),
        configuration: written.iter().map(shown).collect(),
        environment,
        ..About::of(spec, mask)
    }
}

async fn start(
    guard: Guard,
    workspace: Arc<Workspace>,
    worker: Arc<Worker>,
    configured: Configured,
) -> Outcome {
    let Configured { command, delivery, class_data } = configured;
    info!(directory = %command.directory.display(), "Starting {}", command.program.display());
    let outputs = workspace.outputs(worker.output);
    // In parallel with the guard, which starts the process meanwhile.
    let (of, at, shown) = (Arc::clone(&worker), Arc::clone(&workspace), command.clone());
    let described = spawn_blocking(move || describe(&of.spec, &at.sandbox, &shown));
    match Supervised::start_under(guard, &command, &outputs).await {
        Ok(Supervised { pid, control, end }) => {
            let (mask, about) = described.await.unwrap_or_else(|_| {
                (Mask::described(&worker.spec), About::described(&worker.spec))
            });
            let about = About { delivery, ..about };
            let startup =
                Startup { pid, worker, log: workspace.log("taskmanager.log"), mask: mask.clone() };
            let scene =
                Scene::begin(workspace.sandbox.clone(), pid, command.directory.clone(), mask);
            let watch = Watch::start(end, scene);
            Outcome::Started(Box::new(Started { control, watch, startup, about, class_data }))
        }
        Err(error) => Outcome::Failed(Failure::start(&command.program, &error)),
    }
}

/// Waits for the end of a process and explains it.
pub(super) struct Watch {
    guard: Option<u32>,
    exit: AbortOnDropHandle<Exit>,
}

impl Watch {
    fn start(end: End, scene: Scene) -> Self {
        let guard = end.guard();
        let exit = AbortOnDropHandle::new(tokio::spawn(async move {
            let ended = end.ended().await;
            let explained = spawn_blocking(move || scene.explain(ended)).await;
            explained.unwrap_or_else(|error| Exit::unexplained(ended, &error))
        }));
        Self { guard, exit }
    }

    /// Process id of the guard.
    pub(super) fn guard(&self) -> Option<u32> {
        self.guard
    }

    pub(super) async fn exit(&mut self) -> Exit {
        match (&mut self.exit).await {
            Ok(exit) => exit,
            Err(error) => {
                let ended = Ended { status: ExitStatus::Unknown, survivors: Survivors::default() };
                Exit::unexplained(ended, &error)
            }
        }
    }
}
