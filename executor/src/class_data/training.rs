//! Write an archive: run a TaskManager without a cluster, whose JVM dumps its loaded classes when
//! it exits.
//!
//! The TaskManager looks for a JobManager at a port that this executor holds closed, so it starts
//! as far as it can alone, and is then sent SIGTERM. It gets nothing of the worker's configuration:
//! no secrets, no reporters, no plugins, no agents. It runs with the lowest priority, and the
//! kernel kills it first when memory runs out.

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fetcher_client::cache::ClassDataMaking;
use flink::{
    command::CommandLine,
    config::{Configuration, Source},
    options::flink::{
        IO_TMP_DIRS, JOBMANAGER_RPC_ADDRESS, JOBMANAGER_RPC_PORT, TASKMANAGER_BIND_HOST,
        TASKMANAGER_CPU_CORES, TASKMANAGER_HOST, TASKMANAGER_MEMORY_FRAMEWORK_HEAP_SIZE,
        TASKMANAGER_MEMORY_FRAMEWORK_OFF_HEAP_SIZE, TASKMANAGER_MEMORY_JVM_METASPACE_SIZE,
        TASKMANAGER_MEMORY_JVM_OVERHEAD_MAX, TASKMANAGER_MEMORY_JVM_OVERHEAD_MIN,
        TASKMANAGER_MEMORY_MANAGED_SIZE, TASKMANAGER_MEMORY_NETWORK_MAX,
        TASKMANAGER_MEMORY_NETWORK_MIN, TASKMANAGER_MEMORY_TASK_HEAP_SIZE,
        TASKMANAGER_MEMORY_TASK_OFF_HEAP_SIZE, TASKMANAGER_NUMBEROFTASKSLOTS,
        TASKMANAGER_RESOURCE_ID,
    },
    version::FlinkVersion,
};
use tokio::{
    net::TcpSocket,
    select,
    task::spawn_blocking,
    time::{Instant, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::plan::Plan;
use crate::{
    core::{ExitStatus, OutputLimits},
    files,
    process::{Control, End, Outputs, Supervised},
};

/// Time limit for the whole attempt. A host that is slower is too busy for it.
const LONGEST: Duration = Duration::from_secs(300);

/// Limit for the log, in bytes. A longer log is not that of a TaskManager that waits for its
/// JobManager.
const LONGEST_LOG: u64 = 4 << 20;

/// How often to check the progress.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a TaskManager without a JobManager logs last, in every Flink since 1.18.
const FAR_ENOUGH: &str = "Could not resolve ResourceManager address";

const MAIN: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";

/// Heap of the JVM that writes an archive; the same again for its direct memory.
const MEMORY: &str = "128m";

/// The memory options that Flink's scripts would compute, as small as possible.
const MEMORY_SIZES: [(&str, &str); 12] = [
    (TASKMANAGER_CPU_CORES.key(), "1.0"),
    (TASKMANAGER_MEMORY_FRAMEWORK_HEAP_SIZE.key(), "32mb"),
    (TASKMANAGER_MEMORY_FRAMEWORK_OFF_HEAP_SIZE.key(), "32mb"),
    (TASKMANAGER_MEMORY_TASK_HEAP_SIZE.key(), "64mb"),
    (TASKMANAGER_MEMORY_TASK_OFF_HEAP_SIZE.key(), "0b"),
    (TASKMANAGER_MEMORY_MANAGED_SIZE.key(), "1mb"),
    (TASKMANAGER_MEMORY_NETWORK_MIN.key(), "8mb"),
    (TASKMANAGER_MEMORY_NETWORK_MAX.key(), "8mb"),
    (TASKMANAGER_MEMORY_JVM_METASPACE_SIZE.key(), "128mb"),
    (TASKMANAGER_MEMORY_JVM_OVERHEAD_MIN.key(), "64mb"),
    (TASKMANAGER_MEMORY_JVM_OVERHEAD_MAX.key(), "64mb"),
    (TASKMANAGER_NUMBEROFTASKSLOTS.key(), "1"),
];

/// The appenders of Flink's own logging properties, so that their classes are loaded too.
const LOGGING: &str = "rootLogger.level = INFO
rootLogger.appenderRef.file.ref = File
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.console.filter.threshold.type = ThresholdFilter
appender.console.filter.threshold.level = OFF
appender.file.name = File
appender.file.type = RollingFile
appender.file.append = true
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 100MB
appender.file.policies.startup.type = OnStartupTriggeringPolicy
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 1
";

/// Starts the JVM that writes an archive.
#[derive(Debug)]
pub(crate) struct Trainer {
    /// This binary, to run as the guard.
    pub(crate) binary: PathBuf,
    pub(crate) flink: FlinkVersion,
    /// The environment variables that every process here may have.
    pub(crate) environment: Vec<(String, String)>,
}

/// How an attempt ended.
enum Attempt {
    Made,
    /// Another attempt would fail too.
    Failed(String),
    GivenUp,
}

impl Trainer {
    /// Writes an archive. After a failure, nobody tries again for a day.
    pub(super) async fn make(
        &self,
        plan: &Plan,
        making: ClassDataMaking,
        cancelled: CancellationToken,
    ) {
        info!("Archiving class data in the background");
        let begun = Instant::now();
        let attempt = timeout(LONGEST, self.attempt(plan, &making, &cancelled)).await;
        let ended = match attempt {
            Err(_) => Ok(Attempt::Failed(format!("not done after {} s", LONGEST.as_secs()))),
            Ok(attempt) => attempt,
        };
        let stored = spawn_blocking(move || match ended {
            Ok(Attempt::Made) => {
                let place = making.finish()?;
                info!(
                    "Archived class data: {} took {:.1} s",
                    place.display(),
                    begun.elapsed().as_secs_f64()
                );
                Ok(())
            }
            Ok(Attempt::Failed(why)) => {
                warn!("Archiving class data failed: {why}");
                making.refuse(&why)
            }
            Ok(Attempt::GivenUp) => Ok(()),
            Err(error) => Err(error),
        });
        match stored.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("Archiving class data failed: {error}"),
            Err(error) => warn!("Archiving class data failed: {error}"),
        }
    }

    async fn attempt(
        &self,
        plan: &Plan,
        making: &ClassDataMaking,
        cancelled: &CancellationToken,
    ) -> io::Result<Attempt> {
        let folder = making.folder().to_owned();
        // Bound but not listening: no other process can take the port, and connections to it are
        // refused.
        let closed = TcpSocket::new_v4()?;
        closed.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let (flink, port, configured) = (self.flink, closed.local_addr()?.port(), folder.clone());
        spawn_blocking(move || configure(&flink, &configured, port))
            .await
            .map_err(io::Error::other)??;
        let Some(status) =
            self.run(&folder, training(plan, &folder, &making.archive()), true, cancelled).await?
        else {
            return Ok(Attempt::GivenUp);
        };
        if !making.archive().is_file() {
            return Ok(Attempt::Failed(format!("its JVM {status} without writing one")));
        }
        // Only a JVM can show whether it can use the archive.
        match self.run(&folder, trial(plan, &making.archive()), false, cancelled).await? {
            None => Ok(Attempt::GivenUp),
            Some(ExitStatus::Code(0)) => Ok(Attempt::Made),
            Some(status) => Ok(Attempt::Failed(format!("a JVM could not use it: it {status}"))),
        }
    }

    /// How the process ended; none if it was cancelled.
    async fn run(
        &self,
        folder: &Path,
        (program, arguments): (PathBuf, Vec<String>),
        tell_to_end: bool,
        cancelled: &CancellationToken,
    ) -> io::Result<Option<ExitStatus>> {
        let command = CommandLine {
            program,
            arguments,
            environment: self.environment.clone(),
            directory: folder.to_owned(),
        };
        let limits = OutputLimits { size: 64 << 10, older: 0 };
        let outputs = Outputs { stdout: folder.join("out"), stderr: folder.join("err"), limits };
        let started =
            Supervised::start_in_background(&self.binary, "class-data", &command, &outputs).await;
        let Supervised { control, end, .. } = started.map_err(io::Error::other)?;
        Ok(follow(control, end, tell_to_end.then(|| folder.join("log")), cancelled).await)
    }
}

/// Waits for the process to exit; sends SIGTERM once its log shows that it is far enough.
async fn follow(
    mut control: Control,
    end: End,
    log: Option<PathBuf>,
    cancelled: &CancellationToken,
) -> Option<ExitStatus> {
    let ended = end.wait();
    tokio::pin!(ended);
    let mut look = interval(LOOK_EVERY);
    let mut log = log.map(Arc::new);
    loop {
        select! {
            status = &mut ended => return Some(status),
            () = cancelled.cancelled() => {
                control.destroy().await;
                ended.await;
                return None;
            }
            _ = look.tick(), if log.is_some() => {
                if is_far_enough(log.clone()).await {
                    log = None;
                    control.terminate().await;
                }
            }
        }
    }
}

async fn is_far_enough(log: Option<Arc<PathBuf>>) -> bool {
    let look = move || log.and_then(|log| files::read(&files::open(&log).ok()?, LONGEST_LOG).ok());
    let log = spawn_blocking(look).await.ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&log).contains(FAR_ENOUGH)
}

