//! Messages about TaskManagers that end: from the real JVM and the real Flink, on the real Mesos.

use mesos::v1::{TaskState, TaskStatus};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use overlays::worker::{Entry, WorkerSpec};
use tests::{
    RealMesosOptions, ReservedPort, binary,
    rig::{
        Rig,
        artifacts::Artifacts,
        job_manager::{self},
    },
    wait_until,
};

/// A cause of failure, what it counts against, and the advice.
struct Case {
    id: &'static str,
    options: &'static [(&'static str, &'static str)],
    blame: &'static str,
    /// The message contains one of these.
    says: &'static [&'static str],
    advice: &'static str,
}

const OPTS: &str = "env.java.opts.taskmanager";

const CASES: &[Case] = &[
    Case {
        id: "option",
        // The JVM would ignore an unknown option, because Flink sets it to do so.
        options: &[(OPTS, "-XX:MaxGCPauseMillis=never")],
        blame: "configuration",
        says: &["Improperly specified VM option 'MaxGCPauseMillis=never'"],
        advice: "this Java does not take an option",
    },
    Case {
        id: "metaspace",
        options: &[("taskmanager.memory.jvm-metaspace.size", "12m")],
        blame: "configuration",
        // A JVM without memory cannot always report which kind ran out, or anything at all.
        says: &[
            "OutOfMemoryError: Metaspace",
            "class java.lang.OutOfMemoryError logging exception class",
            "it exited without logging why",
        ],
        advice: "raise taskmanager.memory.jvm-metaspace.size",
    },
    Case {
        id: "heap",
        options: &[(OPTS, "-Xms10m -Xmx10m")],
        blame: "configuration",
        says: &["OutOfMemoryError"],
        advice: "raise taskmanager.memory.task.heap.size",
    },
    Case {
        id: "class",
        options: &[("high-availability.type", "org.example.NoSuchServices")],
        blame: "artifact",
        says: &["org.example.NoSuchServices"],
        advice: "a class is missing",
    },
    Case {
        id: "agent",
        options: &[(OPTS, "-Xms90000g -Xmx90000g")],
        blame: "agent",
        says: &[""],
        advice: "this agent has less memory left than the TaskManager was promised",
    },
    Case {
        id: "folder",
        options: &[("io.tmp.dirs", "/proc/not/there")],
        blame: "agent",
        says: &["/proc/not"],
        advice: "this agent has no such file or folder",
    },
    Case {
        id: "registration",
        options: &[("taskmanager.registration.timeout", "2 s"), ("jobmanager.rpc.port", "9")],
        blame: "network",
        says: &["maximum registration duration"],
        advice: "the JobManager cannot be reached from this agent",
    },
];

async fn rig() -> Rig {
    let artifacts =
        Artifacts::of_files(job_manager::distribution(), job_manager::java_home()).await;
    Rig::start_on(RealMesosOptions::default(), artifacts).await
}

fn worker(rig: &Rig, id: &str, options: &[(&str, &str)]) -> WorkerSpec {
    let mut worker = rig.description(id);
    let entry =
        |(key, value): &(&str, &str)| Entry { key: (*key).to_owned(), value: (*value).to_owned() };
    worker.configuration.extend(options.iter().map(entry));
    worker
}

fn blame(status: &TaskStatus) -> Option<&str> {
    let labels = status.labels.iter().flat_map(|labels| &labels.labels);
    labels.filter(|label| label.key == "blame").find_map(|label| label.value.as_deref())
}

#[tokio::test]
async fn the_reason_why_a_task_manager_did_not_start_is_reported_with_advice() {
    let rig = rig().await;
    for case in CASES {
        rig.launch(vec![worker(&rig, case.id, case.options)]).await;
        let failed = rig.update(case.id, TaskState::TaskFailed).await;
        let message = failed.message();
        let says = case.says.iter().any(|text| message.contains(text));
        assert!(says && message.contains(case.advice), "{}: {message}", case.id);
        assert_eq!(blame(&failed), Some(case.blame), "{}: {message}", case.id);
        assert_short(message);
    }
}

/// At most five lines, none of them twice, and none that the JVM prints at every start.
fn assert_short(message: &str) {
    let lines: Vec<&str> = message.lines().collect();
    let once: std::collections::BTreeSet<&str> = lines.iter().copied().collect();
    assert!(lines.len() <= 5 && once.len() == lines.len(), "{message}");
    assert!(!message.contains("SecurityManager") && !message.contains("\tat "), "{message}");
}

#[tokio::test]
async fn a_port_that_another_process_uses_is_reported_with_its_number() {
    let (rig, port) = (rig().await, ReservedPort::new());
    let _listener = std::net::TcpListener::bind(("0.0.0.0", port.number())).unwrap();
    for key in ["taskmanager.rpc.port", "taskmanager.data.port"] {
        let id = key.split('.').nth(1).unwrap();
        let mut worker = worker(&rig, id, &[]);
        worker.ports = [(key.to_owned(), u32::from(port.number()))].into();
        rig.launch(vec![worker]).await;
        let failed = rig.update(id, TaskState::TaskFailed).await;
        let expected = format!("port {}: the port is taken by another process", port.number());
        assert!(failed.message().contains(&expected), "{key}: {}", failed.message());
        assert!(
            failed.message().contains("caused by: java.net.BindException: Could not start "),
            "{}",
            failed.message()
        );
        assert_eq!(blame(&failed), Some("agent"), "{failed:?}");
        assert_short(failed.message());
    }
}

#[tokio::test]
async fn a_jvm_that_crashes_leaves_its_report_in_the_sandbox_and_the_message_names_it() {
    let rig = rig().await;
    rig.launch(vec![worker(&rig, "crash", &[])]).await;
    let running = rig.update("crash", TaskState::TaskRunning).await;
    let pid: i32 = running.message().rsplit(' ').next().unwrap().parse().unwrap();
    let log = rig.mesos.sandboxes(0);
    // A JVM that has just started has no signal handlers yet.
    wait_until("its log begins", job_manager::PATIENCE, async || {
        executor_sandbox(&log)?.join("log/taskmanager.log").exists().then_some(())
    })
    .await;
    kill(Pid::from_raw(pid), Signal::SIGSEGV).unwrap();
    let failed = rig.update("crash", TaskState::TaskFailed).await;
    let message = failed.message();
    assert!(
        message.contains("was ended by SIGABRT") && message.contains("the JVM crashed: SIGSEGV"),
        "{message}"
    );
    assert!(message.contains(&format!("left in the sandbox: hs_err_pid{pid}.log")), "{message}");
    rig.until_nothing_is_left(&["crash".to_owned()]).await;

    let work_dir = log.parent().unwrap().display().to_string();
    let mut program = std::process::Command::new(binary("flink-mesos-executor"));
    let output = program.args(["inspect", "crash", "--work-dir", &work_dir]).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stdout);
    assert!(reported.contains(&format!("left by a crash\n  hs_err_pid{pid}.log")), "{reported}");
}

/// The sandbox of the only executor below this folder.
fn executor_sandbox(below: &std::path::Path) -> Option<std::path::PathBuf> {
    let mut folder = below.to_owned();
    for level in ["", "frameworks", "", "executors", "", "runs/latest"] {
        folder = match level {
            "" => fs_err::read_dir(&folder).ok()?.next()?.ok()?.path(),
            name => folder.join(name),
        };
    }
    Some(folder)
}
