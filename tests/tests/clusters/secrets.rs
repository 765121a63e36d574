//! Secrets are visible only to their worker. The test puts secrets wherever a user may, and
//! searches for them in everything that the real Mesos shows and writes, on command lines, in
//! environments, and in the programs' output.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use flink::options::{self, Kind};
use nix::sys::signal::Signal;
use tests::{
    ExecutorsCache, FlinkRest, Line, RealMesos, RealMesosOptions, RealZooKeeper,
    cluster::{FlinkMesos, processes_with},
    flink_home,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Contained in every secret; unique on this machine.
static MARK: LazyLock<String> = LazyLock::new(|| format!("hush-4711-{}", std::process::id()));

/// Routes of a master and of an agent, and calls of both APIs, that describe frameworks, executors
/// and tasks.
const MASTER: &[&str] = &["state", "state-summary", "frameworks", "tasks", "slaves", "flags"];
const AGENT: &[&str] = &["state", "containers", "flags"];
const MASTER_CALLS: &[&str] = &["GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS"];
const AGENT_CALLS: &[&str] =
    &["GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS", "GET_CONTAINERS"];

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
    let request =
        client().post(format!("http://{address}/api/v1")).header("Accept", "application/json");
    let request = request
        .header("Content-Type", "application/json")
        .body(format!("{{\"type\": \"{kind}\"}}"));
    request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

fn client() -> reqwest::Client {
    common::tls::install_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Everything that this Mesos shows to anyone, by URL.
async fn shown(mesos: &RealMesos) -> Vec<(String, String)> {
    let (master, agent) = (mesos.master_address(0), mesos.agent(0));
    let mut shown = Vec::new();
    for (name, address, routes, calls) in
        [("master", &master, MASTER, MASTER_CALLS), ("slave(1)", &agent, AGENT, AGENT_CALLS)]
    {
        for route in routes {
            let prefix = if *route == "containers" || *route == "flags" || name == "master" {
                ""
            } else {
                "slave(1)/"
            };
            shown
                .push((format!("{name} {route}"), get(address, &format!("{prefix}{route}")).await));
        }
        for kind in calls {
            shown.push((format!("{name} {kind}"), call(address, kind).await));
        }
    }
    shown
}

fn has_mark(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(MARK.as_str())
}

/// The files below a folder that contain the mark.
fn marked_files(folder: &Path) -> Vec<PathBuf> {
    let mut marked = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).into_iter().flatten().map_while(Result::ok) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && entry.path().extension().is_none_or(|extension| extension != "jar")
            {
                let content = fs_err::read(entry.path()).unwrap_or_default();
                if has_mark(&content) {
                    marked.push(entry.path());
                }
            }
        }
    }
    marked
}

