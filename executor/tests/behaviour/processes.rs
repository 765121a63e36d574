//! A TaskManager under its guard; shell scripts play the TaskManager.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use executor::{
    core::{Ended, ExitStatus, OutputLimits, Survivors},
    process::{Guard, Outputs, StartError, Supervised},
};
use flink::command::CommandLine;
use tempfile::TempDir;

use crate::host::{is_alive, until, until_dead};

const BINARY: &str = env!("CARGO_BIN_EXE_flink-mesos-executor");

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap_or_default()
    }

    async fn start(&self, script: &str) -> Result<Supervised, StartError> {
        let command = CommandLine {
            program: "/bin/bash".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![
                ("PATH".into(), "/usr/bin:/bin".into()),
                ("GREETING".into(), "hello".into()),
            ],
            directory: self.folder.path().to_owned(),
        };
        self.start_command(&command).await
    }

    async fn start_command(&self, command: &CommandLine) -> Result<Supervised, StartError> {
        let binary = if self.path("guard").exists() { self.path("guard") } else { BINARY.into() };
        let limits = OutputLimits { size: 100_000, older: 50 };
        let outputs = Outputs { stdout: self.path("out"), stderr: self.path("err"), limits };
        Supervised::start(&binary, "worker", command, &outputs).await
    }

    /// From now on, the guard runs in this control group.
    fn enter(&self, group: &Path) {
        let script = format!(
            "#!/bin/bash\necho $$ > {}/cgroup.procs\nexec {BINARY} \"$@\"\n",
            group.display()
        );
        write_script(&self.path("guard"), &script);
    }

    /// A program that keeps starting itself again and exiting, as fast as it can.
    fn hopper(&self) -> String {
        let path = self.path("hop");
        let script =
            format!("#!/bin/bash\necho $$ > {}\nsetsid $0 &\n", self.path("hopped").display());
        write_script(&path, &script);
        path.display().to_string()
    }

    /// Reads the pid that the script writes to this file.
    async fn pid(&self, name: &str) -> u32 {
        until(|| self.read(name).trim().parse().ok()).await
    }
}

/// Another process writes it. Children that other tests start could inherit our open file, and the
/// kernel executes no file that is open for writing.
fn write_script(path: &Path, script: &str) {
    let mut shell = std::process::Command::new("/bin/sh");
    let written = shell
        .args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .arg(script)
        .status();
    assert!(written.unwrap().success());
}

#[tokio::test]
async fn a_guard_that_is_not_needed_goes_away() {
    let guard = Guard::start(Path::new(BINARY), "worker").unwrap();
    tokio::time::timeout(Duration::from_secs(20), guard.dismiss()).await.unwrap();
}

#[tokio::test]
async fn a_guard_that_nobody_waits_for_is_reaped() {
    let bench = Bench::new();
    let process = bench.start("exec sleep 1000").await.unwrap();
    let guard = process.end.guard().unwrap();
    drop(process);
    until(|| (!Path::new(&format!("/proc/{guard}")).exists()).then_some(())).await;
}

#[tokio::test]
async fn output_environment_and_exit_code_are_the_programs_own() {
    let bench = Bench::new();
    let process = bench.start("env; pwd; echo complaint >&2; exit 3").await.unwrap();
    assert_eq!(process.end.wait().await, ExitStatus::Code(3));
    let output = bench.read("out");
    let mut variables: Vec<_> =
        output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        ["GREETING", "PATH", "PWD", "SHLVL", "_"],
        "the last three are bash's own"
    );
    assert!(output.contains(&bench.folder.path().display().to_string()));
    assert_eq!(bench.read("err"), "complaint\n");
}

#[tokio::test]
async fn no_line_of_a_flood_is_lost_and_a_kill_still_works() {
    let bench = Bench::new();
    let process = bench.start("seq 1 300000; exit 0").await.unwrap();
    assert_eq!(process.end.wait().await, ExitStatus::Code(0));
    let files: Vec<String> =
        (1..=50).rev().map(|number| bench.read(&format!("out.{number}"))).collect();
    let text = files.concat() + &bench.read("out");
    assert!(text.lines().map(|line| line.parse::<u32>().unwrap()).eq(1..=300_000));

    let mut process = bench.start("while :; do echo flood; done").await.unwrap();
    until(|| (bench.read("out.1").starts_with("flood")).then_some(())).await;
    process.control.destroy().await;
    assert_eq!(process.end.wait().await, ExitStatus::Signal(9));
}

