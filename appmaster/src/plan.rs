//! Everything that is known and checked before anything is started.

use std::{
    env::current_exe,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use flink::{
    check::check,
    config::{Configuration, Source},
    home::FlinkHome,
    java::Java,
    memory::JobManagerMemory,
    options::{
        flink::{
            CLUSTER_REGISTRATION_ERROR_DELAY as REGISTRATION_RETRY, ENV_LOG_DIR,
            RESOURCEMANAGER_STANDALONE_START_UP_TIME as START_UP_TIME,
        },
        mesos::{APPLICATION_JARS, EXECUTOR_BINARY, WORKERS},
    },
};

use crate::{failure::Failure, settings::Settings};

/// The input from command line and environment.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `--flink-home`, else `FLINK_HOME`.
    pub flink_home: Option<PathBuf>,
    /// `--conf-dir`, else `FLINK_CONF_DIR`.
    pub conf_dir: Option<PathBuf>,
    /// The value of each `-D`.
    pub dynamic: Vec<String>,
    /// `--workers`.
    pub workers: Option<usize>,
    /// `--jars`.
    pub jars: Vec<String>,
    /// The environment variables.
    pub environment: Vec<(String, String)>,
}

/// A checked installation.
#[derive(Debug)]
pub struct Plan {
    /// Warnings about the configuration.
    pub warnings: Vec<String>,
    /// The Flink distribution.
    pub home: FlinkHome,
    /// The effective configuration.
    pub config: Configuration,
    /// Our own options.
    pub settings: Settings,
    /// The java program of the JobManager.
    pub java: Java,
    /// Our executor's binary on this machine.
    pub executor: PathBuf,
}

/// Reads the environment.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Plan {
    /// Reads and checks everything. Blocks: it reads files and asks java for its version.
    pub fn make(request: &Request, lookup: &Lookup) -> Result<Self, Failure> {
        let home = home(request)?;
        let config = configuration(&home, request)?;
        let problems = check(&config);
        let warnings: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if problems.iter().any(|problem| problem.fatal) {
            return Err(Failure::usage(anyhow!(
                "the configuration cannot be used:\n  {}",
                warnings.join("\n  ")
            )));
        }
        let settings = Settings::read(&config, &home.version).map_err(Failure::usage)?;
        JobManagerMemory::compute(&config, &home.version)
            .map_err(|e| Failure::usage(anyhow!("the JobManager's memory: {e}")))?;
        let java = Java::find(&config, lookup).map_err(Failure::usage)?;
        java.check(&home.version).map_err(Failure::usage)?;
        let executor = executor(settings.executor_binary.as_deref())?;
        Ok(Self { warnings, home, config, settings, java, executor })
    }
}

/// The requested Flink distribution.
pub fn home(request: &Request) -> Result<FlinkHome, Failure> {
    let hint = "no Flink distribution: set FLINK_HOME or --flink-home to the folder with bin, lib and conf";
    let path = request.flink_home.as_ref().ok_or_else(|| Failure::usage(anyhow!(hint)))?;
    FlinkHome::open(path, request.conf_dir.as_deref()).map_err(Failure::usage)
}

/// The effective configuration: file, then environment, then command line; later ones override
/// earlier ones.
pub fn configuration(home: &FlinkHome, request: &Request) -> Result<Configuration, Failure> {
    let mut config = Configuration::load(&home.conf_dir, &home.version).map_err(Failure::usage)?;
    config.apply_environment(request.environment.iter().cloned()).map_err(Failure::usage)?;
    config.apply_dynamic_properties(&request.dynamic).map_err(Failure::usage)?;
    apply_flags(&mut config, request);
    Ok(config)
}

/// Applies the command line's own flags, which override everything else.
pub(crate) fn apply_flags(config: &mut Configuration, request: &Request) {
    if let Some(workers) = request.workers {
        config.set(&WORKERS, workers.to_string(), Source::Computed("--workers"));
    }
    if !request.jars.is_empty() {
        let quoted = request.jars.iter().map(|jar| format!("\"{}\"", jar.replace('"', "\"\"")));
        config.set(
            &APPLICATION_JARS,
            quoted.collect::<Vec<_>>().join(";"),
            Source::Computed("--jars"),
        );
    }
    // Flink's standalone JobManager fails jobs that lack slots at once when it is older than this.
    // A lost worker would cost them their restart attempts while its replacement starts. Zero
    // switches that off. Flink 1.18 reads a plain number only, later versions also one with a unit.
    if config.get(&START_UP_TIME).is_none() {
        config.set(
            &START_UP_TIME,
            "0",
            Source::Computed("lost workers are replaced, so jobs wait for slots"),
        );
    }
    // Workers start together with the JobManager. By default, Flink would make the faster ones wait
    // 10 s for their next attempt.
    if config.get(&REGISTRATION_RETRY).is_none() {
        config.set(
            &REGISTRATION_RETRY,
            "1000",
            Source::Computed("workers start together with the JobManager"),
        );
    }
}

/// The folder of the JobManager's log.
pub(crate) fn log_folder(home: &FlinkHome, config: &Configuration, lookup: &Lookup) -> PathBuf {
    let named = lookup("FLINK_LOG_DIR").or_else(|| config.get(&ENV_LOG_DIR).map(str::to_owned));
    named.map_or_else(|| home.path.join("log"), PathBuf::from)
}

/// Our executor's binary: the configured one, otherwise the one next to this program, otherwise the
/// installed one.
pub(crate) fn executor(configured: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = configured {
        let missing = || anyhow!("{EXECUTOR_BINARY}: {} is not a file", path.display());
        return if path.is_file() { Ok(path.to_owned()) } else { Err(Failure::usage(missing())) };
    }
    let beside =
        current_exe().ok().and_then(|exe| Some(exe.parent()?.join("flink-mesos-executor")));
    let places = [beside, Some(PathBuf::from(crate::settings::INSTALLED_EXECUTOR))];
    let found = places.iter().flatten().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| {
        Failure::usage(anyhow!(
            "flink-mesos-executor is neither next to this program nor at {}; set its path with -Dmesos.executor.binary=…",
            crate::settings::INSTALLED_EXECUTOR
        ))
    })
}
