//! Jobs at a JobManager: submit a job graph, follow it to its end, and say why it failed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use flink::exception;
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{FlinkRest, upload::Form};
use crate::bounded_answer::{self as answer, AnswerError, LARGEST, LARGEST_LIST};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It may still run.
    Going,
    /// It ended as it should.
    Finished,
    /// Somebody cancelled it, or stopped it with a savepoint.
    Cancelled,
    /// It failed for good.
    Failed,
}

/// Why a request to Flink failed.
#[derive(Debug, thiserror::Error)]
pub enum FlinkError {
    /// No useful answer.
    #[error("the JobManager does not answer as expected: {0}")]
    Answer(#[from] AnswerError),
    /// A file could not be read; the error names it.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A refusal.
    #[error("the JobManager refused it ({status}): {reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Flink's own reason, without stack frames.
        reason: String,
    },
}

impl From<reqwest::Error> for FlinkError {
    fn from(error: reqwest::Error) -> Self {
        Self::Answer(error.into())
    }
}

impl FlinkError {
    /// Whether the job or page is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether another attempt may succeed. Flink answers with 503 while no JobManager leads.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Refused { status: 503, .. })
    }

    /// Whether a job with this id was submitted before.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Refused { reason, .. } if reason.contains("has already been submitted"))
    }
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

impl JobState {
    /// The state that has this name in Flink.
    pub fn of(name: &str) -> Self {
        match name {
            "FINISHED" => Self::Finished,
            "CANCELED" => Self::Cancelled,
            "FAILED" => Self::Failed,
            _ => Self::Going,
        }
    }
}

impl FlinkRest {
    /// Submits a serialized job graph with the jars of its classes, and the files that its code
    /// reads by a name.
    pub async fn submit_graph(
        &self,
        graph: &Path,
        jars: &[PathBuf],
        artifacts: &[(String, PathBuf)],
    ) -> Result<(), FlinkError> {
        // Two files may have the same name.
        let name = |(at, path): (usize, &PathBuf)| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            format!("{at}-{}", name.unwrap_or_default())
        };
        let files: Vec<_> =
            jars.iter().chain(artifacts.iter().map(|(_, path)| path)).enumerate().collect();
        let names: Vec<_> = files.iter().copied().map(name).collect();
        let (of_jars, of_artifacts) = names.split_at(jars.len());
        let artifacts = artifacts.iter().zip(of_artifacts);
        let artifacts =
            artifacts.map(|((entry, _), file)| json!({ "entryName": entry, "fileName": file }));
        let request = json!({
            "jobGraphFileName": "job.graph",
            "jobJarFileNames": of_jars,
            "jobArtifactFileNames": artifacts.collect::<Vec<_>>(),
        });
        let mut form = Form::new();
        form.text("request", "application/json", &request.to_string());
        form.file("job.graph", "job.graph", graph).await?;
        for (name, (_, path)) in names.iter().zip(files) {
            form.file(name, name, path).await?;
        }
        let post = form.post(&self.client, self.url("jobs")).timeout(UPLOAD);
        self.ask(post).await.map(drop)
    }

    /// How far the job is.
    pub async fn job_state(&self, id: &str) -> Result<JobState, FlinkError> {
        let status: Status = self.read(&format!("jobs/{id}/status")).await?;
        Ok(JobState::of(&status.status))
    }

    /// Why the job failed: the root cause and the exceptions above it, at most five lines.
    pub async fn failure(&self, id: &str) -> Result<Vec<String>, FlinkError> {
        let exceptions: Value = self.read(&format!("jobs/{id}/exceptions?maxExceptions=1")).await?;
        Ok(root_cause(&exceptions))
    }

    /// The same for a job that has just failed: Flink may show the state a moment before the cause.
    pub async fn why_failed(&self, id: &str) -> Vec<String> {
        for _ in 0..10 {
            match self.failure(id).await {
                Ok(lines) if !lines.is_empty() => return lines,
                _ => sleep(AGAIN).await,
            }
        }
        vec!["Flink gives no reason".to_owned()]
    }

    /// Ends the cluster.
    pub async fn shut_down(&self) -> Result<(), FlinkError> {
        self.ask(self.client.delete(self.url("cluster"))).await.map(drop)
    }

    pub(super) fn url(&self, what: &str) -> String {
        format!("{}/{what}", self.address)
    }

    pub(super) async fn read<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
    ) -> Result<T, FlinkError> {
        self.answer(self.client.get(self.url(what))).await
    }

    /// The content of the answer.
    pub(super) async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, FlinkError> {
        Ok(answer::json(self.ask(request).await?, LARGEST_LIST).await?)
    }

    /// The answer, unless it is a refusal.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Response, FlinkError> {
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let errors = answer::json(answer, LARGEST).await.unwrap_or(Errors { errors: Vec::new() });
        let reason = refusal(&errors.errors.join("\n"));
        Err(FlinkError::Refused { status: status.as_u16(), reason })
    }
}