#[tokio::test]
async fn a_program_that_closes_its_output_costs_no_cpu_time() {
    let bench = Bench::new();
    let script = "exec >&- 2>&-; echo $$ > pid; exec sleep 1000";
    let mut process = bench.start(script).await.unwrap();
    bench.pid("pid").await;
    let guard = process.end.guard().unwrap();
    let ticks = || {
        let stat = fs_err::read_to_string(format!("/proc/{guard}/stat")).unwrap();
        let fields: Vec<u64> =
            stat.split(' ').skip(13).take(2).map(|field| field.parse().unwrap()).collect();
        fields[0] + fields[1]
    };
    let before = ticks();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(ticks() - before < 10, "the guard spins");
    process.control.destroy().await;
    process.end.wait().await;
}

#[tokio::test]
async fn a_task_manager_has_its_own_session_and_limits_and_inherits_no_files() {
    let bench = Bench::new();
    let inherited = fs_err::File::open("/dev/null").unwrap().into_parts().0;
    nix::fcntl::fcntl(&inherited, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))
        .unwrap();
    let process = bench.start(
        "ls /proc/$$/fd; ps -o sid=,pgid= -p $$; ulimit -c; umask; [ $(ulimit -n) = $(ulimit -Hn) ] && echo all",
    );
    let process = process.await.unwrap();
    let pid = process.pid.to_string();
    process.end.wait().await;
    let output = bench.read("out");
    let fields: Vec<_> = output.split_whitespace().collect();
    assert_eq!(fields, ["0", "1", "2", &pid, &pid, "0", "0027", "all"], "{output}");
}

#[tokio::test]
async fn terminate_reaches_the_whole_group() {
    let bench = Bench::new();
    let script = "trap 'exit 7' TERM; sleep 1000 & echo $! > child; wait";
    let mut process = bench.start(script).await.unwrap();
    let child = bench.pid("child").await;
    process.control.terminate().await;
    assert_eq!(process.end.wait().await, ExitStatus::Code(7));
    assert!(!is_alive(child));
}

/// A process that takes its time after SIGTERM, in a session of its own, below a shell that dies at
/// once.
const PATIENT: &str = "setsid bash -c 'trap \"touch asked\" TERM; echo $$ > patient; while [ ! -e end ]; do sleep 0.01; done; touch orderly' &
    while [ ! -s patient ]; do sleep 0.01; done; echo $$ > shell; wait";

#[tokio::test]
async fn terminate_reaches_processes_outside_the_group_and_lets_them_end_after_the_first() {
    let bench = Bench::new();
    let mut process = bench.start(PATIENT).await.unwrap();
    let shell = bench.pid("shell").await;
    process.control.terminate().await;
    until_dead(shell).await;
    until(|| bench.path("asked").exists().then_some(())).await;
    fs_err::write(bench.path("end"), "").unwrap();
    let ended = process.end.ended().await;
    assert_eq!(ended, Ended { status: ExitStatus::Signal(15), survivors: Survivors::default() });
    assert!(bench.path("orderly").exists());
}