/// The command lines of processes that have the mark in their environment.
fn marked_environments() -> Vec<String> {
    let processes = fs_err::read_dir("/proc").unwrap().map_while(Result::ok);
    let marked = processes.filter_map(|entry| {
        let environment = fs_err::read(entry.path().join("environ")).ok()?;
        has_mark(&environment).then_some(())?;
        let line = fs_err::read(entry.path().join("cmdline")).unwrap_or_default();
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    marked.collect()
}

/// A value with the mark for every option that may hold a secret in free form.
fn planted() -> Vec<(String, String)> {
    let is_text = |option: &&options::Declaration| option.kind == Kind::Text && option.secret;
    let special = ["mesos.resourcemanager.framework.secret", "mesos.source.gs.credential"];
    let keys = options::all()
        .filter(is_text)
        .map(|option| option.key)
        .filter(|key| !special.contains(key));
    let more =
        ["s3.secret-key", "fs.azure.account.key.x", "my.own.password", "metrics.reporter.x.apikey"];
    // The value of an ordinary user's password, as long as a token must be.
    let value = |key: &str| format!("user:option-{}-{}", *MARK, key.len());
    let all = keys.map(|key| key.replace(['<', '>'], "")).chain(more.map(str::to_owned));
    all.map(|key| (key.clone(), value(&key))).collect()
}

/// A Flink whose configuration folder is mounted as in Kubernetes, with all files that people,
/// editors and package managers leave in such a folder. Not the command line, which everyone on
/// this machine may read.
fn flink_configured(folder: &Path, options: &[(String, String)]) -> PathBuf {
    let (flink, home) = (flink_home(Line::V1_20), folder.join("flink"));
    let real = home.join("conf/..2026_01");
    for created in [&real, &home.join("conf/old"), &home.join("conf/.git/objects")] {
        fs_err::create_dir_all(created).unwrap();
    }
    for part in ["bin", "lib", "plugins"] {
        fs_err::os::unix::fs::symlink(flink.join(part), home.join(part)).unwrap();
    }
    let lines: Vec<_> =
        options.iter().map(|(key, value)| format!("{key}: \"{value}\"\n")).collect();
    let lines = lines.concat();
    let logging = "log4j-console.properties";
    fs_err::write(real.join("config.yaml"), &lines).unwrap();
    fs_err::copy(flink.join("conf").join(logging), real.join(logging)).unwrap();
    fs_err::os::unix::fs::symlink("..2026_01", home.join("conf/..data")).unwrap();
    for name in ["config.yaml", logging] {
        fs_err::os::unix::fs::symlink(format!("..data/{name}"), home.join("conf").join(name))
            .unwrap();
    }
    for copy in [
        "config.yaml.bak",
        "config.yaml~",
        ".config.yaml.swp",
        "#config.yaml#",
        "config.yaml.dpkg-dist",
        "config.yaml.dpkg-old",
        "config.yaml.rpmsave",
        "config.yaml.orig",
        "flink-conf.yaml.old",
        "old/config.yaml",
        ".git/objects/4711",
        "log4j.properties.config",
    ] {
        fs_err::write(home.join("conf").join(copy), &lines).unwrap();
    }
    home
}

/// A web server with one file and without authentication. Returns its address.
async fn web_server() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
                while !head.ends_with(b"\r\n\r\n") {
                    match client.read(&mut buffer).await {
                        Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                }
                let body: &[u8] = if head.starts_with(b"HEAD") { b"" } else { b"hello" };
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
                _ = client.write_all(&[head, body].concat()).await;
            });
        }
    });
    address
}

/// A server's answers to requests without a token, whatever their status.
async fn unauthenticated_answers(url: &str, paths: &[&str]) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for path in paths {
        let answer = client().get(format!("{url}{path}")).send().await.unwrap();
        assert!(!answer.status().is_server_error(), "{url}{path}: {answer:?}");
        let head = format!("{answer:?}");
        said.push((format!("{url}{path}"), format!("{head} {}", answer.text().await.unwrap())));
    }
    said
}

