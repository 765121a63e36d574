//! A task from its launch to its end, and what is left of it.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use mesos::v1::TaskState;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use overlays::worker::Entry;

use crate::host::{Host, child_named, is_alive, task, until, until_dead};

const LONG: Duration = Duration::from_secs(60);

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

#[tokio::test]
async fn a_task_is_launched_runs_and_is_killed() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    let subscribe = host.agent.subscribe().await;
    assert!(
        subscribe.unacknowledged_tasks.is_empty() && subscribe.unacknowledged_updates.is_empty()
    );
    let script = format!("env > {}/env; echo $$ > {0}/pid; sleep 1000", host.scratch());
    host.agent.launch(host.task("w", &script));
    let starting = host.agent.update(TaskState::TaskStarting).await;
    assert_eq!(starting.message(), "fetching Flink 1.20.5");
    let running = host.agent.update(TaskState::TaskRunning).await;
    let pid = host.pid("pid").await;
    assert_eq!(running.message(), format!("the TaskManager runs as process {pid}"));
    assert!(host.sandbox("flink/lib/flink-dist-1.20.5.jar").exists());
    assert!(
        host.sandbox("log/taskmanager.out").exists()
            && host.sandbox("log/taskmanager.err").exists()
    );

    host.agent.kill("w", LONG);
    let killed = host.agent.update(TaskState::TaskKilled).await;
    assert!(killed.message().starts_with("stopped on request: ended "), "{}", killed.message());
    assert!(executor.ended().await.success(), "{}", host.log());
    assert!(!is_alive(pid));
    let environment = fs_err::read_to_string(format!("{}/env", host.scratch())).unwrap();
    assert!(
        !environment.contains("AGENT_SECRET") && !environment.contains("MESOS_EXECUTOR_ID"),
        "{environment}"
    );
}

