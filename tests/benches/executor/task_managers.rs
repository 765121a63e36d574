//! From the wish for a TaskManager until the JobManager lists it, on a host that has had one before: ours from ACCEPT, the
//! same java command started by hand, and Flink's own `taskmanager.sh`; in turns. And our executor's memory beside it.

use std::process::{Child, Command, Stdio};

use mesos::v1::TaskState;
use overlays::worker::{Sandbox, WorkerSpec, apply};
use tempfile::TempDir;
use tests::{Line, RealMesosOptions, flink_home, wait_until};
use tokio::time::Instant;

use crate::{
    artifacts::Artifacts,
    flink::{self, JobManager, PATIENCE},
    median, resident,
    rig::Rig,
};

const ROUNDS: usize = 5;

struct Scene {
    rig: Rig,
    job_manager: JobManager,
}

pub(crate) async fn measure() {
    let artifacts = Artifacts::of_files(flink::distribution(), flink::java_home()).await;
    let scene = Scene {
        rig: Rig::start_on(RealMesosOptions::default(), artifacts).await,
        job_manager: JobManager::start().await,
    };
    scene.warm().await;
    let (mut ours, mut memory, mut plain, mut script) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (seconds, megabytes) = scene.ours(&format!("ours{round}")).await;
        ours.push(seconds);
        memory.push(megabytes);
        plain.push(scene.plain(&format!("plain{round}")).await);
        script.push(scene.script(&format!("script{round}")).await);
    }
    let ours = median(ours.into_iter());
    for (name, peer) in [("tm-start", plain), ("tm-start-script", script)] {
        let peer = median(peer.into_iter());
        println!("{name}\texecutor\t{ours:.2}\t{peer:.2}\t{:.2}\ts", peer / ours);
    }
    println!("executor-rss-task-manager\texecutor\t{:.1}\t\t\tMB", median(memory.into_iter()));
}

impl Scene {
    fn description(&self, id: &str) -> WorkerSpec {
        WorkerSpec { configuration: self.job_manager.configuration.clone(), ..self.rig.description(id) }
    }

    /// One that fetches, and leaves what the next ones start with.
    async fn warm(&self) {
        self.rig.launch(vec![self.description("warm")]).await;
        self.job_manager.registered("warm").await;
        let folder = self.rig.cache().join("class-data");
        wait_until("an archive of class data is made", PATIENCE, async || {
            let mut made = fs_err::read_dir(&folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
            made.find(|path| path.extension().is_some_and(|end| end == "jsa"))
        })
        .await;
        self.end("warm").await;
    }

    async fn end(&self, id: &str) {
        self.rig.kill(id).await;
        self.rig.update_at(id, TaskState::TaskKilled).await;
        self.rig.until_nothing_is_left(&[id.to_owned()]).await;
    }

    /// Seconds, and megabytes of the executor.
    async fn ours(&self, id: &str) -> (f64, f64) {
        let accepted = self.rig.launch(vec![self.description(id)]).await;
        self.job_manager.registered(id).await;
        let seconds = accepted.elapsed().as_secs_f64();
        let memory = resident(self.rig.executors()[0]);
        self.end(id).await;
        (seconds, memory)
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
        program.env("JAVA_HOME", flink::java_home());
        self.registered(program, id).await
    }

    /// Seconds from a program's start.
    async fn registered(&self, mut program: Command, id: &str) -> f64 {
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let _process = Process(program.spawn().unwrap());
        self.job_manager.registered(id).await;
        started.elapsed().as_secs_f64()
    }
}

/// Ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
