//! The real Mesos, ZooKeeper, application master and executors around stand-ins for TaskManagers.
#![allow(clippy::disallowed_methods, reason = "reads the environment, as the command line does")]

use std::{
    collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration,
};

use appmaster::{cli::Contact, clusters};
use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Line, RealMesos, RealMesosOptions, RealZooKeeper,
    cluster::{FlinkMesos, command},
    flink_home, wait_until,
};

/// Enough to reconnect with every back-off on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A component to kill: the leading one of several Mesos masters or ZooKeeper servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The leading Mesos master.
    Master,
    /// The Mesos agent.
    Agent,
    /// Our application master.
    ApplicationMaster,
    /// A ZooKeeper server.
    ZooKeeper,
}

/// A session ends when ZooKeeper has not heard from its client for this long.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(4);

/// All components, with their data.
pub struct Site {
    /// Masters and agents.
    pub mesos: RealMesos,
    /// The servers.
    pub zookeeper: RealZooKeeper,
    /// The application master.
    pub master: FlinkMesos,
    /// The URL of its control API.
    pub control: String,
    options: Vec<String>,
    /// The Mesos master that was killed last.
    killed: usize,
    java: TempDir,
}

impl Site {
    /// Starts all components, with this many TaskManagers on the agents. Returns when all are
    /// running and registered.
    pub async fn start(workers: usize, options: RealMesosOptions, more: &[&str]) -> Self {
        let (mesos, zookeeper) =
            (RealMesos::start_with(options).await, RealZooKeeper::start().await);
        Self::begin(workers, mesos, zookeeper, more).await
    }

