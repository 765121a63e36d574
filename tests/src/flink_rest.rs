//! The tests' client of a Flink JobManager.

use std::path::Path;

use crate::{cluster::PATIENCE, http, wait_until};
use serde_json::{Value, json};

/// A JobManager's REST interface.
#[derive(Clone, Debug)]
pub struct FlinkRest {
    client: reqwest::Client,
    url: String,
}

/// The cluster's totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Registered TaskManagers.
    pub task_managers: u64,
    /// Slots of all of them.
    pub slots: u64,
    /// Free slots.
    pub free_slots: u64,
    /// Running jobs.
    pub jobs_running: u64,
    /// Successfully finished jobs.
    pub jobs_finished: u64,
}

/// A registered TaskManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskManager {
    /// Its resource id.
    pub id: String,
    /// The port of its data connections.
    pub data_port: u64,
    /// Its slots.
    pub slots: u64,
}

/// A job known to the JobManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id, 32 hexadecimal digits.
    pub id: String,
    /// RUNNING, FINISHED, FAILED, ...
    pub state: String,
}

impl FlinkRest {
    /// `url` is the JobManager's web address, such as `http://127.0.0.1:8081`.
    pub fn new(url: &str) -> Self {
        Self { client: http::client(), url: url.trim_end_matches('/').to_owned() }
    }

    /// The cluster's totals.
    pub async fn overview(&self) -> Result<Overview, reqwest::Error> {
        let answer = self.get("overview").await?;
        let number = |name: &str| answer[name].as_u64().unwrap_or_default();
        Ok(Overview {
            task_managers: number("taskmanagers"),
            slots: number("slots-total"),
            free_slots: number("slots-available"),
            jobs_running: number("jobs-running"),
            jobs_finished: number("jobs-finished"),
        })
    }

    /// The registered TaskManagers.
    pub async fn task_managers(&self) -> Result<Vec<TaskManager>, reqwest::Error> {
        let answer = self.get("taskmanagers").await?;
        Ok(list(&answer["taskmanagers"], |item| TaskManager {
            id: text(&item["id"]),
            data_port: item["dataPort"].as_u64().unwrap_or_default(),
            slots: item["slotsNumber"].as_u64().unwrap_or_default(),
        }))
    }

    /// All jobs.
    pub async fn jobs(&self) -> Result<Vec<Job>, reqwest::Error> {
        let answer = self.get("jobs").await?;
        Ok(list(&answer["jobs"], |item| Job {
            id: text(&item["id"]),
            state: text(&item["status"]),
        }))
    }

    /// The JobManager's effective configuration, as pairs of key and value.
    pub async fn configuration(&self) -> Result<Vec<(String, String)>, reqwest::Error> {
        let answer = self.get("jobmanager/config").await?;
        Ok(list(&answer, |item| (text(&item["key"]), text(&item["value"]))))
    }

    /// Asks the JobManager to cancel a job.
    pub async fn cancel(&self, job: &str) -> Result<(), reqwest::Error> {
        self.client
            .patch(format!("{}/jobs/{job}?mode=cancel", self.url))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// Stops a job with a savepoint in this folder; where that is.
    pub async fn stop_with_savepoint(&self, job: &str, folder: &Path) -> String {
        let target = json!({ "targetDirectory": format!("file://{}", folder.display()) });
        let request = self.client.post(format!("{}/jobs/{job}/stop", self.url)).json(&target);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let trigger = text(&answer["request-id"]);
        let made = wait_until("the savepoint is made", PATIENCE, async || {
            let made = self.get(&format!("jobs/{job}/savepoints/{trigger}")).await.ok()?;
            (made["status"]["id"] == "COMPLETED").then_some(made)
        });
        text(&made.await["operation"]["location"])
    }

    /// Sends this JSON to a route.
    pub async fn put(&self, route: &str, body: &Value) -> Result<(), reqwest::Error> {
        let request = self.client.put(format!("{}/{route}", self.url));
        let request = request.header("Content-Type", "application/json").body(body.to_string());
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// `DELETE /cluster`: asks the JobManager to end the cluster.
    pub async fn shut_down(&self) -> Result<(), reqwest::Error> {
        self.client.delete(format!("{}/cluster", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// The JSON of any other route, such as `jobs/<id>`.
    pub async fn get(&self, route: &str) -> Result<Value, reqwest::Error> {
        http::json(&self.client, &format!("{}/{route}", self.url)).await
    }
}

fn list<T>(items: &Value, of: impl Fn(&Value) -> T) -> Vec<T> {
    items.as_array().into_iter().flatten().map(of).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
