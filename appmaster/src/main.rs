//! `flink-mesos`: the application master and its command line.

use std::{collections::HashMap, path::PathBuf, process::ExitCode, sync::Arc};

use appmaster::{
    address, application, background, check,
    cli::{self, Cli, Command, Common, Config, Doctor},
    clusters,
    console::{Console, several_lines},
    doctor::{self, Diagnosis},
    environment::Lookup,
    events,
    failure::Failure,
    logs, operator,
    plan::{self, Request},
    report::Report,
    session_jobs, settings,
};
use clap::Parser as _;
use common::exit_code::USAGE;
use nix::sys::stat::{Mode, umask};
use tracing_subscriber::EnvFilter;

/// Offers arrive by the thousand, each with about thirty short-lived allocations. glibc's allocator
/// takes twice as long for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stderr, reason = "the last message to the user when the program fails")]
fn main() -> ExitCode {
    // Nobody else may write to logs and work files, whatever the umask this was started with.
    umask(umask(Mode::empty()) | Mode::S_IWGRP | Mode::S_IWOTH);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are not errors; they go to standard output.
            if let Some(tip) = cli::tip(&e) {
                eprintln!("{tip}");
                return ExitCode::from(USAGE);
            }
            _ = e.print();
            return if e.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("flink-mesos: {}", several_lines(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let environment = common::environment::variables();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Failure::other)?;
    let variables: HashMap<String, String> = environment.iter().cloned().collect();
    let lookup: Arc<Lookup> = Arc::new(move |name: &str| variables.get(name).cloned());
    match cli.command {
        Command::Session(common) => {
            let request = common.request(environment);
            runtime.block_on(start(&common, request, None, lookup))
        }
        Command::Job(job) => {
            let request = job.request(environment);
            runtime.block_on(start(&job.common, request, job.work_dir, lookup))
        }
        Command::Doctor(doctor) => runtime.block_on(diagnose(doctor, environment, lookup)),
        Command::List(list) => runtime.block_on(print(clusters::list(list, &*lookup))),
        Command::Status(question) => runtime.block_on(print(operator::status(question, &*lookup))),
        Command::Events(stream) => runtime.block_on(events::events(stream, &*lookup)),
        Command::Offers(question) => runtime.block_on(print(operator::offers(question, &*lookup))),
        Command::Logs(what) => runtime.block_on(logs::logs(what, &*lookup)),
        Command::Workers(workers) => runtime.block_on(print(operator::operate(workers, &*lookup))),
        Command::Run(run) => runtime.block_on(session_jobs::run(run, &*lookup)),
        Command::Jobs(jobs) => runtime.block_on(print(session_jobs::jobs(jobs, &*lookup))),
        Command::Stop(contact) => runtime.block_on(print(operator::stop(contact, &*lookup))),
        Command::Completions { shell } => write(&cli::completions(shell)),
        Command::Man { folder } => cli::manual(&folder).map_err(Failure::usage),
        Command::Config(config) => runtime.block_on(show(config, environment, lookup)),
        Command::Local(local) => {
            let request = local.request(environment);
            runtime.block_on(start(&local.common, request, local.work_dir, lookup))
        }
    }
}

/// Runs an application master, or starts it in the background.
async fn start(
    common: &Common,
    request: Request,
    work_dir: Option<PathBuf>,
    lookup: Arc<Lookup>,
) -> Result<(), Failure> {
    let is_background = background::is_background(&*lookup);
    if common.detached && !is_background {
        return background::start(request, common.output, lookup).await;
    }
    let console = begin(common, is_background)?;
    let ended = if request.local {
        application::local(request, work_dir, lookup, console).await
    } else {
        application::on_mesos(request, lookup, console).await
    };
    if let (true, Err(failure)) = (is_background, &ended) {
        background::report_end(failure);
    }
    ended
}

async fn show(
    config: Config,
    environment: Vec<(String, String)>,
    lookup: Arc<Lookup>,
) -> Result<(), Failure> {
    match config {
        Config::Options => write(&flink::options::reference())?,
        Config::Explain { key, place } => {
            let request = place.request(environment);
            let mut report = Report::default();
            let home = plan::home(&request, &mut report);
            let config = home.and_then(|home| plan::configuration(&home, &request, &mut report));
            let mut config = config.ok_or_else(|| report.failure())?;
            if let Ok(master) = settings::master(&config) {
                address::explain(&mut config, &master, &*lookup).await;
            }
            write(&format!("{}\n", flink::check::explain(&config, &key).trim_end()))?;
        }
        Config::Check(check) => {
            let offline = check.offline;
            let report = check::check(check.request(environment), offline, lookup);
            let report = report.await.map_err(Failure::other)?;
            write(&report.to_string())?;
            if report.is_fatal() {
                return Err(Failure::usage(anyhow::anyhow!("{}", report.verdict())));
            }
        }
    }
    Ok(())
}

async fn diagnose(
    Doctor { place, output }: Doctor,
    environment: Vec<(String, String)>,
    lookup: Arc<Lookup>,
) -> Result<(), Failure> {
    let Diagnosis { text, failure } =
        doctor::doctor(place.request(environment), output, lookup).await?;
    write(&format!("{text}\n"))?;
    failure.map_or(Ok(()), Err)
}

async fn print(text: impl Future<Output = Result<String, Failure>>) -> Result<(), Failure> {
    write(&format!("{}\n", text.await?))
}

fn write(answer: &str) -> Result<(), Failure> {
    common::stdout::write(answer).map_err(Failure::other)
}

fn begin(common: &Common, is_background: bool) -> Result<Console, Failure> {
    let filter = EnvFilter::try_new(&common.log)
        .map_err(|e| Failure::usage(anyhow::anyhow!("--log: {e}")))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .init();
    Ok(if is_background { Console::in_background() } else { Console::new(common.output) })
}