#[tokio::test]
async fn a_task_can_be_running_once_it_listens_and_is_healthy_once_it_registers() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!(
        "echo 'x INFO  starting' > {0}/log/taskmanager.log
        while [ ! -e {1}/listen ]; do sleep 0.02; done
        exec python3 -c '
import socket, time
s = socket.create_server((\"127.0.0.1\", {port}))
open(\"{0}/log/taskmanager.log\", \"a\").write(\"x INFO  Successful registration at resource manager y.\\n\")
time.sleep(1000)'",
        host.sandbox("").display(),
        host.scratch()
    );
    let mut spec = host.worker("w", &script);
    spec.ports = [("taskmanager.data.port".to_owned(), u32::from(port))].into();
    spec.configuration
        .push(Entry { key: "mesos.executor.running-when".into(), value: "listening".into() });
    host.agent.launch(task(&spec));
    until(|| host.sandbox("log/taskmanager.log").exists().then_some(())).await;
    assert!(!host.log().contains("TASK_RUNNING"));
    fs_err::write(format!("{}/listen", host.scratch()), "").unwrap();
    assert_eq!(host.agent.update(TaskState::TaskRunning).await.healthy, None);
    let healthy = host.agent.update(TaskState::TaskRunning).await;
    assert_eq!(healthy.healthy, Some(true));
    let labels = healthy.labels.unwrap().labels;
    let at = |name: &str| {
        labels.iter().find(|label| label.key == name).unwrap().value().parse::<f64>().unwrap()
    };
    assert!(at("subscribed-ms") <= at("launched-ms") && at("fetched-ms") <= at("spawned-ms"));
    assert!(at("spawned-ms") <= at("listening-ms") && at("listening-ms") <= at("registered-ms"));
    host.agent.kill("w", LONG);
    host.agent.update(TaskState::TaskKilled).await;
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn a_task_that_does_not_register_is_reported_with_a_line_of_its_log() {
    let mut host = Host::new().await;
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    let log = host.sandbox("log/taskmanager.log");
    let script = format!(
        "echo 'x INFO  Could not resolve ResourceManager address y' > {}; sleep 1000",
        log.display()
    );
    let mut spec = host.worker("w", &script);
    spec.configuration
        .push(Entry { key: "mesos.executor.registration-timeout".into(), value: "200 ms".into() });
    host.agent.launch(task(&spec));
    assert_eq!(host.agent.update(TaskState::TaskRunning).await.healthy, None);
    let unhealthy = host.agent.update(TaskState::TaskRunning).await;
    assert_eq!(unhealthy.healthy, Some(false));
    assert!(
        unhealthy.message().ends_with("x INFO  Could not resolve ResourceManager address y"),
        "{unhealthy:?}"
    );
}

#[tokio::test]
async fn usage_is_reported_to_the_scheduler_every_ten_seconds() {
    let mut host = Host::new().await;
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "sleep 1000 & wait"));
    let message: serde_json::Value = serde_json::from_slice(&host.agent.message().await).unwrap();
    let first = tokio::time::Instant::now();
    let usage = &message["usage"];
    assert_eq!(usage["worker"], "w");
    assert_eq!(usage["processes"], 2, "the shell and the sleep: {message}");
    assert!(usage["memory_bytes"].as_u64().unwrap() > 1 << 20, "{message}");
    assert!(usage["sandbox_bytes"].as_u64().unwrap() > 200_000, "{message}");
    let message: serde_json::Value = serde_json::from_slice(&host.agent.message().await).unwrap();
    // On a busy machine, either message may come late.
    assert!((3..60).contains(&first.elapsed().as_secs()), "after {:?}", first.elapsed());
    assert!(message["usage"]["cpu_cores"].as_f64().is_some_and(|cores| cores < 1.0), "{message}");
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_after_its_grace() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    let script = format!(
        "trap '' TERM; setsid bash -c 'trap \"\" TERM; echo $$ > {0}/child; sleep 1000' & echo $$ > {0}/pid; \
         while true; do sleep 1; done",
        host.scratch()
    );
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let (pid, child) = (host.pid("pid").await, host.pid("child").await);
    let before = tokio::time::Instant::now();
    host.agent.kill("w", Duration::from_millis(300));
    let killed = host.agent.update(TaskState::TaskKilled).await;
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert!(
        killed.message().contains("still alive after its grace period of "),
        "{}",
        killed.message()
    );
    assert!(!is_alive(pid) && !is_alive(child));
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn nothing_outlives_an_executor_that_is_killed() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    let script = format!(
        "(setsid bash -c 'trap \"\" TERM HUP; echo $$ > {0}/daemon; sleep 1000' &); trap '' TERM; echo $$ > {0}/pid; \
         while true; do sleep 1; done",
        host.scratch()
    );
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let (pid, daemon) = (host.pid("pid").await, host.pid("daemon").await);
    signal(executor.pid(), Signal::SIGKILL);
    executor.ended().await;
    until_dead(pid).await;
    until_dead(daemon).await;
}

#[tokio::test]
async fn the_folders_of_a_worker_exist_before_one_is_launched() {
    let mut host = Host::new().await;
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    for name in ["conf", "log", "tmp", "log/taskmanager.out", "log/taskmanager.err"] {
        until(|| host.sandbox(name).exists().then_some(())).await;
    }
    let mode = fs_err::metadata(host.sandbox("log/taskmanager.err")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "other users cannot read a TaskManager's files");
}

/// File mode, in octal digits.
fn mode(path: &std::path::Path) -> String {
    format!("{:o}", fs_err::symlink_metadata(path).unwrap().permissions().mode() & 0o7777)
}

#[tokio::test]
async fn files_of_an_executor_are_for_its_user_and_group_whatever_the_umask() {
    for umask in ["000", "777"] {
        let mut host = Host::new().await;
        fs_err::create_dir(host.logs()).unwrap();
        let variables = [("UMASK", umask), ("FLINK_MESOS_EXECUTOR_LOG_SIZE", "64 kb")];
        let executor = host.executor(&variables);
        let pid = executor.pid();
        host.agent.subscribe().await;
        let log = host.sandbox("log/taskmanager.log");
        let script = format!(
            "umask > {}/umask; echo x > {}; exec sleep 1000",
            host.scratch(),
            log.display()
        );
        host.agent.launch(host.task("w", &script));
        host.agent.update(TaskState::TaskRunning).await;
        until(|| log.exists().then_some(())).await;
        let journal = host.sandbox("executor.json");
        until(|| fs_err::read_to_string(&journal).ok()?.contains("TASK_RUNNING").then_some(()))
            .await;
        let expected = [
            ("conf", "750"),
            ("log", "750"),
            ("tmp", "750"),
            ("executor.json", "640"),
            ("log/taskmanager.out", "640"),
            ("log/taskmanager.err", "640"),
            ("log/taskmanager.log", "640"),
        ];
        for (name, expected) in expected {
            assert_eq!(mode(&host.sandbox(name)), expected, "{name} with umask {umask}");
        }
        assert_eq!(mode(&host.logs().join(format!("w-{pid}.log"))), "640");
        let mut folders = vec![host.sandbox("conf")];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap().flatten() {
                let writable = entry.metadata().unwrap().permissions().mode() & 0o022;
                assert_eq!(writable, 0, "{} can be changed by others", entry.path().display());
                folders.extend(entry.file_type().unwrap().is_dir().then(|| entry.path()));
            }
        }
        host.end("w", executor).await;
    }
}

