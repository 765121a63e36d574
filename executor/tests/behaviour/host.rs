//! The host of an executor: a sandbox, an artifact server with a fake Flink, a fake java.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use fetcher_server::{Artifact, ArtifactServer, ServerOptions};
use mesos::v1::{TaskId, TaskInfo, TaskState};
use overlays::worker::{ArtifactSource, Entry, WorkerSpec};
use prost::Message as _;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::agent::{Agent, PATIENCE};

/// A TaskManager that does nothing.
pub(crate) const SLEEPS: &str = "exec sleep 1000";

pub(crate) struct Host {
    pub(crate) agent: Agent,
    folder: TempDir,
    artifacts: ArtifactServer,
    /// The control group to start executors in.
    pub(crate) group: Option<PathBuf>,
    /// Start executors as the first process of a container, which cannot see other processes.
    pub(crate) container: bool,
}

impl Host {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        make_java(&folder.path().join("java"));
        let flink = make_flink(&folder.path().join("dist"));
        fs_err::create_dir(folder.path().join("sandbox")).unwrap();
        let (manifest, catalogue) = fetcher_server::build(flink).await.unwrap();
        let options =
            ServerOptions { bind: "127.0.0.1:0".parse().unwrap(), ..ServerOptions::default() };
        let artifacts = ArtifactServer::start(options, manifest, catalogue).await.unwrap();
        Self { agent: Agent::start().await, folder, artifacts, group: None, container: false }
    }

    /// A worker whose TaskManager is this script.
    pub(crate) fn worker(&self, id: &str, script: &str) -> WorkerSpec {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        WorkerSpec {
            worker_id: id.into(),
            flink_version: "1.20.5".into(),
            artifacts: Some(ArtifactSource {
                urls: vec![self.artifacts.url().to_owned()],
                manifest: self.artifacts.manifest().to_string(),
                token: self.artifacts.issue_token(id).expose().to_owned(),
                ..ArtifactSource::default()
            }),
            configuration: vec![
                entry("taskmanager.memory.process.size", "1728m"),
                entry("jobmanager.rpc.address", "localhost"),
                entry("s3.secret-key", "hunter22"),
                entry("my.url", "https://me:hunter44@host/x?sig=hunter44"),
            ],
            environment: vec![entry("FAKE_TASK_MANAGER", script)],
            java_home: self.folder.path().join("java").display().to_string(),
            hostname: "localhost".into(),
            ..WorkerSpec::default()
        }
    }

    pub(crate) fn task(&self, id: &str, script: &str) -> TaskInfo {
        task(&self.worker(id, script))
    }

    pub(crate) fn sandbox(&self, name: &str) -> PathBuf {
        self.folder.path().join("sandbox").join(name)
    }

    /// Reads the pid that the script writes to this file in its working directory.
    pub(crate) async fn pid(&self, name: &str) -> u32 {
        let path = self.folder.path().join(name);
        until(|| fs_err::read_to_string(&path).ok()?.trim().parse().ok()).await
    }

    /// Launches a worker and waits until it runs.
    pub(crate) async fn running(&mut self, id: &str, variables: &[(&str, &str)]) -> Executor {
        let executor = self.executor(variables);
        self.agent.subscribe().await;
        self.agent.launch(self.task(id, SLEEPS));
        self.agent.update(TaskState::TaskRunning).await;
        executor
    }

    /// Kills a worker and waits for the end of its executor.
    pub(crate) async fn end(&mut self, id: &str, mut executor: Executor) {
        self.agent.kill(id, Duration::from_secs(60));
        self.agent.update(TaskState::TaskKilled).await;
        assert!(executor.ended().await.success(), "{}", self.log());
    }

    /// The cache that executors share.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// The host's log folder, once a test has made it.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    /// The socket of the host's sidecar.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("sidecar/fetcher.sock")
    }

    /// The cache of the sidecar.
    pub(crate) fn cache_of_sidecar(&self) -> PathBuf {
        self.folder.path().join("sidecar/cache")
    }

    /// Bytes of files that the artifact server has sent.
    pub(crate) fn fetched(&self) -> u64 {
        self.artifacts.bytes_sent()
    }

    /// Moves the sandbox of an executor that has ended away, so that the next one gets a new one.
    pub(crate) fn next_sandbox(&self) {
        let (old, new) =
            (self.folder.path().join("sandbox"), self.folder.path().join("old-sandbox"));
        fs_err::rename(&old, new).unwrap();
        fs_err::create_dir(old).unwrap();
    }

    /// A folder for files that scripts write.
    pub(crate) fn scratch(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Starts the executor as the agent would.
    pub(crate) fn executor(&self, more: &[(&str, &str)]) -> Executor {
        let port = self.agent.port;
        let sandbox = self.folder.path().join("sandbox");
        let log = fs_err::File::create(sandbox.join("stderr")).unwrap().into_parts().0;
        let group = self.group.as_deref().unwrap_or(Path::new(""));
        let child = Command::new("/bin/bash")
            .env_clear()
            .env("GROUP", group)
            // SIGCHLD is blocked, as the agent's launcher leaves it.
            .args([
                "-c",
                "umask ${UMASK:-022}; unset UMASK; [ -n \"$GROUP\" ] && echo $$ > $GROUP/cgroup.procs; unset GROUP; exec env --block-signal=CHLD $CONTAINER \"$0\"",
            ])
            .env("CONTAINER", if self.container { "unshare --pid --fork --kill-child --mount-proc" } else { "" })
            .arg(env!("CARGO_BIN_EXE_flink-mesos-executor"))
            .env("PATH", "/usr/bin:/bin")
            .env("MESOS_FRAMEWORK_ID", "framework")
            .env("MESOS_EXECUTOR_ID", "w")
            .env("MESOS_SLAVE_PID", format!("slave(1)@127.0.0.1:{port}"))
            .env("MESOS_AGENT_ENDPOINT", format!("127.0.0.1:{port}"))
            .env("MESOS_DIRECTORY", &sandbox)
            .env("MESOS_SANDBOX", &sandbox)
            .env("MESOS_CHECKPOINT", "1")
            .env("MESOS_RECOVERY_TIMEOUT", "15mins")
            .env("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs")
            .env("FLINK_MESOS_CACHE_DIR", self.cache())
            .env("FLINK_MESOS_FETCHER_SOCKET", self.socket())
            .env("FLINK_MESOS_LOG_DIR", self.logs())
            .env("AGENT_SECRET", "not for workers")
            .envs(more.iter().copied())
            .current_dir(&sandbox)
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Executor { child }
    }

    /// The executor's log; a failing test prints it.
    pub(crate) fn log(&self) -> String {
        fs_err::read_to_string(self.sandbox("stderr")).unwrap_or_default()
    }
}

