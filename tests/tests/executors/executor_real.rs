//! Our executor on the real Mesos agent: whichever process is killed, in whatever phase, each
//! worker ends exactly once and nothing of it is left.

use std::{
    collections::BTreeSet, io::Write as _, net::TcpListener, os::unix::fs::PermissionsExt as _,
    path::Path,
};

use mesos::v1::{TaskInfo, TaskState, task_status::Reason};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use overlays::worker::{Entry, WorkerSpec};
use prost::Message as _;
use tests::{
    Keeper, Program, RealMesosOptions, binary, is_alive,
    rig::{self, PATIENCE, Rig},
    wait_until,
};

/// Runs until the test sends `end`, and ignores SIGTERM.
const STUBBORN: &str = "trap '' TERM; while [ ! -e {file}end ]; do sleep 0.02; done";

/// The phase of a worker when something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It requests artifacts and gets no answer yet.
    Fetching,
    /// Its process is running, but does not listen yet.
    Starting,
    Running,
    /// It was asked to end and has not ended yet.
    Killing,
}

use Phase::{Fetching, Killing, Running, Starting};

impl Phase {
    fn id(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Launches a worker named after the phase, and brings it into that phase.
async fn bring_to(rig: &Rig, phase: Phase) -> String {
    let id = phase.id();
    rig.artifacts.open_gate(phase != Fetching);
    rig.launch(vec![if phase == Starting {
        listener(rig, &id)
    } else {
        rig.worker(&id, STUBBORN)
    }])
    .await;
    match phase {
        Fetching => drop(rig.update(&id, TaskState::TaskStarting).await),
        Starting => drop(rig.task_manager(&id).await),
        Running => drop(rig.update(&id, TaskState::TaskRunning).await),
        Killing => {
            rig.update(&id, TaskState::TaskRunning).await;
            rig.task_manager(&id).await;
            rig.kill(&id).await;
            rig.update(&id, TaskState::TaskKilling).await;
        }
    }
    id
}

/// Brings it from that phase to its regular end.
async fn bring_to_the_end(rig: &Rig, phase: Phase, id: &str) {
    rig.artifacts.open_gate(true);
    rig.send_message(id, "listen");
    if phase != Killing {
        rig.update(id, TaskState::TaskRunning).await;
        rig.kill(id).await;
        rig.update(id, TaskState::TaskKilling).await;
    }
    rig.send_message(id, "end");
    rig.update(id, TaskState::TaskKilled).await;
}

/// Counts as running only once it listens, which it does on request.
fn listener(rig: &Rig, id: &str) -> WorkerSpec {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!(
        "while [ ! -e {{file}}listen ]; do sleep 0.02; done
        exec python3 -c 'import socket, time; s = socket.create_server((\"\", {port})); time.sleep(1000)'"
    );
    let mut worker = rig.worker(id, &script);
    worker.ports = [("taskmanager.data.port".to_owned(), u32::from(port))].into();
    worker
        .configuration
        .push(Entry { key: "mesos.executor.running-when".into(), value: "listening".into() });
    worker
}

fn kill_hard(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_killed_executor_takes_everything_with_it_in_any_phase() {
    let rig = Rig::start().await;
    for phase in [Fetching, Starting, Running, Killing] {
        let id = bring_to(&rig, phase).await;
        let executors = rig.executors();
        assert_eq!(executors.len(), 1, "{phase:?}");
        kill_hard(executors[0]);
        let failed = rig.update(&id, TaskState::TaskFailed).await;
        assert_eq!(failed.reason(), Reason::ExecutorTerminated, "{phase:?}: {failed:?}");
        rig.until_nothing_is_left(&[id]).await;
    }
}

#[tokio::test]
async fn a_killed_task_manager_is_reported_in_any_phase() {
    let rig = Rig::start().await;
    for phase in [Starting, Running, Killing] {
        let id = bring_to(&rig, phase).await;
        kill_hard(rig.task_manager(&id).await);
        let end = if phase == Killing { TaskState::TaskKilled } else { TaskState::TaskFailed };
        let status = rig.update(&id, end).await;
        assert!(
            phase == Killing || status.message().contains("killed by another process"),
            "{phase:?}: {status:?}"
        );
        rig.until_nothing_is_left(&[id]).await;
    }
}

#[tokio::test]
async fn an_agent_killed_in_any_phase_finds_its_executor_again() {
    let mut rig = Rig::start().await;
    for phase in [Fetching, Starting, Running, Killing] {
        let id = bring_to(&rig, phase).await;
        let executors = rig.executors();
        rig.mesos.restart_agent(0).await;
        bring_to_the_end(&rig, phase, &id).await;
        assert_eq!(executors.len(), 1, "{phase:?}");
        rig.until_nothing_is_left(&[id]).await;
    }
}

#[tokio::test]
async fn a_task_that_ends_while_the_agent_is_down_is_reported_once_it_is_back() {
    let mut rig = Rig::start().await;
    let id = bring_to(&rig, Running).await;
    let task_manager = rig.task_manager(&id).await;
    rig.mesos.kill_agent(0).await;
    kill_hard(task_manager);
    wait_until("the TaskManager is gone", PATIENCE, async || {
        (!is_alive(task_manager)).then_some(())
    })
    .await;
    rig.mesos.restart_agent(0).await;
    let failed = rig.update(&id, TaskState::TaskFailed).await;
    assert!(failed.message().contains("killed by another process"), "{failed:?}");
    rig.until_nothing_is_left(&[id]).await;
}

#[tokio::test]
async fn workers_under_load_do_not_notice_that_the_agent_restarts() {
    let mut rig = Rig::start().await;
    let ids: Vec<String> = (0..5).map(|i| format!("busy{i}")).collect();
    let busy = "while [ ! -e {file}end ]; do echo $((++line)); echo noise >&2; /bin/sleep 0.01; done; exit 0";
    rig.launch(ids.iter().map(|id| rig.worker(id, busy)).collect()).await;
    let mut task_managers = Vec::new();
    for id in &ids {
        rig.update(id, TaskState::TaskRunning).await;
        task_managers.push(rig.task_manager(id).await);
    }
    for _ in 0..2 {
        rig.mesos.restart_agent(0).await;
    }
    assert!(task_managers.into_iter().all(is_alive));
    for id in &ids {
        rig.send_message(id, "end");
        rig.update(id, TaskState::TaskFinished).await;
    }
    rig.until_nothing_is_left(&ids).await;
}

#[tokio::test]
async fn a_kill_during_the_fetch_starts_nothing() {
    let rig = Rig::start().await;
    let id = bring_to(&rig, Fetching).await;
    rig.kill(&id).await;
    let killed = rig.update(&id, TaskState::TaskKilled).await;
    assert_eq!(killed.reason(), Reason::TaskKilledDuringLaunch, "{killed:?}");
    rig.until_nothing_is_left(std::slice::from_ref(&id)).await;
    assert!(!rig.file(&id, "pid").exists(), "no TaskManager was started");
}

#[tokio::test]
async fn grandchildren_in_sessions_of_their_own_end_with_their_task_manager() {
    let rig = Rig::start().await;
    let forks = "(setsid sh -c 'setsid sleep 1000 & echo $! > {file}grandchild.new; \
                 mv {file}grandchild.new {file}grandchild' &); exec sleep 1000";
    rig.launch(vec![rig.worker("forker", forks)]).await;
    rig.update("forker", TaskState::TaskRunning).await;
    let grandchild =
        wait_until("the grandchild has written its process id", PATIENCE, async || {
            fs_err::read_to_string(rig.file("forker", "grandchild")).ok()?.trim().parse().ok()
        })
        .await;
    assert!(is_alive(grandchild));
    rig.kill("forker").await;
    rig.update("forker", TaskState::TaskKilled).await;
    assert!(!is_alive(grandchild), "it was gone before the agent got the update");
    rig.until_nothing_is_left(&["forker".to_owned()]).await;
}

#[tokio::test]
async fn the_hosts_commands_find_workers_while_they_run_and_afterwards() {
    let rig = Rig::start().await;
    let id = bring_to(&rig, Running).await;
    let sandboxes = rig.mesos.sandboxes(0);
    let row = listed(&id, &["ps"], &sandboxes).expect("it runs");
    assert_eq!(row["pid"], rig.task_manager(&id).await);
    bring_to_the_end(&rig, Running, &id).await;
    rig.until_nothing_is_left(std::slice::from_ref(&id)).await;
    assert_eq!(listed(&id, &["ps"], &sandboxes), None);
    let work_dir = sandboxes.parent().unwrap().display().to_string();
    let row = listed(&id, &["ps", "--all", "--work-dir", &work_dir], &sandboxes)
        .expect("its files are there");
    assert_eq!(
        (&row["state"], &row["executor_pid"]),
        (&"TASK_KILLED".into(), &serde_json::Value::Null)
    );
}

/// The task's row, of those whose sandbox is below this folder.
fn listed(id: &str, arguments: &[&str], below: &Path) -> Option<serde_json::Value> {
    let mut program = std::process::Command::new(tests::binary("flink-mesos-executor"));
    let output = program.args(arguments).args(["--output", "json"]).output().unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let ours = |row: &serde_json::Value| {
        row["task"] == id && Path::new(row["sandbox"].as_str().unwrap()).starts_with(below)
    };
    rows.into_iter().find(ours)
}

#[tokio::test]
async fn an_executor_with_a_token_is_authenticated_also_after_the_agent_was_restarted() {
    let jwt_key = Some("key".to_owned());
    let mut rig = Rig::start_with(RealMesosOptions { jwt_key, ..Default::default() }).await;
    let id = bring_to(&rig, Running).await;
    rig.mesos.restart_agent(0).await;
    bring_to_the_end(&rig, Running, &id).await;
    rig.until_nothing_is_left(&[id]).await;
}

#[tokio::test]
async fn executor_and_task_manager_run_as_the_user_of_the_command() {
    let nobody = nix::unistd::User::from_name("nobody").unwrap();
    let Some(nobody) = nobody.filter(|_| nix::unistd::geteuid().is_root()) else {
        return skip("only root may run things as somebody else");
    };
    let agent_flags = vec!["--switch_user=true".to_owned()];
    let rig = Rig::start_with(RealMesosOptions { agent_flags, ..Default::default() }).await;
    for folder in [rig.mesos.work_dir(), rig.artifacts.folder.path()] {
        fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let program = rig.artifacts.folder.path().join("flink-mesos-executor");
    fs_err::copy(binary("flink-mesos-executor"), &program).unwrap();
    let data = rig.worker("modest", STUBBORN).encode_to_vec();
    let mut task = TaskInfo { data: Some(data.into()), ..rig::custom_task("modest", &program) };
    let command = task.executor.as_mut().and_then(|executor| executor.command.as_mut());
    command.unwrap().user = Some(nobody.name);
    rig.launch_tasks(vec![task]).await;
    rig.update("modest", TaskState::TaskRunning).await;
    let user = format!("{0}\t{0}\t{0}\t{0}", nobody.uid);
    for pid in [rig.executors()[0], rig.task_manager("modest").await] {
        let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let of = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
        };
        assert_eq!(of("Uid:"), user);
        assert!(
            !of("Groups:").split(' ').any(|group| group == "0"),
            "still one of root's group: {status}"
        );
    }
    bring_to_the_end(&rig, Running, "modest").await;
    rig.until_nothing_is_left(&["modest".to_owned()]).await;
}

fn skip(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn two_hundred_workers_leave_no_processes_descriptors_or_files() {
    let rig = Rig::start().await;
    let (mut descriptors, mut sandboxes) = (Vec::new(), BTreeSet::new());
    for round in 0..10 {
        let ids: Vec<String> = (0..20).map(|i| format!("w{round}-{i}")).collect();
        rig.launch(ids.iter().map(|id| rig.worker(id, "exec sleep 1000")).collect()).await;
        for id in &ids {
            rig.update(id, TaskState::TaskRunning).await;
        }
        for id in &ids {
            rig.kill(id).await;
        }
        for id in &ids {
            rig.update(id, TaskState::TaskKilled).await;
        }
        rig.until_nothing_is_left(&ids).await;
        let agent = rig.mesos.agent_pid(0);
        descriptors.push(fs_err::read_dir(format!("/proc/{agent}/fd")).unwrap().count());
        sandboxes.extend(files_in_sandboxes(&rig));
    }
    // On a busy host, the agent closes some only after a round.
    let least = |rounds: &[usize]| rounds.iter().copied().min().unwrap();
    let few = 10;
    let (early, late) = descriptors.split_at(5);
    assert!(
        least(late) <= least(early) + few,
        "the agent's open files after each round: {descriptors:?}"
    );
    let expected = ["conf", "executor.json", "flink", "log", "stderr", "stdout", "tmp"];
    assert_eq!(sandboxes, expected.map(str::to_owned).into());
}

/// The names of all files at the top of any sandbox.
fn files_in_sandboxes(rig: &Rig) -> BTreeSet<String> {
    let below = |folder: &Path| -> Vec<std::path::PathBuf> {
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let agents = below(&rig.mesos.sandboxes(0));
    let frameworks = agents.iter().flat_map(|agent| below(&agent.join("frameworks")));
    let executors = frameworks.flat_map(|framework| below(&framework.join("executors")));
    let files = executors.flat_map(|executor| below(&executor.join("runs/latest")));
    files.map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn artifacts_come_from_the_hosts_sidecar_to_executors_of_the_real_agent() {
    let rig = Rig::start().await;
    let host = tempfile::tempdir().unwrap();
    let (socket, cache) = (host.path().join("fetcher.sock"), host.path().join("cache"));
    let mut sidecar = Program::new(binary("flink-mesos-fetcher"), &host.path().join("log"));
    let path = |path: &Path| path.display().to_string();
    sidecar.arguments =
        ["--config", "/dev/null", "--socket", &path(&socket), "--cache", &path(&cache)]
            .map(str::to_owned)
            .to_vec();
    let keeper = Keeper::start();
    keeper.run(&sidecar);
    wait_until("the sidecar listens", PATIENCE, async || socket.exists().then_some(())).await;
    for id in ["one", "two"] {
        let mut worker = rig.worker(id, STUBBORN);
        let entry = |key: &str, value: String| Entry { key: key.into(), value };
        worker.configuration.push(entry("mesos.executor.fetcher-socket", path(&socket)));
        rig.launch(vec![worker]).await;
        rig.update(id, TaskState::TaskRunning).await;
        let trees = || fs_err::read_dir(cache.join("trees")).unwrap().count();
        assert_eq!(trees(), 1, "the sidecar was not asked");
        rig.send_message(id, "end");
        rig.update(id, TaskState::TaskFinished).await;
    }
    rig.until_nothing_is_left(&["one".to_owned(), "two".to_owned()]).await;
}