#[tokio::test]
async fn links_and_pipes_in_place_of_output_files_are_not_followed_and_do_not_block() {
    let mut host = Host::new().await;
    let victim = format!("{}/victim", host.scratch());
    fs_err::write(&victim, "precious").unwrap();
    fs_err::create_dir(host.sandbox("log")).unwrap();
    for name in ["executor.json", "executor.json.other"] {
        fs_err::os::unix::fs::symlink(&victim, host.sandbox(name)).unwrap();
    }
    let executor = host.running("w", &[]).await;
    let journal = host.sandbox("executor.json");
    until(|| fs_err::read_to_string(&journal).ok()?.contains("TASK_RUNNING").then_some(())).await;
    host.end("w", executor).await;
    assert_eq!(fs_err::read_to_string(&victim).unwrap(), "precious");

    let mut host = Host::new().await;
    fs_err::create_dir(host.sandbox("log")).unwrap();
    for name in ["executor.json", "log/taskmanager.out", "log/taskmanager.log"] {
        nix::unistd::mkfifo(&host.sandbox(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "sleep 1000"));
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(
        failed.message().contains("log/taskmanager.out is not a regular file"),
        "{}",
        failed.message()
    );
    assert!(executor.ended().await.success(), "{}", host.log());
}

#[tokio::test]
async fn a_guard_holds_no_files_of_the_executor_open() {
    let mut host = Host::new().await;
    fs_err::create_dir(host.logs()).unwrap();
    let executor = host.executor(&[]);
    host.agent.subscribe().await;
    let open = |pid: u32| {
        let files = fs_err::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| Some(fs_err::read_link(file.path()).ok()?.display().to_string()))
            .collect();
        names
            .iter_mut()
            .filter(|name| name.starts_with("socket:"))
            .for_each(|name| *name = "socket".to_owned());
        names.sort();
        names
    };
    let of_the_host = host.logs().display().to_string();
    assert!(
        open(executor.pid()).iter().any(|name| name.starts_with(&of_the_host)),
        "{:?}",
        open(executor.pid())
    );
    let guard = until(|| child_named(executor.pid(), "tm-guard")).await;
    let stderr = host.sandbox("stderr").display().to_string();
    // The socket twice: one to read orders from, one to send notices.
    let expected = [stderr.as_str(), "/dev/null", "anon_inode:[signalfd]", "socket", "socket"]
        .map(str::to_owned);
    let mut expected = expected.to_vec();
    expected.sort();
    until(|| (open(guard) == expected).then_some(())).await;
}

