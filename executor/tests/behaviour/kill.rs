//! What a KILL does, for every way to start a TaskManager.

use std::time::Duration;

use mesos::v1::TaskState;
use overlays::worker::WorkerSpec;

use crate::host::{Executor, Host, task, until};

/// On SIGTERM it waits until the test says `go`, then finishes its work.
const OBEDIENT: &str = r"trap 'touch asked; while [ ! -e go ]; do sleep 0.02; done; touch done; exit 0' TERM
touch up; while :; do sleep 0.02; done";

/// How the TaskManager is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As java.
    Java,
    /// By a custom command, which a shell runs.
    OwnCommand,
    /// By a custom command that runs a shell itself.
    OwnScript,
    /// As java, after a bootstrap command.
    AfterBootstrap,
    /// The bootstrap command is still running.
    Bootstrap,
    /// As java, in a container.
    Container,
    /// By a custom command, in a container.
    OwnCommandInContainer,
}

const WAYS: [Way; 7] = [
    Way::Java,
    Way::OwnCommand,
    Way::OwnScript,
    Way::AfterBootstrap,
    Way::Bootstrap,
    Way::Container,
    Way::OwnCommandInContainer,
];

/// Starts a worker in this way that runs this program, and waits until it is up.
async fn running(way: Way, program: &str, variables: &[(&str, &str)]) -> (Host, Executor) {
    let mut host = Host::new().await;
    host.container = matches!(way, Way::Container | Way::OwnCommandInContainer)
        && nix::unistd::geteuid().is_root();
    let path = format!("{}/program", host.scratch());
    fs_err::write(&path, format!("cd {}\n{program}\n", host.scratch())).unwrap();
    let command = format!("bash {path}");
    let mut spec: WorkerSpec = host.worker("w", &format!("exec {command}"));
    match way {
        Way::Java | Way::Container => {}
        Way::OwnCommand | Way::OwnCommandInContainer => spec.task_manager_command = command,
        Way::OwnScript => spec.task_manager_command = format!("bash -c '{command}; true'"),
        Way::AfterBootstrap => spec.bootstrap_command = "true".into(),
        Way::Bootstrap => spec.bootstrap_command = command,
    }
    let executor = host.executor(variables);
    host.agent.subscribe().await;
    host.agent.launch(task(&spec));
    host.agent.update(TaskState::TaskRunning).await;
    said(&host, "up").await;
    (host, executor)
}

async fn said(host: &Host, name: &str) {
    let path = format!("{}/{name}", host.scratch());
    until(|| fs_err::metadata(&path).ok()).await;
}

#[tokio::test]
async fn a_task_manager_gets_its_grace_however_it_was_started() {
    for way in WAYS {
        let (mut host, mut executor) = running(way, OBEDIENT, &[]).await;
        host.agent.kill("w", Duration::from_secs(600));
        said(&host, "asked").await;
        fs_err::write(format!("{}/go", host.scratch()), "").unwrap();
        let killed = host.agent.update(TaskState::TaskKilled).await;
        let done = fs_err::metadata(format!("{}/done", host.scratch())).is_ok();
        assert!(done, "{way:?}: {}", killed.message());
        assert!(
            killed.message().starts_with("stopped on request: ended "),
            "{way:?}: {}",
            killed.message()
        );
        executor.ended().await;
    }
}

#[tokio::test]
async fn a_task_manager_that_ignores_sigterm_is_killed_after_its_grace_however_it_was_started() {
    for way in WAYS {
        let program = "trap '' TERM; touch up; while :; do sleep 0.02; done";
        let (mut host, mut executor) = running(way, program, &[]).await;
        host.agent.kill("w", Duration::from_millis(200));
        let killed = host.agent.update(TaskState::TaskKilled).await;
        let message = killed.message();
        assert!(
            message.contains("its grace period of 0.2 s") && message.contains("killed by SIGKILL"),
            "{way:?}: {message}"
        );
        executor.ended().await;
    }
}

/// As `docker stop` does.
#[tokio::test]
async fn sigterm_to_the_first_process_of_a_container_gives_the_task_manager_its_grace() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let long = [("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "600secs")];
    let (mut host, mut executor) = running(Way::OwnCommandInContainer, OBEDIENT, &long).await;
    let first = until(|| crate::host::child_named(executor.pid(), "flink-mesos-exe")).await;
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(first.cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    said(&host, "asked").await;
    fs_err::write(format!("{}/go", host.scratch()), "").unwrap();
    let killed = host.agent.update(TaskState::TaskKilled).await;
    assert!(
        killed.message().starts_with("ended by SIGTERM to the executor: ended "),
        "{}",
        killed.message()
    );
    said(&host, "done").await;
    executor.ended().await;
}