/// No file of Mesos or in a sandbox contains a secret, except files of this worker that only their
/// owner can read.
fn assert_secrets_are_the_workers_alone(work_dir: &Path, worker: &str) {
    let marked = marked_files(work_dir);
    let names: Vec<_> = marked.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert!(names.contains(&"licence") && names.contains(&"config.yaml"), "{marked:?}");
    for path in &marked {
        let credentials = path.parent() == Some(work_dir);
        let mode = fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert!(
            credentials || path.display().to_string().contains(worker),
            "a secret is in {}",
            path.display()
        );
        assert!(
            credentials || mode.trailing_zeros() >= 6,
            "{} is open to others: {mode:o}",
            path.display()
        );
    }
    assert_eq!(
        names.iter().filter(|name| **name == "config.yaml").count(),
        1,
        "one configuration: {marked:?}"
    );
    let is_masters =
        |text: &[u8]| String::from_utf8_lossy(text).contains(&format!("masters-{}", MARK.as_str()));
    let masters: Vec<_> =
        marked.iter().filter(|path| is_masters(&fs_err::read(path).unwrap())).collect();
    assert_eq!(
        masters,
        Vec::<&PathBuf>::new(),
        "a secret of the application master reached a worker"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_secret_is_visible_outside_the_workers_own_files() {
    let mark = MARK.as_str();
    let principal_secret = format!("principal-{mark}");
    let credentials = vec![("flink".to_owned(), principal_secret.clone())];
    // Its files are searched, too.
    let cache = ExecutorsCache::Own;
    let mesos =
        RealMesos::start_with(RealMesosOptions { credentials, cache, ..Default::default() });
    let mesos = mesos.await;
    let zookeeper = RealZooKeeper::start().await;
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("licence");
    fs_err::write(&secret_file, format!("artifact-{mark}")).unwrap();
    let storage = folder.path().join("storage");
    let mut options = planted();
    for (key, value) in [
        ("mesos.master", mesos.master()),
        ("mesos.resourcemanager.framework.principal", "flink".to_owned()),
        ("mesos.resourcemanager.framework.secret", principal_secret),
        (
            "mesos.resourcemanager.tasks.uris",
            format!("http://user:uri-{mark}@{}/hello", web_server().await),
        ),
        ("containerized.taskmanager.env.AWS_SECRET_ACCESS_KEY", format!("variable-{mark}")),
        ("containerized.master.env.DB", format!("masters-{mark}")),
        ("mesos.secret-artifacts.licence", secret_file.display().to_string()),
        ("high-availability.type", "zookeeper".to_owned()),
        ("high-availability.zookeeper.quorum", zookeeper.connect_string()),
        ("high-availability.storageDir", format!("file://{}", storage.display())),
    ] {
        options.push((key.to_owned(), value));
    }
    let token = options.iter().find(|(key, _)| key == "mesos.web.token").unwrap().1.clone();
    let home = flink_configured(folder.path(), &options);
    let mut cluster = FlinkMesos::start(&home, &["session", "--workers=1", "--log", "trace"]);
    let control = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
    let worker = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    let web = cluster.ready();

    let mut shown = shown(&mesos).await;
    let published =
        executor_address(&shown).expect("the address from which Mesos fetched the executor");
    shown
        .extend(unauthenticated_answers(&control, &["/", "/workers", "/history", "/config"]).await);
    shown.extend(
        unauthenticated_answers(
            &published,
            &["/", "/manifest", "/v1/manifest", "/config.yaml", "/metrics"],
        )
        .await,
    );
    let rest = FlinkRest::new(&web);
    for route in
        ["config", "jobmanager/config", "jobmanager/environment", "overview", "taskmanagers"]
    {
        shown.push((format!("Flink's {route}"), rest.get(route).await.unwrap().to_string()));
    }
    let asked =
        client().get(format!("{control}/workers")).bearer_auth(&token).send().await.unwrap();
    shown.push((
        "the operator's API".to_owned(),
        asked.error_for_status().unwrap().text().await.unwrap(),
    ));
    for (place, text) in shown {
        assert!(
            !text.is_empty() && !text.contains(mark),
            "a secret is shown by the {place}: {text}"
        );
    }
    let reported = rest.configuration().await.unwrap();
    assert!(
        reported.iter().all(|(key, _)| !key.starts_with("mesos.")),
        "the JobManager has options of Mesos: {reported:?}"
    );

    assert_eq!(processes_with(mark), [], "on a command line");
    // The variable that the user has set is in its worker's environment, and nowhere else.
    let environments = marked_environments();
    let is_workers = |line: &String| line.contains("TaskManagerRunner") && line.contains(&worker);
    assert!(!environments.is_empty() && environments.iter().all(is_workers), "{environments:?}");

    assert_secrets_are_the_workers_alone(mesos.work_dir(), &worker);
    for kept in [zookeeper.work_dir(), &storage] {
        assert_eq!(marked_files(kept), Vec::<PathBuf>::new());
    }

    cluster.signal(Signal::SIGINT);
    assert!(cluster.end().success());
    // The application master's output at the most verbose level, and the JobManager's logs.
    let (said, logs) = (cluster.errors(), marked_files(&cluster.work.path().join("log")));
    assert!(said.contains("TRACE") && !said.contains(mark), "{}", lines_with(&said, mark));
    assert_eq!(logs, Vec::<PathBuf>::new(), "the JobManager's logs");
}

fn lines_with(text: &str, part: &str) -> String {
    text.lines().filter(|line| line.contains(part)).take(5).collect::<Vec<_>>().join("\n")
}

/// Where Mesos fetched the executor, from what Mesos shows: `http://host:port`.
fn executor_address(shown: &[(String, String)]) -> Option<String> {
    shown.iter().find_map(|(_, text)| {
        // Some of Mesos's pages escape slashes with a backslash.
        let text = text.replace("\\/", "/");
        let urls = text.split("http://").skip(1).filter_map(|rest| rest.split('"').next());
        let url = urls.into_iter().find(|url| url.ends_with("/flink-mesos-executor"))?;
        Some(format!("http://{}", url.split('/').next()?))
    })
}