/// A large jar on a slow disk.
const UPLOAD: Duration = Duration::from_secs(600);

/// How soon to ask again for a cause that is not shown yet.
const AGAIN: Duration = Duration::from_millis(500);

/// Flink's reason without stack frames: the root cause, or the first line.
pub(super) fn refusal(errors: &str) -> String {
    match exception::decisive(errors) {
        Some(chain) => exception::cut(chain.root().trim()),
        None => exception::cut(errors.lines().next().unwrap_or_default()),
    }
}

/// Flink 1.x has the last failure in `root-exception`, 2.x only in the history.
fn root_cause(exceptions: &Value) -> Vec<String> {
    let text = exceptions["root-exception"]
        .as_str()
        .or_else(|| exceptions["exceptionHistory"]["entries"][0]["stacktrace"].as_str());
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Vec::new() };
    let Some(chain) = exception::all(text).into_iter().next() else {
        return text.lines().take(1).map(exception::cut).collect();
    };
    let root = exception::cut(chain.root().trim());
    let mut lines = vec![root.clone()];
    let above = chain.shown();
    lines.extend(above.into_iter().filter(|line| line.trim_start_matches("caused by: ") != root));
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Json, Router, routing::get};

    use super::*;

    const TRACE: &str = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy\n\
        \tat a.B.c(D.java:1)\nCaused by: a.OuterException: two\n\t... 2 more\nCaused by: java.lang.IllegalStateException: it was to fail\n\tat x.Y\n";

    #[test]
    fn the_root_cause_comes_first_and_no_stack_frame_is_shown() {
        let expected = [
            "java.lang.IllegalStateException: it was to fail",
            "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy",
            "caused by: a.OuterException: two",
        ];
        assert_eq!(root_cause(&json!({ "root-exception": TRACE })), expected);
        let history = json!({ "exceptionHistory": { "entries": [{ "stacktrace": TRACE }] } });
        assert_eq!(root_cause(&history), expected, "Flink 2");
        assert!(root_cause(&json!({})).is_empty());
        let links: Vec<_> =
            (0..20).map(|at| format!("Caused by: a.B{at}Exception: {at}\n")).collect();
        let long = links.concat();
        let lines = root_cause(&json!({ "root-exception": format!("a.Exception: 1\n{long}") }));
        assert!(lines.len() <= 5 && lines[0] == "a.B19Exception: 19", "{lines:?}");
    }

    #[tokio::test]
    async fn a_cause_that_flink_shows_only_after_the_state_is_waited_for() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let exceptions = async move || {
            let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            Json(if is_first { json!({}) } else { json!({ "root-exception": TRACE }) })
        };
        let router = Router::new().route("/jobs/a/exceptions", get(exceptions));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let rest = FlinkRest::new(address, String::new(), None).unwrap();
        assert_eq!(
            rest.why_failed("a").await[0],
            "java.lang.IllegalStateException: it was to fail"
        );
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        server.abort();
    }

    #[test]
    fn a_refusal_is_the_root_cause_of_what_flink_says() {
        let said = "Internal server error.\n<Exception on server side:\njava.util.concurrent.CompletionException: \
                    x\n\tat a.b\nCaused by: a.DuplicateJobSubmissionException: Job has already been submitted.\n\tat c\n\
                    End of exception on server side>";
        let reason = refusal(said);
        assert_eq!(reason, "a.DuplicateJobSubmissionException: Job has already been submitted.");
        assert!(FlinkError::Refused { status: 500, reason }.is_duplicate());
        assert_eq!(refusal("Failed to deserialize JobGraph."), "Failed to deserialize JobGraph.");
        let refused = |status| FlinkError::Refused { status, reason: String::new() };
        assert!(refused(503).is_temporary() && !refused(500).is_temporary());
    }
}