#[tokio::test]
async fn a_guard_that_is_killed_before_the_launch_is_replaced() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let idle = until(|| child_named(executor.pid(), "tm-guard")).await;
    signal(idle, Signal::SIGKILL);
    let stat = format!("/proc/{idle}/stat");
    until(|| {
        fs_err::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")).then_some(())
    })
    .await;
    host.agent.launch(host.task("w", "sleep 1000"));
    host.agent.update(TaskState::TaskRunning).await;
    host.agent.kill("w", LONG);
    host.agent.update(TaskState::TaskKilled).await;
    assert!(executor.ended().await.success(), "{}", host.log());
}

#[tokio::test]
async fn an_executor_that_gets_no_task_leaves_no_guard() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let idle = until(|| child_named(executor.pid(), "tm-guard")).await;
    host.agent.shut_down();
    assert!(executor.ended().await.success(), "{}", host.log());
    assert!(!is_alive(idle));
}

#[tokio::test]
async fn a_killed_guard_ends_the_whole_tree_and_is_reported() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    let script =
        format!("setsid sleep 1000 & echo $! > {0}/child; echo $$ > {0}/pid; wait", host.scratch());
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let (pid, child) = (host.pid("pid").await, host.pid("child").await);
    let guard = until(|| child_named(executor.pid(), "tm-guard")).await;
    signal(guard, Signal::SIGKILL);
    let failed = host.agent.update(TaskState::TaskFailed).await;
    assert!(
        failed.message().starts_with("the TaskManager ended with unknown status"),
        "{}",
        failed.message()
    );
    assert!(!is_alive(pid) && !is_alive(child));
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn a_failed_start_is_reported_with_lines_of_the_log() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let script = "echo 'Loading s3.secret-key, hunter22' > $(dirname $PWD)/sandbox/log/taskmanager.log; \
                  echo 'FATAL: cannot bind' >> $(dirname $PWD)/sandbox/log/taskmanager.log; \
                  echo 'a complaint' >&2; exit 239";
    let script = script.replace("$(dirname $PWD)/sandbox", &host.sandbox("").display().to_string());
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let failed = host.agent.update(TaskState::TaskFailed).await;
    let message = failed.message();
    assert!(message.starts_with("the TaskManager ended with exit code 239 after 0."), "{message}");
    assert!(message.contains("FATAL: cannot bind") && message.contains("a complaint"), "{message}");
    assert!(
        message.contains("s3.secret-key, ******") && !message.contains("hunter22"),
        "{message}"
    );
    assert!(executor.ended().await.success());
    assert!(!host.log().contains("hunter22"));
}

#[tokio::test]
async fn a_process_that_exits_with_zero_is_finished() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "exit 0"));
    host.agent.update(TaskState::TaskRunning).await;
    host.agent.update(TaskState::TaskFinished).await;
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn a_shutdown_ends_the_process_and_the_executor() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "500ms")]);
    host.agent.subscribe().await;
    let script =
        format!("trap '' TERM; echo $$ > {}/pid; while true; do sleep 1; done", host.scratch());
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let pid = host.pid("pid").await;
    host.agent.shut_down();
    host.agent.update(TaskState::TaskKilled).await;
    assert!(!is_alive(pid));
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn sigterm_to_the_executor_ends_the_task_and_is_reported() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", "sleep 1000"));
    host.agent.update(TaskState::TaskRunning).await;
    signal(executor.pid(), Signal::SIGTERM);
    let killed = host.agent.update(TaskState::TaskKilled).await;
    assert!(
        killed.message().starts_with("ended by SIGTERM to the executor"),
        "{}",
        killed.message()
    );
    assert!(executor.ended().await.success());
}
