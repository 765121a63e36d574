//! The JobManager's REST API, as far as an outside resource manager needs it.

mod commands;
mod jobs;
mod upload;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use common::log_rate_limit::Quiet;
use scheduler::core::ids::WorkerId;
use serde::{Deserialize, de::DeserializeOwned};
use tracing::warn;

pub use self::{
    commands::{ListedJob, RunOptions, SavepointOptions},
    jobs::{FlinkError, JobState},
};
use crate::{
    bounded_answer::{self as answer, AnswerError, LARGEST_LIST},
    control::status::Job,
    table::rfc3339,
};

/// A client of one JobManager.
#[derive(Clone, Debug)]
pub struct FlinkRest {
    client: reqwest::Client,
    address: String,
    instance: String,
    trouble: Arc<Quiet>,
}

/// The configuration key with the unique name of our JobManager.
pub const INSTANCE: &str = "flink-mesos.instance";

#[derive(Deserialize)]
struct ConfigurationEntry {
    key: String,
    value: String,
}

#[derive(Deserialize)]
struct ShownConfiguration {
    #[serde(rename = "flink-version")]
    version: String,
}

#[derive(Deserialize)]
struct TaskManagers {
    taskmanagers: Vec<TaskManager>,
}

#[derive(Deserialize)]
struct TaskManager {
    id: String,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<JobOverview>,
}

#[derive(Deserialize)]
struct JobOverview {
    jid: String,
    name: String,
    state: String,
    #[serde(rename = "start-time")]
    start: u64,
    #[serde(rename = "end-time")]
    end: i64,
}

impl FlinkRest {
    /// A client of the JobManager whose REST API is at `address`, e.g. `http://host:8081`, and
    /// whose configuration has `instance` as its [`INSTANCE`]. With TLS, its certificate must be
    /// signed by `trusted` (PEM).
    pub fn new(
        address: String,
        instance: String,
        trusted: Option<&str>,
    ) -> Result<Self, reqwest::Error> {
        common::tls::install_provider();
        // The JobManager runs on this machine: ignore the environment's proxies.
        let mut builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        if let Some(pem) = trusted {
            builder =
                builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?);
        }
        Ok(Self { client: builder.build()?, address, instance, trouble: Arc::default() })
    }

    /// Whether our own JobManager answers, not another cluster's on the same port.
    pub async fn is_up(&self) -> bool {
        let entries: Vec<ConfigurationEntry> =
            self.get("jobmanager/config").await.unwrap_or_default();
        let ours =
            entries.iter().any(|entry| entry.key == INSTANCE && entry.value == self.instance);
        ours && self.leads().await
    }

    /// The address of its REST API.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Checks that a JobManager that leads answers, ours or another.
    pub async fn answers(&self) -> Result<(), FlinkError> {
        self.read::<serde_json::Value>("overview").await.map(drop)
    }

    /// Its version of Flink.
    pub async fn version(&self) -> Result<String, FlinkError> {
        let shown: ShownConfiguration = self.read("config").await?;
        Ok(shown.version)
    }

    /// Its effective configuration. Flink masks secrets.
    pub async fn configuration(&self) -> Result<BTreeMap<String, String>, FlinkError> {
        let entries: Vec<ConfigurationEntry> = self.read("jobmanager/config").await?;
        Ok(entries.into_iter().map(|entry| (entry.key, entry.value)).collect())
    }

    /// Whether it leads: its web server answers earlier.
    async fn leads(&self) -> bool {
        let answer = self.client.get(format!("{}/overview", self.address)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The registered TaskManagers. Their ids are our workers' ids, because we set
    /// `taskmanager.resource-id`.
    pub async fn task_managers(&self) -> Result<BTreeSet<WorkerId>, AnswerError> {
        let listed: TaskManagers = self.get("taskmanagers").await?;
        Ok(listed.taskmanagers.iter().map(|tm| WorkerId::from(tm.id.as_str())).collect())
    }

    /// The jobs that have not ended.
    pub async fn jobs(&self) -> Result<Vec<Job>, AnswerError> {
        let listed: Jobs = self.get("jobs/overview").await?;
        // A job that has not ended has a negative time of its end.
        let running = listed.jobs.into_iter().filter(|job| job.end < 0);
        Ok(running
            .map(|JobOverview { jid, name, state, start, .. }| Job {
                id: jid,
                name,
                state,
                since: rfc3339(start),
            })
            .collect())
    }

    /// The JSON answer at this path.
    pub(crate) async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, AnswerError> {
        let answer = self.client.get(format!("{}/{what}", self.address)).send().await?;
        let read = answer::json(answer.error_for_status()?, LARGEST_LIST).await;
        // Other errors are usual while it starts.
        if let Err(error @ AnswerError::TooLarge { .. }) = &read
            && let Some(before) = self.trouble.now()
        {
            warn!(%error, before, "Cannot read an answer of the JobManager");
        }
        read
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::{Json, Router, http::StatusCode, routing::get};
    use serde_json::json;

    use super::*;
    use crate::bounded_answer::tests::{answering, endless};

    /// Whether a leading JobManager with this configuration is accepted as ours.
    async fn is_ours(configuration: serde_json::Value) -> bool {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/jobmanager/config", get(async move || Json(configuration)))
            .route("/overview", get(async || Json(json!({}))));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let up = FlinkRest::new(address, "abc".to_owned(), None).unwrap().is_up().await;
        server.abort();
        up
    }

    #[tokio::test]
    async fn another_clusters_job_manager_is_not_mistaken_for_ours() {
        assert!(
            is_ours(json!([{"key": "rest.port", "value": "1"}, {"key": INSTANCE, "value": "abc"}]))
                .await
        );
        for other in [json!([]), json!([{"key": INSTANCE, "value": "xyz"}]), json!({"errors": []})]
        {
            assert!(!is_ours(other).await);
        }
    }

    #[tokio::test]
    async fn jobs_that_have_not_ended_are_listed() {
        let job = |id: &str, state: &str, end: i64| {
            json!({ "jid": id, "name": "n", "state": state, "start-time": 1000, "end-time": end, "duration": 5,
                    "last-modification": 7, "tasks": { "running": 1 } })
        };
        let jobs = json!({ "jobs": [job("a", "RUNNING", -1), job("b", "FINISHED", 2000)] });
        let (address, _server) = answering(move || Json(jobs.clone())).await;
        let rest = FlinkRest::new(address, "abc".to_owned(), None).unwrap();
        let [job] = rest.jobs().await.unwrap().try_into().unwrap();
        assert_eq!((job.id.as_str(), job.state.as_str()), ("a", "RUNNING"));
        assert_eq!(job.since, "1970-01-01T00:00:01.000Z");
    }

    #[tokio::test]
    async fn a_program_at_its_port_whose_answers_never_end_is_not_it_and_fills_no_memory() {
        let (address, _server) = answering(|| endless(StatusCode::OK)).await;
        let rest = FlinkRest::new(address, "abc".to_owned(), None).unwrap();
        assert!(!rest.is_up().await);
        let error = rest.task_managers().await.unwrap_err();
        assert!(matches!(error, AnswerError::TooLarge { .. }), "{error}");
        let (address, _server) = answering(|| endless(StatusCode::NOT_FOUND)).await;
        let rest = FlinkRest::new(address, "abc".to_owned(), None).unwrap();
        assert!(!rest.is_up().await && rest.task_managers().await.is_err());
    }
}
