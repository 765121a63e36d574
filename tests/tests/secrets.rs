//! What nobody but a worker may see is nowhere to be seen: secrets are planted wherever a user may put one, and looked for in
//! everything that the real Mesos shows and writes, on command lines, in environments, and in what the programs say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

#[path = "end_to_end/cluster.rs"]
#[allow(dead_code)]
mod cluster;

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use cluster::{FlinkMesos, processes_with};
use nix::sys::signal::Signal;
use tests::{Line, RealMesos, RealMesosOptions, flink_home};

/// Every secret has this in it.
const MARK: &str = "hush-4711";

/// Routes of a master and of an agent, and calls of both APIs, that describe frameworks, executors and tasks.
const MASTER: &[&str] = &["state", "state-summary", "frameworks", "tasks", "slaves", "flags"];
const AGENT: &[&str] = &["state", "containers", "flags"];
const MASTER_CALLS: &[&str] = &["GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS"];
const AGENT_CALLS: &[&str] = &["GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS", "GET_CONTAINERS"];

async fn get(address: &str, route: &str) -> String {
    client()
        .get(format!("http://{address}/{route}"))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap()
        .text()
        .await
        .unwrap()
}

async fn call(address: &str, kind: &str) -> String {
    let request = client().post(format!("http://{address}/api/v1")).header("Accept", "application/json");
    let request = request.header("Content-Type", "application/json").body(format!("{{\"type\": \"{kind}\"}}"));
    request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

fn client() -> reqwest::Client {
    mesos::tls::install_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Everything that this Mesos tells whoever may ask, by where it tells it.
async fn shown(mesos: &RealMesos) -> Vec<(String, String)> {
    let (master, agent) = (mesos.master_address(0), mesos.agent(0));
    let mut shown = Vec::new();
    for (name, address, routes, calls) in
        [("master", &master, MASTER, MASTER_CALLS), ("slave(1)", &agent, AGENT, AGENT_CALLS)]
    {
        for route in routes {
            let prefix = if *route == "containers" || *route == "flags" || name == "master" { "" } else { "slave(1)/" };
            shown.push((format!("{name} {route}"), get(address, &format!("{prefix}{route}")).await));
        }
        for kind in calls {
            shown.push((format!("{name} {kind}"), call(address, kind).await));
        }
    }
    shown
}

/// The files below a folder that hold the mark.
fn marked_files(folder: &Path) -> Vec<PathBuf> {
    let mut marked = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).into_iter().flatten().map_while(Result::ok) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.metadata().is_ok_and(|found| found.len() < 4 << 20) {
                let content = fs_err::read(entry.path()).unwrap_or_default();
                if content.windows(MARK.len()).any(|window| window == MARK.as_bytes()) {
                    marked.push(entry.path());
                }
            }
        }
    }
    marked
}

/// The environment of every process that has this on its command line.
fn environments(text: &str) -> Vec<(String, String)> {
    let environment = |pid: i32| fs_err::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let found = processes_with(text).into_iter();
    found.map(|(pid, line)| (line, String::from_utf8_lossy(&environment(pid)).into_owned())).collect()
}

/// A Flink whose configuration file says this. Not the command line, which everybody on this machine may read.
fn flink_configured(folder: &Path, options: &[(&str, &str)]) -> PathBuf {
    let (flink, home) = (flink_home(Line::V1_20), folder.join("flink"));
    fs_err::create_dir_all(home.join("conf")).unwrap();
    for part in ["bin", "lib", "plugins"] {
        fs_err::os::unix::fs::symlink(flink.join(part), home.join(part)).unwrap();
    }
    let lines = options.iter().map(|(key, value)| format!("{key}: {value}\n")).collect::<Vec<_>>().concat();
    fs_err::write(home.join("conf/config.yaml"), lines).unwrap();
    let logging = "conf/log4j-console.properties";
    fs_err::copy(flink.join(logging), home.join(logging)).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_secret_is_seen_anywhere_but_in_the_workers_own_files() {
    let principal_secret = format!("principal-{MARK}");
    let credentials = vec![("flink".to_owned(), principal_secret.clone())];
    let mesos = RealMesos::start_with(RealMesosOptions { credentials, ..RealMesosOptions::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("licence");
    fs_err::write(&secret_file, format!("artifact-{MARK}")).unwrap();
    let home = flink_configured(
        folder.path(),
        &[
            ("mesos.master", &mesos.master()),
            ("mesos.resourcemanager.framework.principal", "flink"),
            ("mesos.resourcemanager.framework.secret", &principal_secret),
            ("security.ssl.rest.key-password", &format!("option-{MARK}")),
            ("s3.secret-key", &format!("option-{MARK}")),
            ("containerized.taskmanager.env.AWS_SECRET_ACCESS_KEY", &format!("variable-{MARK}")),
            ("mesos.secret-artifacts.licence", &secret_file.display().to_string()),
        ],
    );
    let mut cluster = FlinkMesos::start(&home, &["session", "--log", "trace"]);
    let worker = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();

    for (place, text) in shown(&mesos).await {
        assert!(text.contains('{') && !text.contains(MARK), "a secret is shown by the {place}: {text}");
    }
    let lines = processes_with(MARK);
    assert_eq!(lines, [], "on a command line");
    let (executors, others): (Vec<_>, Vec<_>) =
        environments(&mesos.work_dir().display().to_string()).into_iter().partition(|(line, _)| !line.contains("java"));
    assert!(!executors.is_empty() && !others.is_empty());
    for (line, environment) in executors {
        assert!(!environment.contains(MARK), "in the environment of {line}: {environment}");
    }
    // The variable that the user has asked for is in its worker's environment, and nowhere else.
    assert!(others.iter().any(|(_, environment)| environment.contains(&format!("variable-{MARK}"))));

    // Nothing of what Mesos writes, nor of what goes into a sandbox, holds a secret, but files for their owner only.
    let marked = marked_files(mesos.work_dir());
    let names: Vec<_> = marked.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert!(names.contains(&"licence") && names.contains(&"config.yaml"), "{marked:?}");
    for path in &marked {
        let credentials = path.parent() == Some(mesos.work_dir());
        let mode = fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert!(credentials || path.display().to_string().contains(&worker), "a secret is in {}", path.display());
        assert!(credentials || mode.trailing_zeros() >= 6, "{} is open to others: {mode:o}", path.display());
    }

    cluster.signal(Signal::SIGINT);
    assert!(cluster.end().success());
    // What the application master says at its most talkative, and what the JobManager logs.
    let (said, logs) = (cluster.errors(), marked_files(&cluster.work.path().join("log")));
    assert!(said.contains("TRACE") && !said.contains(MARK), "{said}");
    assert_eq!(logs, Vec::<PathBuf>::new(), "the JobManager's logs");
}
