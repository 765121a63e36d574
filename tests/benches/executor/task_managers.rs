//! From the request for a TaskManager until the JobManager lists it, on a host that has run one
//! before: ours from ACCEPT, the same java command started by hand, and Flink's own
//! `taskmanager.sh`, in turns. Also our executor's memory, its wake-ups while idle, and how soon a
//! fully loaded TaskManager is ended.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fetcher_tests::figures::median;
use mesos::v1::TaskState;
use overlays::worker::{Sandbox, WorkerSpec, apply};
use tempfile::TempDir;
use tests::{
    Line, RealMesosOptions, flink_home,
    rig::{
        Rig,
        artifacts::Artifacts,
        job_manager::{self, JobManager, PATIENCE},
    },
    wait_until,
};
use tokio::time::Instant;

use crate::{
    milliseconds,
    process::{resident, wake_ups},
    row,
};

const ROUNDS: usize = 5;

/// The time to wait after a registration.
const SETTLED: Duration = Duration::from_secs(15);

const KILLS: usize = 3;

/// The executor's default grace period, without one in the task or in KILL.
const GRACE_MS: f64 = 5000.0;

struct Scene {
    rig: Rig,
    job_manager: JobManager,
}

pub(crate) async fn measure() {
    let artifacts =
        Artifacts::of_files(job_manager::distribution(), job_manager::java_home()).await;
    let scene = Scene {
        rig: Rig::start_on(RealMesosOptions::default(), artifacts).await,
        job_manager: JobManager::start().await,
    };
    let archive = scene.warm().await;
    let (mut ours, mut memory, mut plain, mut script) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (seconds, megabytes) = scene.ours(&format!("ours{round}"), &archive).await;
        ours.push(seconds);
        memory.push(megabytes);
        plain.push(scene.plain(&format!("plain{round}")).await);
        script.push(scene.script(&format!("script{round}")).await);
    }
    let ours = median(ours);
    row("tm-start", ours, Some(median(plain)), "s");
    row("tm-start-script", ours, Some(median(script)), "s");
    row("executor-rss-task-manager", median(memory), None, "MB");
    row("executor-idle", scene.idle("idle").await, None, "wake-ups/s");
    let mut kills = Vec::new();
    for round in 0..KILLS {
        kills.push(scene.kill_under_load(&format!("busy{round}")).await);
    }
    row("kill-under-load", median(kills), Some(GRACE_MS), "ms");
}

impl Scene {
    fn description(&self, id: &str) -> WorkerSpec {
        WorkerSpec {
            configuration: self.job_manager.configuration.clone(),
            ..self.rig.description(id)
        }
    }

    /// Runs one TaskManager that fetches the artifacts and leaves the archive for the next ones.
    async fn warm(&self) -> PathBuf {
        self.rig.launch(vec![self.description("warm")]).await;
        self.job_manager.registered("warm").await;
        let folder = self.rig.cache().join("class-data");
        let archive = wait_until("an archive of class data is made", PATIENCE, async || {
            let mut made =
                fs_err::read_dir(&folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
            made.find(|path| path.extension().is_some_and(|end| end == "jsa"))
        })
        .await;
        self.end("warm").await;
        archive
    }

    async fn end(&self, id: &str) {
        self.rig.kill(id).await;
        self.rig.update_at(id, TaskState::TaskKilled).await;
        self.rig.until_nothing_is_left(&[id.to_owned()]).await;
    }

    /// Seconds until the registration, and the executor's memory in megabytes. Measures a start
    /// with the archive.
    async fn ours(&self, id: &str, archive: &Path) -> (f64, f64) {
        let accepted = self.rig.launch(vec![self.description(id)]).await;
        self.job_manager.registered(id).await;
        let seconds = accepted.elapsed().as_secs_f64();
        let memory = resident(self.rig.executors()[0]);
        let mapped = self.rig.mesos.below_agents().into_iter().any(|pid| {
            let maps = fs_err::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
            maps.contains(&archive.display().to_string())
        });
        assert!(mapped, "the JVM has not taken {}", archive.display());
        self.end(id).await;
        (seconds, memory)
    }

    /// The executor's wake-ups per second next to an idle TaskManager.
    async fn idle(&self, id: &str) -> f64 {
        self.rig.launch(vec![self.description(id)]).await;
        self.job_manager.registered(id).await;
        // By then, all work on class data is done.
        tokio::time::sleep(SETTLED).await;
        let wake_ups = wake_ups(self.rig.executors()[0]).await;
        self.end(id).await;
        wake_ups
    }

    /// From KILL to `TASK_KILLED`, in milliseconds.
    async fn kill_under_load(&self, id: &str) -> f64 {
        self.rig.launch(vec![self.description(id)]).await;
        self.job_manager.registered(id).await;
        let job = self.job_manager.keep_busy().await;
        let asked = Instant::now();
        self.rig.kill(id).await;
        let (killed_at, _) = self.rig.update_at(id, TaskState::TaskKilled).await;
        // The job may have failed with its TaskManager.
        self.job_manager.rest.cancel(&job).await.ok();
        self.rig.until_nothing_is_left(&[id.to_owned()]).await;
        milliseconds(asked, killed_at)
    }

    /// The command that the executor would start, without class data.
    async fn plain(&self, id: &str) -> f64 {
        let folder = TempDir::new().unwrap();
        let sandbox = Sandbox { path: folder.path().to_owned() };
        fs_err::os::unix::fs::symlink(flink_home(Line::V1_20), sandbox.flink()).unwrap();
        let command = apply(&self.description(id), &sandbox, None, &|_| None).unwrap();
        let mut program = Command::new(command.program);
        program.args(command.arguments).envs(command.environment).current_dir(command.directory);
        self.registered(program, id).await
    }

    async fn script(&self, id: &str) -> f64 {
        let folder = TempDir::new().unwrap();
        let mut program = Command::new(flink_home(Line::V1_20).join("bin/taskmanager.sh"));
        program.args(["start-foreground", &format!("-Dtaskmanager.resource-id={id}")]);
        program.env("FLINK_CONF_DIR", self.job_manager.conf()).env("FLINK_LOG_DIR", folder.path());
        program.env("JAVA_HOME", job_manager::java_home());
        self.registered(program, id).await
    }

    /// Seconds from a program's start to its registration.
    async fn registered(&self, mut program: Command, id: &str) -> f64 {
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let _process = Process(program.spawn().unwrap());
        self.job_manager.registered(id).await;
        started.elapsed().as_secs_f64()
    }
}

/// A process that is killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
