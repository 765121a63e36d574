//! The smallest possible executor, in C: it shows what Mesos itself takes to start and end a task.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mesos::v1::TaskState;
use tempfile::TempDir;
use tests::rig::{Rig, custom_task};
use tokio::time::Instant;

use crate::{milliseconds, settle};

/// The compiled programs.
pub(crate) struct Peer {
    program: PathBuf,
    /// The program that it starts as its task, which does nothing.
    pub(crate) command: PathBuf,
    _folder: TempDir,
}

impl Peer {
    pub(crate) fn build() -> Self {
        let folder = TempDir::new().unwrap();
        let (program, command) = (folder.path().join("executor-peer"), folder.path().join("idle"));
        compile("executor.c", &program);
        compile("idle.c", &command);
        Self { program, command, _folder: folder }
    }

    /// From ACCEPT to `TASK_RUNNING`, and from KILL to `TASK_KILLED`, in milliseconds.
    pub(crate) async fn round(&self, rig: &Rig, id: &str) -> (f64, f64) {
        let mut task = custom_task(id, &self.program);
        let command =
            task.executor.as_mut().and_then(|executor| executor.command.as_mut()).unwrap();
        command.arguments.push(self.command.display().to_string());
        settle().await;
        let accepted = rig.launch_tasks(vec![task]).await;
        let (running_at, _) = rig.update_at(id, TaskState::TaskRunning).await;
        let asked = Instant::now();
        rig.kill(id).await;
        let (killed_at, _) = rig.update_at(id, TaskState::TaskKilled).await;
        rig.until_nothing_is_left(&[id.to_owned()]).await;
        (milliseconds(accepted, running_at), milliseconds(asked, killed_at))
    }
}

fn compile(source: &str, program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers").join(source);
    let built = Command::new("cc").args(["-O2", "-o"]).arg(program).arg(&source).status();
    assert!(
        built.expect("there is a C compiler").success(),
        "{} does not compile",
        source.display()
    );
}