/// Without a SIGTERM of ours, no time limit would ever end.
#[tokio::test]
async fn if_another_process_ends_the_task_manager_its_descendants_are_ended_at_once() {
    let bench = Bench::new();
    let process = bench.start(PATIENT).await.unwrap();
    let patient = bench.pid("patient").await;
    bench.pid("shell").await;
    let guard = process.end.guard().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(guard.cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(process.end.wait().await, ExitStatus::Signal(15));
    assert!(!is_alive(patient) && !bench.path("orderly").exists());
}

#[tokio::test]
async fn processes_that_outlive_the_grace_are_counted() {
    let bench = Bench::new();
    let mut process = bench.start(PATIENT).await.unwrap();
    let (shell, patient) = (bench.pid("shell").await, bench.pid("patient").await);
    process.control.terminate().await;
    until_dead(shell).await;
    process.control.destroy().await;
    let ended = process.end.ended().await;
    // The `sleep` that it waits for may or may not be alive.
    assert!(
        !ended.survivors.task_manager && (1..=2).contains(&ended.survivors.others),
        "{ended:?}"
    );
    assert_eq!(ended.status, ExitStatus::Signal(15));
    assert!(!is_alive(patient));

    let mut process =
        bench.start("trap '' TERM; touch up; while :; do sleep 1000; done").await.unwrap();
    until(|| bench.path("up").exists().then_some(())).await;
    process.control.terminate().await;
    process.control.destroy().await;
    let ended = process.end.ended().await;
    assert!(ended.survivors.task_manager && ended.status == ExitStatus::Signal(9), "{ended:?}");
}

#[tokio::test]
async fn destroy_ends_every_descendant() {
    let bench = Bench::new();
    let script = "trap '' TERM
        setsid bash -c 'trap \"\" TERM; echo $$ > session; sleep 1000' &
        (setsid bash -c 'echo $$ > daemon; exec sleep 1000' &)
        while true; do sleep 1000; done";
    let mut process = bench.start(script).await.unwrap();
    let (session, daemon) = (bench.pid("session").await, bench.pid("daemon").await);
    process.control.terminate().await;
    process.control.destroy().await;
    let pid = process.pid;
    assert_eq!(process.end.wait().await, ExitStatus::Signal(9));
    assert!(!is_alive(pid) && !is_alive(session) && !is_alive(daemon));
}

#[tokio::test]
async fn descendants_do_not_outlive_the_task_manager() {
    let bench = Bench::new();
    let script = "(setsid bash -c 'trap \"\" TERM HUP; echo $$ > daemon; sleep 1000' &); \
                  while [ ! -s daemon ]; do sleep 0.01; done; exit 0";
    let process = bench.start(script).await.unwrap();
    assert_eq!(process.end.wait().await, ExitStatus::Code(0));
    assert!(!is_alive(bench.pid("daemon").await));
}

#[tokio::test]
async fn when_the_executor_is_gone_all_processes_end() {
    let bench = Bench::new();
    let script =
        "trap '' TERM HUP; setsid sleep 1000 & echo $! > child; while true; do sleep 1000; done";
    let process = bench.start(script).await.unwrap();
    let child = bench.pid("child").await;
    let pid = process.pid;
    drop(process);
    until_dead(pid).await;
    until_dead(child).await;
}

#[tokio::test]
async fn a_process_that_keeps_forking_is_caught() {
    let bench = Bench::new();
    let mut process = bench.start(&format!("{} & sleep 1000", bench.hopper())).await.unwrap();
    bench.pid("hopped").await;
    process.control.destroy().await;
    assert_eq!(process.end.wait().await, ExitStatus::Signal(9));
    assert_quiet(&bench).await;
}

/// Makes a control group below the root of this hierarchy; none if that is impossible here.
fn control_group(hierarchy: &str) -> Option<PathBuf> {
    let root = Path::new("/sys/fs/cgroup").join(hierarchy);
    let group = root.join(format!("executor-test-{}", std::process::id()));
    root.join("cgroup.procs").exists().then_some(())?;
    fs_err::create_dir(&group).ok()?;
    Some(group)
}

#[tokio::test]
async fn a_task_manager_gets_its_own_control_group_where_possible() {
    for hierarchy in ["unified", "freezer", "."] {
        let Some(group) = control_group(hierarchy) else { continue };
        let bench = Bench::new();
        bench.enter(&group);
        let mut process = bench.start(&format!("{} & sleep 1000", bench.hopper())).await.unwrap();
        bench.pid("hopped").await;
        let below = fs_err::read_dir(&group).unwrap().flatten().find(|entry| entry.path().is_dir());
        let below = below.expect("a group below the executor's").path();
        assert!(
            fs_err::read_to_string(below.join("cgroup.procs"))
                .unwrap()
                .contains(&process.pid.to_string())
        );
        process.control.destroy().await;
        assert_eq!(process.end.wait().await, ExitStatus::Signal(9));
        assert!(!below.exists());
        assert_quiet(&bench).await;
        fs_err::remove_dir(&group).unwrap();
    }
}

/// Asserts that the hopper has stopped.
async fn assert_quiet(bench: &Bench) {
    fs_err::write(bench.path("hopped"), "").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.read("hopped"), "");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let bench = Bench::new();
    let command = CommandLine {
        program: "/does/not/exist".into(),
        arguments: Vec::new(),
        environment: Vec::new(),
        directory: bench.folder.path().to_owned(),
    };
    let error = bench.start_command(&command).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot start /does/not/exist: No such file or directory (os error 2)"
    );
}