/// Blocking.
fn configure(flink: &FlinkVersion, folder: &Path, job_manager: u16) -> io::Result<()> {
    let mut config = Configuration::new();
    let mut set =
        |key: &str, value: String| config.set(key, value, Source::Computed("the executor"));
    set(JOBMANAGER_RPC_ADDRESS.key(), Ipv4Addr::LOCALHOST.to_string());
    set(JOBMANAGER_RPC_PORT.key(), job_manager.to_string());
    set(TASKMANAGER_HOST.key(), Ipv4Addr::LOCALHOST.to_string());
    set(TASKMANAGER_BIND_HOST.key(), Ipv4Addr::LOCALHOST.to_string());
    set(TASKMANAGER_RESOURCE_ID.key(), "class-data".to_owned());
    set(IO_TMP_DIRS.key(), folder.join("tmp").display().to_string());
    for name in ["tmp", "conf"] {
        fs_err::create_dir(folder.join(name))?;
    }
    config.write(&folder.join("conf"), flink).map_err(io::Error::other)?;
    fs_err::write(folder.join("log4j.properties"), LOGGING)
}

/// The command that writes an archive.
fn training(plan: &Plan, folder: &Path, archive: &Path) -> (PathBuf, Vec<String>) {
    let folder = folder.display();
    let mut arguments = plan.options.clone();
    arguments.extend([
        format!("-XX:ArchiveClassesAtExit={}", archive.display()),
        "-Xlog:disable".to_owned(),
        format!("-Xmx{MEMORY}"),
        format!("-XX:MaxDirectMemorySize={MEMORY}"),
        "-XX:+IgnoreUnrecognizedVMOptions".to_owned(),
        format!("-Djava.io.tmpdir={folder}/tmp"),
        format!("-Dlog.file={folder}/log"),
        format!("-Dlog4j.configurationFile=file:{folder}/log4j.properties"),
        "-classpath".to_owned(),
        plan.class_path.clone(),
        MAIN.to_owned(),
        "--configDir".to_owned(),
        format!("{folder}/conf"),
    ]);
    arguments.extend(
        MEMORY_SIZES.iter().flat_map(|(key, value)| ["-D".to_owned(), format!("{key}={value}")]),
    );
    (plan.program.clone(), arguments)
}

/// A command that fails unless a JVM can use the archive.
fn trial(plan: &Plan, archive: &Path) -> (PathBuf, Vec<String>) {
    let mut arguments = plan.options.clone();
    arguments.extend([
        format!("-XX:SharedArchiveFile={}", archive.display()),
        "-Xshare:on".to_owned(),
        "-Xlog:disable".to_owned(),
        "-classpath".to_owned(),
        plan.class_path.clone(),
        "-version".to_owned(),
    ]);
    (plan.program.clone(), arguments)
}
