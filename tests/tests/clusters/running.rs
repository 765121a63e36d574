//! `flink-mesos run` and `flink-mesos jobs`: jobs on a session cluster that runs already.

use std::process::{Child, Output};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tests::{
    Line,
    cluster::{FlinkMesos, PATIENCE, command},
    endings_jar, flink_home, wait_until,
};

/// A session, and the commands for it.
struct Session {
    cluster: FlinkMesos,
    control: String,
    jar: String,
    home: std::path::PathBuf,
}

impl Session {
    fn start(line: Line) -> Self {
        let options = ["local", "-Dtaskmanager.numberOfTaskSlots=4"];
        let mut cluster = FlinkMesos::start(&flink_home(line), &options);
        let control = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
        cluster.ready();
        let jar = endings_jar(line).display().to_string();
        Self { cluster, control, jar, home: flink_home(line) }
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        command(arguments)
            .env("FLINK_MESOS_CONTROL", &self.control)
            .env("FLINK_HOME", &self.home)
            .env_remove("FLINK_CONF_DIR")
            .spawn()
            .unwrap()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).wait_with_output().unwrap()
    }

    /// What a command prints that must succeed.
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// The error of a command that must end with this code.
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        errors
    }

    fn jobs(&self) -> Vec<Value> {
        let list: Value =
            serde_json::from_str(&self.succeeds(&["jobs", "--output", "json"])).unwrap();
        list["jobs"].as_array().unwrap().clone()
    }

    /// Ctrl-C, once the job that the command watches runs.
    async fn interrupted(&self, arguments: &[&str]) -> Output {
        let child = self.spawn(arguments);
        wait_until("the job runs", PATIENCE, async || {
            let runs = |job: &Value| job["state"] == "RUNNING" && job["tasks"]["running"] == 1;
            self.jobs().iter().any(runs).then_some(())
        })
        .await;
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// Runs jobs that finish, fail and go on, and looks after the last one.
async fn jobs_are_run_and_managed(line: Line) {
    let session = Session::start(line);
    assert_eq!(session.succeeds(&["jobs"]), "No jobs");
    let said = session.succeeds(&["run", &session.jar, "finish"]);
    assert!(said.starts_with("Submitted job ") && said.ends_with(" finished"), "{said}");
    let errors = session.fails(1, &["run", "--job-classname", "Endings", &session.jar, "fail"]);
    assert!(errors.contains("failed: java.lang.IllegalStateException: it was to fail"), "{errors}");
    assert!(errors.lines().count() <= 5, "{errors}");
    let errors = session.fails(1, &["run", &session.jar, "two", "arguments"]);
    assert!(errors.contains("IllegalArgumentException: usage: Endings"), "{errors}");

    session.succeeds(&["run", "--detached", &session.jar, "never"]);
    let jobs = session.jobs();
    let states: Vec<_> = jobs.iter().map(|job| job["state"].as_str().unwrap()).collect();
    assert_eq!(states[1..], ["FAILED", "FINISHED"], "the latest job comes first");
    let id = jobs[0]["id"].as_str().unwrap();
    wait_until("the job runs", PATIENCE, async || {
        (session.jobs()[0]["tasks"]["running"] == 1).then_some(())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let to = format!("file://{}", folder.path().display());
    let made = session.succeeds(&["jobs", "savepoint", &id[..12], "--to", &to, "--output", "json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let savepoint = made["savepoint"].as_str().unwrap();
    assert!(savepoint.contains(&folder.path().display().to_string()), "{made}");
    // Flink's answers may be some seconds old.
    wait_until("the savepoint is shown", PATIENCE, async || {
        let shown = session.succeeds(&["jobs", "show"]);
        assert!(shown.contains(id) && shown.contains("numbers"), "{shown}");
        shown.contains(savepoint).then_some(())
    })
    .await;
    let errors = session.fails(64, &["jobs", "cancel", "nobody"]);
    assert!(errors.contains("begins with \"nobody\"") && errors.contains(id), "{errors}");
    session.succeeds(&["jobs", "cancel"]);
    assert_eq!(session.jobs()[0]["state"], "CANCELED");
    let failed = jobs[1]["id"].as_str().unwrap();
    let shown = session.succeeds(&["jobs", "show", failed, "--output", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["failure"][0], "java.lang.IllegalStateException: it was to fail", "{shown}");
    let replace = ["job", "--local", "--replace", &session.control, "--jars", &session.jar];
    let name = "-Dmesos.resourcemanager.framework.name=new";
    let errors = session.fails(64, &[&replace[..], &[name, "--", "never"]].concat());
    assert!(errors.contains("it is a session with 0 jobs"), "{errors}");
    sql(&session, folder.path());
    ctrl_c(&session, savepoint).await;
    drop(session.cluster);
}

fn sql(session: &Session, folder: &std::path::Path) {
    let file = folder.join("job.sql");
    let path = file.display().to_string();
    let table = "CREATE TABLE a (x INT) WITH ('connector' = 'blackhole');\n";
    fs_err::write(&file, format!("{table}INSERT INTO a VALUES (1);")).unwrap();
    assert!(session.succeeds(&["run", &path]).ends_with(" finished"));
    fs_err::write(&file, format!("{table}INSERT INTO a\nVALUES ONE;")).unwrap();
    let errors = session.fails(64, &["run", &path]);
    assert!(errors.starts_with("flink-mesos: job.sql:3:8: "), "{errors}");
}

async fn ctrl_c(session: &Session, savepoint: &str) {
    let run = ["run", "--from-savepoint", savepoint, &session.jar, "never"];
    let left = session.interrupted(&run).await;
    assert_eq!(left.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&left.stderr).contains("keeps running: see `flink-mesos jobs show")
    );
    let stopped = session.succeeds(&["jobs", "savepoint", "--stop", "--to", "file:///tmp"]);
    fs_err::remove_dir_all(stopped.trim_start_matches("file:")).unwrap();
    assert_eq!(session.jobs()[0]["state"], json!("FINISHED"));
    let run = ["run", "--cancel-on-interrupt", &session.jar, "never"];
    let cancelled = session.interrupted(&run).await;
    assert_eq!(cancelled.status.code(), Some(2));
    assert_eq!(session.jobs()[0]["state"], "CANCELED");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_the_oldest_flink_are_run_on_a_session_shown_saved_and_cancelled() {
    jobs_are_run_and_managed(Line::V1_18).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_flink_2_are_run_on_a_session_shown_saved_and_cancelled() {
    jobs_are_run_and_managed(Line::V2).await;
}
