//! A cluster whose jobs decide how many TaskManagers there are.

use std::time::{Duration, SystemTime};

use appmaster::{
    cli::Contact,
    clusters,
    control::{Command, client::Client},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::{
    FlinkRest, Line, RealMesos, RealMesosOptions,
    cluster::{FlinkMesos, assert_no_flink_in, command},
    endings_jar, flink_home, wait_until,
};

/// Long enough for JVMs to come and go on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A cluster on three agents, each with room for one TaskManager of two slots.
pub(super) struct Elastic {
    pub(super) mesos: RealMesos,
    pub(super) master: FlinkMesos,
    pub(super) control: Client,
    at: String,
    web: String,
    line: Line,
    /// When the application master was started.
    began: SystemTime,
}

impl Elastic {
    pub(super) async fn start(line: Line, more: &[&str]) -> Self {
        let mesos =
            RealMesos::start_with(RealMesosOptions { agents: 3, ..RealMesosOptions::default() })
                .await;
        let address = format!("-Dmesos.master={}", mesos.master());
        let mut arguments = vec![
            "session",
            &address,
            "-Dtaskmanager.numberOfTaskSlots=2",
            "-Dresourcemanager.taskmanager-timeout=4000",
            // On a busy machine, a call to a TaskManager may time out.
            "-Drestart-strategy.type=fixed-delay",
            "-Drestart-strategy.fixed-delay.attempts=1000",
            "-Drestart-strategy.fixed-delay.delay=1 s",
        ];
        arguments.extend(more);
        let began = SystemTime::now();
        let mut master = FlinkMesos::start(&flink_home(line), &arguments);
        let at = master.wait_for("control")["address"].as_str().unwrap().to_owned();
        let contact = Contact { at: Some(at.clone()), ..Contact::default() };
        let control = clusters::client(contact, &|name| std::env::var(name).ok()).await.unwrap();
        let web = master.ready();
        Self { mesos, master, control, at, web, line, began }
    }

    pub(super) fn rest(&self) -> FlinkRest {
        FlinkRest::new(&self.web)
    }

    /// Submits the job with this ending, and returns its id. No JVM of Flink's client is needed.
    pub(super) fn submit(&self, parallelism: u64, ending: &str) -> String {
        let jar = endings_jar(self.line).display().to_string();
        let output = command(&[
            "run",
            "--detached",
            "--parallelism",
            &parallelism.to_string(),
            &jar,
            ending,
        ])
        .env("FLINK_MESOS_CONTROL", &self.at)
        .output()
        .unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        let id = out.strip_prefix("Submitted job ").and_then(|rest| rest.split_whitespace().next());
        id.unwrap_or_else(|| panic!("{out}\n{}", String::from_utf8_lossy(&output.stderr)))
            .to_owned()
    }

    /// What an operator says with `flink-mesos workers scale`.
    pub(super) async fn scale(&self, workers: &str) {
        self.control.command(&Command::Scale { workers: workers.to_owned() }).await.unwrap();
    }

    /// Waits until exactly this many TaskManagers are there.
    pub(super) async fn until_there_are(&self, count: u64) {
        self.until_between(count, count).await;
    }

    /// Waits until so many TaskManagers are there.
    pub(super) async fn until_between(&self, least: u64, most: u64) {
        let what = format!("{least} to {most} TaskManagers are there");
        wait_until(&what, PATIENCE, async || {
            let workers = self.control.get("workers").await.ok()?["workers"].as_array()?.len();
            let listed = self.rest().overview().await.ok()?.task_managers;
            (workers as u64 == listed && (least..=most).contains(&listed)).then_some(())
        })
        .await;
    }

    /// Waits until the job runs with this parallelism.
    pub(super) async fn until_job_has(&self, job: &str, parallelism: u64) {
        let what = format!("the job runs with parallelism {parallelism}");
        wait_until(&what, PATIENCE, async || {
            let found = self.rest().get(&format!("jobs/{job}")).await.ok()?;
            let running = |vertex: &Value| vertex["tasks"]["RUNNING"] == parallelism;
            found["vertices"].as_array()?.iter().all(running).then_some(())
        })
        .await;
    }

    /// How long after the job's start the last of its TaskManagers was launched.
    pub(super) async fn launched_after(&mut self, job: &str) -> Duration {
        let launched = self.master.events("launched");
        let seconds = launched.iter().filter_map(|event| event["seconds"].as_f64());
        let last = self.began + Duration::from_secs_f64(seconds.fold(0.0, f64::max));
        let job = self.rest().get(&format!("jobs/{job}")).await.unwrap();
        let start = Duration::from_millis(job["start-time"].as_u64().unwrap());
        last.duration_since(SystemTime::UNIX_EPOCH + start).unwrap_or_default()
    }

    /// The adaptive scheduler gets this wish from the public autoscaler.
    pub(super) async fn require(&self, job: &str, parallelism: u64) {
        let route = format!("jobs/{job}/resource-requirements");
        let mut wanted = self.rest().get(&route).await.unwrap();
        for vertex in wanted.as_object_mut().unwrap().values_mut() {
            vertex["parallelism"] = json!({ "lowerBound": 1, "upperBound": parallelism });
        }
        self.rest().put(&route, &wanted).await.unwrap();
    }

    pub(super) fn end(mut self) {
        self.master.signal(Signal::SIGINT);
        assert!(self.master.end().success());
        assert_no_flink_in(self.mesos.work_dir());
    }
}