pub(crate) struct Executor {
    child: Child,
}

impl Executor {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    /// Waits for its exit status.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("the executor does not end")
            .unwrap()
    }
}

pub(crate) fn task(spec: &WorkerSpec) -> TaskInfo {
    TaskInfo {
        name: "worker".into(),
        task_id: TaskId { value: spec.worker_id.clone() },
        data: Some(spec.encode_to_vec().into()),
        ..TaskInfo::default()
    }
}

pub(crate) async fn until<T>(mut check: impl FnMut() -> Option<T>) -> T {
    let patience = async {
        loop {
            if let Some(found) = check() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, patience).await.expect("in time")
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

pub(crate) async fn until_dead(pid: u32) {
    until(|| (!is_alive(pid)).then_some(())).await;
}

/// The process with this name below this one, whichever thread started it.
pub(crate) fn child_named(parent: u32, name: &str) -> Option<u32> {
    let threads = fs_err::read_dir(format!("/proc/{parent}/task")).ok()?.flatten();
    let children =
        threads.filter_map(|thread| fs_err::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|pids| {
            pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect();
    let named = |pid: &u32| {
        fs_err::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)
    };
    children.into_iter().find(named)
}

/// A fake java that runs the script in the worker's environment.
fn make_java(home: &Path) {
    let program = home.join("bin/java");
    fs_err::create_dir_all(home.join("bin")).unwrap();
    fs_err::write(home.join("release"), "JAVA_VERSION=\"17.0.9\"\n").unwrap();
    fs_err::write(&program, "#!/bin/bash\nexec /bin/bash -c \"$FAKE_TASK_MANAGER\" java \"$@\"\n")
        .unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The files of a distribution that are needed before Flink itself runs.
fn make_flink(home: &Path) -> Vec<Artifact> {
    let jar = "a jar".repeat(40_000);
    let files = [
        ("lib/flink-dist-1.20.5.jar", jar.as_str()),
        ("conf/config.yaml", ""),
        ("conf/log4j.properties", "rootLogger.level = INFO\n"),
        ("conf/log4j-console.properties", "rootLogger.level = INFO\n"),
        ("bin/flink", "#!/bin/sh\n"),
    ];
    let artifact = |(target, content): (&str, &str)| {
        let source = home.join(target);
        fs_err::create_dir_all(source.parent().unwrap()).unwrap();
        fs_err::write(&source, content).unwrap();
        Artifact {
            source,
            target: target.into(),
            executable: target.starts_with("bin/"),
            secret: false,
        }
    };
    files.into_iter().map(artifact).collect()
}