    /// The same with existing components.
    pub async fn begin(
        workers: usize,
        mesos: RealMesos,
        zookeeper: RealZooKeeper,
        more: &[&str],
    ) -> Self {
        let java = stand_in();
        let mut options = vec![
            "session".to_owned(),
            format!("-Dmesos.master={}", mesos.master()),
            format!("-Dmesos.workers={workers}"),
            format!("-Denv.java.home={}", java.path().display()),
            format!("-Dmesos.executor.java-home={}", java.path().display()),
            "-Dhigh-availability.type=zookeeper".to_owned(),
            format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.connect_string()),
            format!("-Dhigh-availability.storageDir=file://{}", java.path().display()),
            format!(
                "-Dhigh-availability.zookeeper.client.session-timeout={} s",
                SESSION_TIMEOUT.as_secs()
            ),
        ];
        options.extend(more.iter().map(|&option| option.to_owned()));
        let master = FlinkMesos::start(&flink_home(Line::V1_20), &borrowed(&options));
        let mut this =
            Self { mesos, zookeeper, master, control: String::new(), options, killed: 0, java };
        this.control = this.announced();
        this.until_whole(workers).await;
        this
    }

    fn announced(&mut self) -> String {
        self.master.wait_for("control")["address"].as_str().unwrap().to_owned()
    }

    /// Kills a component as `kill -9` does.
    pub async fn kill(&mut self, part: Part) {
        match part {
            Part::Master => {
                self.killed = self.mesos.leader().await;
                self.mesos.kill_master(self.killed).await;
            }
            Part::Agent => self.mesos.kill_agent(0).await,
            Part::ZooKeeper => self.zookeeper.kill_leader().await,
            Part::ApplicationMaster => {
                self.master.signal(Signal::SIGKILL);
                self.master.end();
            }
        }
    }

    /// Starts a component again with its old data.
    pub async fn restart(&mut self, part: Part) {
        match part {
            Part::Master => self.mesos.restart_master(self.killed).await,
            Part::Agent => self.mesos.restart_agent(0).await,
            Part::ZooKeeper => self.zookeeper.restart().await,
            Part::ApplicationMaster => {
                self.master = FlinkMesos::start(&flink_home(Line::V1_20), &borrowed(&self.options));
            }
        }
    }

    /// Starts the application master again with its old data and another distribution.
    pub fn restart_of(&mut self, home: &std::path::Path) {
        self.master = FlinkMesos::start(home, &borrowed(&self.options));
    }

    /// Adds options for the application master's next start.
    pub fn reconfigure(&mut self, more: &[&str]) {
        self.options.extend(more.iter().map(|&option| option.to_owned()));
    }

    /// Another application master, once it is a standby.
    pub fn standby(&self) -> FlinkMesos {
        self.standby_with(&[])
    }

    /// The same with more options.
    pub fn standby_with(&self, more: &[&str]) -> FlinkMesos {
        let options = [&borrowed(&self.options), more].concat();
        let mut standby = FlinkMesos::start(&flink_home(Line::V1_20), &options);
        standby.wait_for("standby");
        standby
    }

    /// The same with another distribution.
    pub fn standby_of(&self, home: &std::path::Path) -> FlinkMesos {
        let mut standby = FlinkMesos::start(home, &borrowed(&self.options));
        standby.wait_for("standby");
        standby
    }

    /// Continues with another application master, once it is subscribed and knows the state of
    /// every worker. Returns the previous one.
    pub async fn follow(&mut self, master: FlinkMesos) -> FlinkMesos {
        let before = std::mem::replace(&mut self.master, master);
        self.master.wait_for("registered");
        wait_until("every worker is answered for", PATIENCE, async || {
            let reported = self.workers().await?;
            (reported["subscribed"] == true && reported["unanswered"] == 0).then_some(())
        })
        .await;
        before
    }

    /// Waits until the application master has subscribed this many times.
    pub async fn until_subscribed(&mut self, times: usize) {
        wait_until("it has subscribed", PATIENCE, async || {
            (self.master.events("registered").len() >= times).then_some(())
        })
        .await;
    }

    /// The option that makes our stand-in the only java.
    pub fn java_option(&self) -> String {
        format!("-Denv.java.home={}", self.java.path().display())
    }

    /// The java home of the stand-in.
    pub fn java_home(&self) -> &std::path::Path {
        self.java.path()
    }

    /// The application master's list of workers. A new leader has another address.
    pub async fn workers(&mut self) -> Option<Value> {
        if let Some(event) = self.master.events("control").last() {
            event["address"].as_str()?.clone_into(&mut self.control);
        }
        let contact = Contact { at: Some(self.control.clone()), ..Contact::default() };
        let client = clusters::client(contact, &|name| std::env::var(name).ok()).await.ok()?;
        tokio::time::timeout(Duration::from_secs(2), client.get("workers")).await.ok()?.ok()
    }

    /// Waits until the application master is subscribed, knows the state of every worker, and
    /// exactly this many run.
    pub async fn until_whole(&mut self, workers: usize) {
        let what = format!("{workers} TaskManagers run and are registered");
        wait_until(&what, PATIENCE, async || {
            let reported = self.workers().await?;
            let all = reported["workers"].as_array()?;
            let well =
                |worker: &Value| worker["phase"] == "running" && worker["registered"] == true;
            let settled = reported["subscribed"] == true && reported["unanswered"] == 0;
            (settled && all.len() == workers && all.iter().all(well)).then_some(())
        })
        .await;
    }

    /// The living TaskManagers, by worker.
    pub fn task_managers(&self) -> BTreeMap<String, i32> {
        let entries = fs_err::read_dir(self.java.path().join("there")).unwrap();
        let one = |path: PathBuf| {
            let pid = fs_err::read_to_string(&path).unwrap().parse().unwrap();
            let lives = nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok();
            lives.then(|| (path.file_name().unwrap().to_str().unwrap().to_owned(), pid))
        };
        entries.filter_map(|entry| one(entry.unwrap().path())).collect()
    }

    /// The tasks that Mesos knows.
    pub async fn tasks(&self) -> Vec<String> {
        let state = self.mesos.state().await;
        let frameworks = state["frameworks"].as_array().unwrap();
        let tasks = frameworks.iter().flat_map(|framework| framework["tasks"].as_array().unwrap());
        let mut ids: Vec<_> = tasks.map(|task| task["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    /// Waits until Mesos has exactly these tasks: it forgets an ended task when its last status is
    /// acknowledged.
    pub async fn until_tasks_are(&self, expected: impl IntoIterator<Item = &String>) {
        let expected: Vec<_> = expected.into_iter().cloned().collect();
        wait_until(&format!("the tasks are {expected:?}"), PATIENCE, async || {
            (self.tasks().await == expected).then_some(())
        })
        .await;
    }

    /// Runs `flink-mesos workers ARGUMENTS` and returns its JSON output.
    pub fn operate(&self, arguments: &[&str]) -> Value {
        let all = [&["workers", "--output", "json"], arguments].concat();
        serde_json::from_str(&self.ask(&all)).unwrap()
    }

    /// Runs `flink-mesos stop`.
    pub fn stop(&self) {
        self.ask(&["stop"]);
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let all = [arguments, &["--at", &self.control]].concat();
        let output = command(&all).output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{all:?}: {err}");
        out.into_owned()
    }

    /// Ends the cluster as Ctrl-C does; nothing may be left.
    pub async fn end(self) {
        self.end_and_keep_mesos().await;
    }

    /// The same, but keeps Mesos for more checks.
    pub async fn end_and_keep_mesos(mut self) -> RealMesos {
        self.master.signal(Signal::SIGINT);
        assert!(self.master.end().success());
        let left = self.task_managers();
        assert!(left.is_empty(), "TaskManagers are left: {left:?}");
        assert!(self.tasks().await.is_empty());
        self.mesos
    }
}

/// A java home whose java is `java.py`.
pub fn stand_in() -> TempDir {
    java_home(include_str!("site/java.py"))
}

/// A java home whose java is this script.
pub fn java_home(script: &str) -> TempDir {
    let home = TempDir::with_prefix("stand-in-").unwrap();
    let (bin, java) = (home.path().join("bin"), home.path().join("bin/java"));
    fs_err::create_dir(bin).unwrap();
    fs_err::create_dir(home.path().join("there")).unwrap();
    fs_err::write(home.path().join("release"), "JAVA_VERSION=\"17.0.1\"\n").unwrap();
    fs_err::write(&java, script).unwrap();
    fs_err::set_permissions(&java, std::fs::Permissions::from_mode(0o755)).unwrap();
    home
}

fn borrowed(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}
