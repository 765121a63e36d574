//! The real Flink for workers: its distribution as artifacts, and a JobManager to register with.
#![allow(clippy::disallowed_methods, reason = "starts programs, and finds java where they do")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fetcher_server::Artifact;
use flink::{
    command::{self, CommandLine, Directories},
    config::{Configuration, Source},
    home::FlinkHome,
    java::Java,
};
use overlays::worker::Entry;
use tempfile::TempDir;

use crate::{
    FlinkRest, Line, ReservedPort,
    class_data::{self, Process},
    cluster::client_jvm,
    flink_home, wait_until,
};

/// Long enough for a JVM on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A JobManager that is killed when dropped.
pub struct JobManager {
    child: Option<Child>,
    command: CommandLine,
    /// Its REST API.
    pub rest: FlinkRest,
    /// The options with which a TaskManager finds it.
    pub configuration: Vec<Entry>,
    folder: TempDir,
    _ports: [ReservedPort; 2],
}

impl JobManager {
    /// Starts it and waits until it answers.
    pub async fn start() -> Self {
        let mut job_manager = Self::with(&[]);
        job_manager.run().await;
        job_manager
    }

    /// One that is not running yet, with these options.
    pub fn with(options: &[(&str, &str)]) -> Self {
        let home = FlinkHome::open(&flink_home(Line::V1_20), None).unwrap();
        let (folder, ports) = (TempDir::new().unwrap(), [ReservedPort::new(), ReservedPort::new()]);
        let mut config = Configuration::load(&home.conf_dir, &home.version).unwrap();
        let [rpc, rest] = ports.each_ref().map(|port| port.number().to_string());
        for (key, value) in [
            ("jobmanager.rpc.address", "127.0.0.1"),
            ("jobmanager.rpc.port", &rpc),
            ("rest.address", "127.0.0.1"),
            ("rest.port", &rest),
            ("jobmanager.memory.process.size", "700m"),
            ("taskmanager.memory.process.size", "1024m"),
        ] {
            config.set(key, value, Source::Computed("the test"));
        }
        for (key, value) in options {
            config.set(*key, *value, Source::Computed("the test"));
        }
        let place = |name: &str| folder.path().join(name);
        let directories = Directories { conf: place("conf"), log: place("log"), tmp: place("tmp") };
        command::prepare(&home, &config, &directories).unwrap();
        let mut command =
            command::job_manager(&home, &java(), &config, &directories, &variable).unwrap();
        // Its options are not in the configuration, which is that of the TaskManagers, too.
        let archive = class_data::options(&home.path, Process::JobManager).unwrap_or_default();
        let jvm = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"].into_iter();
        let jvm = jvm.chain(archive.split_whitespace()).map(str::to_owned);
        command.arguments.splice(0..0, jvm);
        let configuration = config
            .iter()
            .map(|(key, value)| Entry { key: key.into(), value: value.into() })
            .collect();
        let rest = FlinkRest::new(&format!("http://127.0.0.1:{rest}"));
        Self { child: None, command, rest, configuration, folder, _ports: ports }
    }

    /// Runs it, again if it was killed, and waits until it answers.
    pub async fn run(&mut self) {
        let mut program = Command::new(&self.command.program);
        program.args(&self.command.arguments).envs(self.command.environment.clone());
        program.current_dir(&self.command.directory);
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(program.spawn().unwrap());
        wait_until("the JobManager answers", PATIENCE, async || self.rest.overview().await.ok())
            .await;
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// The folder of its configuration.
    pub fn conf(&self) -> PathBuf {
        self.folder.path().join("conf")
    }

    /// Waits until this TaskManager is listed.
    pub async fn registered(&self, id: &str) {
        wait_until(&format!("{id} is registered"), PATIENCE, async || {
            let listed = self.rest.task_managers().await.ok()?;
            listed.iter().any(|task_manager| task_manager.id == id).then_some(())
        })
        .await;
    }
}

impl JobManager {
    /// Runs a job that keeps its TaskManager fully busy, waits until it does, and returns the job's
    /// id.
    pub async fn keep_busy(&self) -> String {
        let mut program = Command::new(flink_home(Line::V1_20).join("bin/flink"));
        program.args(["run", "--detached"]).arg(crate::endings_jar(Line::V1_20)).arg("busy");
        program
            .env("FLINK_CONF_DIR", self.conf())
            .env("JAVA_HOME", java_home())
            .env("JVM_ARGS", client_jvm(&flink_home(Line::V1_20)));
        let output = program.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "flink run: {}", String::from_utf8_lossy(&output.stderr));
        wait_until("the job runs", PATIENCE, async || {
            let overview = self.rest.overview().await.ok()?;
            let jobs = self
                .rest
                .jobs()
                .await
                .ok()
                .filter(|_| overview.jobs_running > 0 && overview.free_slots == 0)?;
            jobs.into_iter().find(|job| job.state == "RUNNING").map(|job| job.id)
        })
        .await
    }
}

impl Drop for JobManager {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The parts of the distribution that workers need.
pub fn distribution() -> Vec<Artifact> {
    let home = flink_home(Line::V1_20);
    let mut artifacts = Vec::new();
    for folder in ["bin", "conf", "lib"] {
        for entry in fs_err::read_dir(home.join(folder)).unwrap() {
            let source = entry.unwrap().path();
            let target = source.strip_prefix(&home).unwrap().display().to_string();
            artifacts.push(Artifact { source, target, executable: folder == "bin", secret: false });
        }
    }
    artifacts
}

/// The home of this machine's java.
pub fn java_home() -> PathBuf {
    let program = fs_err::canonicalize(java().program).unwrap();
    program.ancestors().nth(2).map(Path::to_owned).unwrap()
}

fn java() -> Java {
    Java::find(&Configuration::new(), &variable).unwrap()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
