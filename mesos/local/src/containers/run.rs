//! The life of one container.

use std::{
    io,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use fs_err::tokio as fs;
use mesos::v1::CommandInfo;
use nix::sys::signal::Signal;
use tokio::{
    process::{Child, Command},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{Settings, environment, fetch, processes::Spawner};
use crate::{
    core::{Container, Ending},
    inbox::Message,
};

/// Raw wait status of a process that could not be executed.
const NOT_EXECUTED: i32 = 1 << 8;

/// A container to bring from its launch to its end.
pub(super) struct Job {
    pub(super) container: Container,
    pub(super) settings: Arc<Settings>,
    pub(super) spawner: Spawner,
    pub(super) inbox: mpsc::UnboundedSender<Message>,
    /// Cancelled to end the container.
    pub(super) kill: CancellationToken,
}

impl Job {
    pub(super) async fn run(self) {
        let started = tokio::select! {
            started = self.start() => started,
            () = self.kill.cancelled() => Err(Ending::Exited(Signal::SIGKILL as i32)),
        };
        let ending = match started {
            Ok(child) => self.watch(child).await,
            Err(ending) => ending,
        };
        // An owner that is gone needs not know.
        self.inbox.send(Message::Ended { container: self.container.id, ending }).ok();
    }

    async fn start(&self) -> Result<Child, Ending> {
        let not_launched = |error: &dyn std::error::Error| Ending::NotLaunched(error.to_string());
        let sandbox = self.make_sandbox().await.map_err(|error| not_launched(&error))?;
        let command = self.container.info.command.clone().unwrap_or_default();
        for uri in &command.uris {
            fetch::fetch(uri, &sandbox).await.map_err(|error| {
                let id = self.container.id;
                Ending::NotLaunched(format!(
                    "Failed to fetch all URIs for container '{id}': {error}"
                ))
            })?;
        }
        let process = self.process(&command, &sandbox).map_err(|error| not_launched(&error))?;
        let spawned = match &command.value {
            Some(_) => self.spawner.spawn(process).await,
            None => Err(io::Error::other("the command has no value")),
        };
        match spawned {
            Ok(child) => Ok(child),
            Err(error) => {
                let message = format!("Failed to execute '{}': {error}\n", command.value());
                fs::write(sandbox.join("stderr"), message)
                    .await
                    .map_err(|error| not_launched(&error))?;
                Err(Ending::Exited(NOT_EXECUTED))
            }
        }
    }

    /// The same folders as below a real agent's work folder.
    async fn make_sandbox(&self) -> io::Result<PathBuf> {
        let Container { id, key, agent_id, .. } = &self.container;
        let (framework, executor) = (&key.framework, &key.executor);
        let runs = format!("slaves/{agent_id}/frameworks/{framework}/executors/{executor}/runs");
        let runs = self.settings.work_dir.join(runs);
        let sandbox = runs.join(id.to_string());
        fs::create_dir_all(&sandbox).await?;
        fs::set_permissions(&sandbox, std::fs::Permissions::from_mode(0o750)).await?;
        let latest = runs.join("latest");
        if fs::symlink_metadata(&latest).await.is_ok() {
            fs::remove_file(&latest).await?;
        }
        fs::symlink(&sandbox, latest).await?;
        Ok(sandbox)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of this crate that starts processes"
    )]
    fn process(&self, command: &CommandInfo, sandbox: &Path) -> io::Result<Command> {
        let mut process = if command.shell() {
            let mut shell = Command::new("/bin/sh");
            shell.arg0("sh").arg("-c").arg(command.value());
            shell
        } else {
            let mut program = Command::new(command.value());
            // As with exec(3), the first argument is the program's own name.
            if let Some((name, rest)) = command.arguments.split_first() {
                program.arg0(name).args(rest);
            }
            program
        };
        let output =
            |name: &str| fs_err::File::create(sandbox.join(name)).map(fs_err::File::into_file);
        process
            .env_clear()
            .envs(environment::variables(&self.container, &self.settings, sandbox))
            .current_dir(sandbox)
            .stdin(Stdio::null())
            .stdout(output("stdout")?)
            .stderr(output("stderr")?)
            .kill_on_drop(true);
        Ok(process)
    }

    /// Waits for the end of a process, or brings it about.
    async fn watch(&self, mut child: Child) -> Ending {
        let Some(id) = child.id() else { return Ending::Exited(NOT_EXECUTED) };
        self.inbox.send(Message::Started { container: self.container.id, pid: id }).ok();
        let status = tokio::select! {
            status = child.wait() => status,
            () = self.kill.cancelled() => {
                self.end_tree(id).await;
                child.wait().await
            }
        };
        self.end_tree(id).await;
        match status {
            Ok(status) => Ending::Exited(status.into_raw()),
            Err(error) => Ending::NotLaunched(format!("Failed to wait for the executor: {error}")),
        }
    }

    async fn end_tree(&self, id: u32) {
        let processes = self.spawner.processes();
        let ended = tokio::task::spawn_blocking(move || processes.end_rest(id.cast_signed())).await;
        if let Err(error) = ended {
            tracing::error!(%error, "Cannot end the executor's process tree");
        }
    }
}
