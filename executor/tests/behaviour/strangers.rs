//! Another user of this host, who writes malicious files wherever possible, while root runs the
//! commands for people.

use std::{
    io::Write as _,
    os::unix::{
        fs::{DirBuilderExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use executor::process::Identity;
use nix::{sys::stat::Mode, unistd::mkfifo};
use serde_json::{Value, json};
use tempfile::TempDir;

const NOBODY: u32 = 65534;

/// Sequences that a terminal obeys, and a forged line.
const EVIL: &str = "\u{1b}]0;title\u{7}\u{9b}31m\nFAKE LINE";

struct Scene {
    folder: TempDir,
    children: Vec<Child>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// None, with a notice, without the rights to act as two users.
fn scene() -> Option<Scene> {
    if !nix::unistd::geteuid().is_root() {
        std::io::stderr().write_all(b"\nSKIPPED: only root can act as another user\n").unwrap();
        return None;
    }
    let folder = TempDir::new().unwrap();
    fs_err::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(Scene { folder, children: Vec::new() })
}

/// Writes a file of this user.
fn file(path: &Path, content: &str, owner: u32) {
    fs_err::write(path, content).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
}

/// The journal of an executor with this task and TaskManager.
fn journal(folder: &Path, task: &str, executor: Identity, task_manager: Identity, owner: u32) {
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let identity = |of: Identity| json!({"pid": of.pid, "started": of.started});
    let journal = json!({
        "boot": boot.trim(), "task": task, "executor": identity(executor), "task_manager": identity(task_manager),
        "told": [{"at": 1.0, "state": "TASK_RUNNING", "message": EVIL}],
        "about": {"flink": "1", "command": [folder.join("java")], "configuration": {"a": EVIL}, "environment": {}},
    });
    file(&folder.join("executor.json"), &journal.to_string(), owner);
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a folder of this user.
    fn folder(&self, name: &str, owner: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&path).unwrap();
        chown(&path, Some(owner), Some(owner)).unwrap();
        path
    }

    /// Starts a process of this user in this folder, with a program of this name.
    fn process(&mut self, folder: &Path, program: &str, owner: u32) -> Identity {
        let path = folder.join(program);
        fs_err::copy("/bin/sleep", &path).unwrap();
        let mut command = Command::new(&path);
        command.arg("1000").current_dir(folder).stdin(Stdio::null()).uid(owner).gid(owner);
        let child = command.spawn().unwrap();
        let identity = Identity::of(child.id().cast_signed()).unwrap();
        self.children.push(child);
        identity
    }

    /// An executor of this user that claims to run this task; returns the folder with its files.
    fn claim(&mut self, name: &str, task: &str, owner: u32) -> PathBuf {
        let folder = self.folder(name, owner);
        let process = self.process(&folder, "flink-mesos-executor", owner);
        journal(&folder, task, process, process, owner);
        self.folder(&format!("{name}/log"), owner);
        file(&folder.join("log/taskmanager.log"), &format!("by {owner} {EVIL}\n"), owner);
        folder
    }

    /// Runs a command as root.
    async fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_flink-mesos-executor"));
        command.args(arguments).args(["--work-dir", &self.path("agent").display().to_string()]);
        command.env("ROOTS_SECRET", "hunter2").kill_on_drop(true);
        let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
        let output = output.expect("an answer").unwrap();
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(text.clone()).unwrap();
            assert!(
                !text.contains(['\u{1b}', '\u{7}', '\u{9b}']) && !text.contains("\nFAKE"),
                "{text:?}"
            );
        }
        output
    }

    async fn output(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments).await;
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Rows of `ps` with tasks that begin with this text.
    async fn rows(&self, task: &str) -> Vec<Value> {
        let rows: Vec<Value> =
            serde_json::from_str(&self.output(&["ps", "--all", "-o", "json"]).await).unwrap();
        rows.into_iter().filter(|row| row["task"].as_str().unwrap().starts_with(task)).collect()
    }
}

#[tokio::test]
async fn a_program_named_in_a_file_is_never_run() {
    let Some(mut scene) = scene() else { return };
    let folder = scene.claim("forged", "named-by-a-file", NOBODY);
    let mark = scene.path("ran");
    file(&folder.join("jstack"), &format!("#!/bin/sh\nid > {}\n", mark.display()), NOBODY);
    file(&folder.join("java"), "", NOBODY);
    let refusal = scene.refusal(&["jstack", "named-by-a-file"]).await;
    assert!(refusal.contains("no process of named-by-a-file is a JVM"), "{refusal}");
    assert!(!mark.exists(), "{}", fs_err::read_to_string(&mark).unwrap());
}

#[tokio::test]
async fn programs_run_for_root_run_as_the_task_managers_user_with_nothing_of_roots() {
    let Some(mut scene) = scene() else { return };
    let folder = scene.folder("own", NOBODY);
    let executor = scene.process(&folder, "flink-mesos-executor", NOBODY);
    let java = scene.process(&folder, "java", NOBODY);
    journal(&folder, "run-as-its-user", executor, java, NOBODY);
    let script = "#!/bin/sh\nid -u; id -g; id -G; id -ru; env; pwd; ps -o sid=,tty= -p $$\nprintf '\\033[1m'; echo oh >&2\n";
    file(&folder.join("jstack"), script, NOBODY);
    let output = scene.output(&["jstack", "run-as-its-user"]).await;
    let ids: Vec<&str> = output.lines().take(4).collect();
    assert_eq!(ids, ["65534"; 4], "{output}");
    assert!(
        !output.contains("hunter2") && output.contains("\\u{1b}[1m") && output.contains("oh"),
        "{output}"
    );
    assert!(output.lines().any(|line| line == "/") && output.contains(" ?"), "{output}");

    file(&folder.join("jstack"), "#!/bin/sh\nexit 3\n", NOBODY);
    let refusal = scene.refusal(&["jstack", "run-as-its-user"]).await;
    assert!(refusal.contains("run as user 65534, failed: exit status: 3"), "{refusal}");
}

#[tokio::test]
async fn only_a_task_managers_user_may_dump_its_threads() {
    let Some(mut scene) = scene() else { return };
    let folder = scene.folder("roots", 0);
    let executor = scene.process(&folder, "flink-mesos-executor", 0);
    let java = scene.process(&folder, "java", 0);
    journal(&folder, "roots-own", executor, java, 0);
    let copy = scene.path("program");
    fs_err::copy(env!("CARGO_BIN_EXE_flink-mesos-executor"), &copy).unwrap();
    let mut command = tokio::process::Command::new(&copy);
    // The user must find the task through the work directory, because users cannot see each other's
    // working directories.
    let work_dir = scene.path("agent");
    fs_err::create_dir_all(work_dir.join("slaves/a/frameworks/f/executors/roots-own/runs"))
        .unwrap();
    fs_err::rename(&folder, work_dir.join("slaves/a/frameworks/f/executors/roots-own/runs/c"))
        .unwrap();
    command.args(["jstack", "roots-own", "--work-dir"]).arg(&work_dir).uid(NOBODY).gid(NOBODY);
    let said = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.contains(
            "the TaskManager of roots-own runs as root: run the command as that user, or as root"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn the_journal_in_an_agents_sandbox_overrides_forged_ones_of_other_users() {
    let Some(mut scene) = scene() else { return };
    let runs = "agent/slaves/a-S0/frameworks/f/executors/real-f0rge/runs";
    scene.folder(runs, 0);
    // As agents do: the folders above belong to root, the sandbox to the task's user.
    let sandbox = scene.folder(&format!("{runs}/c"), 1);
    let dead = Identity { pid: 1, started: 1 };
    journal(&sandbox, "real-f0rge", dead, dead, 1);
    scene.folder(&format!("{runs}/c/log"), 1);
    file(&sandbox.join("log/taskmanager.log"), "the real one\n", 1);
    scene.claim("forged", "real-f0rge", NOBODY);
    for part in ["real-f0rge", "real-f", "f0rge"] {
        assert_eq!(scene.output(&["logs", part]).await, "the real one\n", "{part}");
    }
    let report: Value =
        serde_json::from_str(&scene.output(&["inspect", "real-f0rge", "-o", "json"]).await)
            .unwrap();
    assert_eq!(report["sandbox"], sandbox.display().to_string());
    assert!(scene.refusal(&["jstack", "real-f0rge"]).await.contains("is not running"));
    let users: Vec<Value> =
        scene.rows("real-").await.into_iter().map(|row| row["user"].clone()).collect();
    assert_eq!(users.len(), 2, "ps says whose each one is: {users:?}");

    // Nor can another user make the folder of its executor.
    scene.folder("evil/slaves/a-S0/frameworks/f/executors/real-f0rge/runs", NOBODY);
    scene.claim("evil/slaves/a-S0/frameworks/f/executors/real-f0rge/runs/c", "real-f0rge", NOBODY);
    assert_eq!(scene.output(&["logs", "real-f0rge"]).await, "the real one\n");
}

#[tokio::test]
async fn if_two_users_claim_a_task_outside_of_agents_sandboxes_neither_is_trusted() {
    let Some(mut scene) = scene() else { return };
    scene.claim("one", "contested", 0);
    scene.claim("two", "contested", NOBODY);
    for verb in ["logs", "inspect", "jstack"] {
        let refusal = scene.refusal(&[verb, "contested"]).await;
        assert!(refusal.contains("several users claim to run contested"), "{refusal}");
    }
}

#[tokio::test]
async fn a_journal_is_trusted_only_if_file_folder_and_executor_have_the_same_owner() {
    let Some(mut scene) = scene() else { return };
    let (nobodys, roots) = (scene.folder("nobodys", NOBODY), scene.folder("roots", 0));
    let process = scene.process(&nobodys, "flink-mesos-executor", NOBODY);
    let of_root = scene.process(&roots, "flink-mesos-executor", 0);
    journal(&nobodys, "one-owner", process, process, 0);
    assert!(scene.rows("one-owner").await.is_empty(), "root's file in a folder of nobody's");
    journal(&nobodys, "one-owner", of_root, of_root, NOBODY);
    assert!(scene.rows("one-owner").await.is_empty(), "root's process in a journal of nobody's");
    journal(&nobodys, "one-owner", process, of_root, NOBODY);
    assert_eq!(
        scene.rows("one-owner").await[0]["pid"],
        Value::Null,
        "root's process as nobody's TaskManager"
    );
    journal(&nobodys, "one-owner", process, process, NOBODY);
    assert_eq!(scene.rows("one-owner").await[0]["pid"], process.pid);
    // A log of another owner is not shown.
    fs_err::create_dir(nobodys.join("log")).unwrap();
    chown(nobodys.join("log"), Some(NOBODY), None).unwrap();
    file(&nobodys.join("log/taskmanager.log"), "root's own", 0);
    let refusal = scene.refusal(&["logs", "one-owner"]).await;
    assert!(refusal.contains("is not read: it belongs to user 0, but"), "{refusal}");
    fs_err::remove_file(nobodys.join("log/taskmanager.log")).unwrap();
    fs_err::os::unix::fs::symlink("/etc/shadow", nobodys.join("log/taskmanager.log")).unwrap();
    assert!(!scene.refusal(&["logs", "one-owner"]).await.contains("root:"));
}

#[tokio::test]
async fn pipes_devices_and_endless_files_do_not_block_root_or_fill_its_memory() {
    let Some(mut scene) = scene() else { return };
    for kind in ["pipe", "device", "endless", "directory"] {
        let folder = scene.folder(kind, NOBODY);
        scene.process(&folder, "flink-mesos-executor", NOBODY);
        let journal = folder.join("executor.json");
        match kind {
            "pipe" => mkfifo(&journal, Mode::S_IRWXU).unwrap(),
            "device" => fs_err::os::unix::fs::symlink("/dev/zero", &journal).unwrap(),
            "endless" => fs_err::File::create(&journal).unwrap().set_len(1 << 40).unwrap(),
            _ => fs_err::create_dir(&journal).unwrap(),
        }
        std::os::unix::fs::lchown(&journal, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let folder = scene.claim("logs", "full-of-pipes", NOBODY);
    for name in ["stderr", "log/taskmanager.out"] {
        mkfifo(&folder.join(name), Mode::S_IRWXU).unwrap();
        chown(folder.join(name), Some(NOBODY), None).unwrap();
    }
    fs_err::remove_file(folder.join("log/taskmanager.log")).unwrap();
    mkfifo(&folder.join("log/taskmanager.log"), Mode::S_IRWXU).unwrap();
    chown(folder.join("log/taskmanager.log"), Some(NOBODY), None).unwrap();
    assert_eq!(scene.rows("full-of-pipes").await.len(), 1);
    assert!(scene.output(&["inspect", "full-of-pipes"]).await.contains("TASK_RUNNING"));
    for file in ["log", "out", "executor"] {
        let refusal = scene
            .refusal(&["logs", "full-of-pipes", "--file", file, "--log-dir", "/does/not/exist"])
            .await;
        assert!(refusal.contains("is not a regular file"), "{refusal}");
    }
}

#[tokio::test]
async fn control_characters_of_other_users_are_shown_and_not_obeyed() {
    let Some(mut scene) = scene() else { return };
    let id = format!("escapes{EVIL}");
    scene.claim("evil", &id, NOBODY);
    assert_eq!(scene.rows("escapes").await.len(), 1, "in JSON it is as it is, in its escaped form");
    let table = scene.output(&["ps"]).await;
    assert!(table.contains("escapes\\u{1b}]0;title\\u{7}\\u{9b}31m\\nFAKE LINE"), "{table}");
    let prose = scene.output(&["inspect", "escapes"]).await;
    assert!(prose.contains("\\u{1b}]0;title"), "{prose}");
    assert!(scene.refusal(&["jstack", "escapes"]).await.contains("\\u{1b}]0;title"));
    scene.claim("good", "escapes-not", 0);
    assert!(scene.refusal(&["inspect", "escapes"]).await.contains("is ambiguous"));
}
