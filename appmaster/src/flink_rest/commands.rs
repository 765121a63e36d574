//! What people do with jobs at a JobManager: list, show, cancel, savepoint, and run a jar.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{FlinkError, FlinkRest, upload::Form};

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ListedJob {
    /// Its id.
    #[serde(rename = "jid")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Flink's word for its state.
    pub state: String,
    /// When it was submitted, in milliseconds since 1970.
    #[serde(rename = "start-time")]
    pub start: u64,
    /// How long it has run, in milliseconds.
    pub duration: u64,
    /// How many tasks there are in each state, and in `total`.
    #[serde(default)]
    pub tasks: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Overview {
    jobs: Vec<ListedJob>,
}

/// How to run a jar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunOptions {
    /// Class with `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Its arguments.
    pub program_args_list: Vec<String>,
    /// Parallelism of operators that set none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Savepoint to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// Skip state that the job no longer has.
    pub allow_non_restored_state: bool,
}

/// How to make a savepoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavepointOptions {
    /// The folder.
    pub folder: Option<String>,
    /// Stop the job.
    pub stops: bool,
    /// Stop it for good.
    pub drains: bool,
}

/// `main` runs while Flink answers.
const LONGEST_MAIN: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(300);
/// How long the JobManager may give no answer while it makes a savepoint.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

impl FlinkRest {
    /// All jobs, the latest first.
    pub async fn job_list(&self) -> Result<Vec<ListedJob>, FlinkError> {
        let Overview { mut jobs } = self.read("jobs/overview").await?;
        jobs.sort_by_key(|job| std::cmp::Reverse(job.start));
        Ok(jobs)
    }

    /// What Flink says about a job.
    pub async fn job_details(&self, id: &str) -> Result<Value, FlinkError> {
        self.read(&format!("jobs/{id}")).await
    }

    /// The job's last completed checkpoint or savepoint.
    pub async fn last_checkpoint(&self, id: &str) -> Result<Value, FlinkError> {
        let checkpoints: Value = self.read(&format!("jobs/{id}/checkpoints")).await?;
        let latest = ["completed", "savepoint"].map(|kind| &checkpoints["latest"][kind]);
        let last = latest.into_iter().max_by_key(|one| one["trigger_timestamp"].as_u64());
        Ok(last.cloned().unwrap_or_default())
    }

    /// How many checkpoints the job has completed.
    pub async fn completed_checkpoints(&self, id: &str) -> Result<u64, FlinkError> {
        let checkpoints: Value = self.read(&format!("jobs/{id}/checkpoints")).await?;
        Ok(checkpoints["counts"]["completed"].as_u64().unwrap_or(0))
    }

    /// Begins to cancel a job.
    pub async fn cancel(&self, id: &str) -> Result<(), FlinkError> {
        let request = self.client.patch(self.url(&format!("jobs/{id}?mode=cancel")));
        self.ask(request).await.map(drop)
    }

    /// Makes a savepoint, and waits for it. Where it is, or why there is none.
    pub async fn savepoint(
        &self,
        id: &str,
        options: &SavepointOptions,
    ) -> Result<Result<String, String>, FlinkError> {
        let (what, body) = if options.stops {
            ("stop", json!({ "targetDirectory": options.folder, "drain": options.drains }))
        } else {
            ("savepoints", json!({ "target-directory": options.folder, "cancel-job": false }))
        };
        let request = self.client.post(self.url(&format!("jobs/{id}/{what}"))).json(&body);
        let begun: Value = self.answer(request).await?;
        let trigger = begun["request-id"].as_str().unwrap_or_default().to_owned();
        let mut answered = Instant::now();
        loop {
            let made: Value = match self.read(&format!("jobs/{id}/savepoints/{trigger}")).await {
                Ok(made) => made,
                // The savepoint is being made all the same.
                Err(error) if error.is_temporary() && answered.elapsed() < LONGEST_SILENCE => {
                    sleep(POLL).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            answered = Instant::now();
            if made["status"]["id"] == "COMPLETED" {
                let operation = &made["operation"];
                return Ok(match operation["location"].as_str() {
                    Some(place) => Ok(place.to_owned()),
                    None => Err(super::jobs::refusal(
                        operation["failure-cause"]["stack-trace"].as_str().unwrap_or_default(),
                    )),
                });
            }
            sleep(POLL).await;
        }
    }

    /// Uploads a jar, runs it, and removes it. The id of the job.
    pub async fn run_jar(&self, jar: &Path, options: &RunOptions) -> Result<String, FlinkError> {
        let mut form = Form::new();
        form.file("jarfile", &name_in_url(jar), jar).await?;
        let post = form.post(&self.client, self.url("jars/upload")).timeout(LONGEST_MAIN);
        let uploaded: Value = self.answer(post).await?;
        let path = uploaded["filename"].as_str().unwrap_or_default();
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        let post = self.client.post(self.url(&format!("jars/{id}/run"))).json(options);
        let run: Result<Value, _> = self.answer(post.timeout(LONGEST_MAIN)).await;
        // Nobody else knows that it is there.
        _ = self.ask(self.client.delete(self.url(&format!("jars/{id}")))).await;
        Ok(run?["jobid"].as_str().unwrap_or_default().to_owned())
    }
}

/// The file's name without what has a meaning in a URL: it becomes a part of the jar's id.
fn name_in_url(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.replace(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)), "_")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Json, http::StatusCode};

    use super::*;
    use crate::bounded_answer::tests::answering;

    #[tokio::test]
    async fn a_savepoint_is_waited_for_although_the_job_manager_gives_no_answer_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let (address, _server) = answering(move || {
            let status = |name: &str| json!({ "status": { "id": name } });
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => (StatusCode::ACCEPTED, Json(json!({ "request-id": "t" }))),
                1 => (StatusCode::OK, Json(status("IN_PROGRESS"))),
                2 => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "errors": ["no leader"] }))),
                _ => {
                    let mut made = status("COMPLETED");
                    made["operation"] = json!({ "location": "file:/s" });
                    (StatusCode::OK, Json(made))
                }
            }
        })
        .await;
        let rest = FlinkRest::new(address, String::new(), None).unwrap();
        let made = rest.savepoint("a", &SavepointOptions::default()).await.unwrap();
        assert_eq!(made, Ok("file:/s".to_owned()));
        assert_eq!(asked.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn a_jar_may_have_any_name() {
        for (path, name) in
            [("/a/job-1.0_b.jar", "job-1.0_b.jar"), ("my job#1?/../b%2F#?é.jar", "b_2F___.jar")]
        {
            assert_eq!(name_in_url(Path::new(path)), name);
        }
    }
}
