//! Files in a TaskManager's sandbox, as the Mesos agent shows them.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::{
    bounded_answer::{self as answer, LARGEST},
    control::logs::{LogFile, LogPart, LogRequest, MOST, begin},
};

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    /// `host:port` of the agent.
    pub(crate) agent: String,
    /// The framework's id.
    pub(crate) framework: String,
    /// The id of the worker and of its executor.
    pub(crate) worker: String,
}

#[derive(Deserialize)]
struct Read {
    read_file: ReadFile,
}

#[derive(Deserialize)]
struct ReadFile {
    size: u64,
    #[serde(default)]
    data: String,
}

impl Sandbox {
    /// Reads a part of a log.
    pub(crate) async fn read(&self, request: &LogRequest) -> Result<LogPart, String> {
        let path = self.path(request.file);
        // Without bytes to read, the agent says how large the file is.
        let (_, size) = self.ask(&path, 0, 0).await?;
        let offset = begin(request.offset, size);
        let (data, size) = self.ask(&path, offset, MOST).await?;
        Ok(LogPart::new(request, offset, &data, size))
    }

    /// The path of the last run's file, by which agents know it.
    pub(crate) fn path(&self, file: LogFile) -> String {
        let Self { framework, worker, .. } = self;
        let name = match file {
            LogFile::Executor => file.ending().to_owned(),
            file => format!("log/taskmanager.{}", file.ending()),
        };
        format!("/frameworks/{framework}/executors/{worker}/runs/latest/{name}")
    }

    async fn ask(&self, path: &str, offset: u64, length: u64) -> Result<(Vec<u8>, u64), String> {
        common::tls::install_provider();
        let at = &self.agent;
        let failed = |error: &dyn std::fmt::Display| {
            format!("the Mesos agent at {at} does not show {path}: {error}")
        };
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|error| failed(&error))?;
        let call = json!({ "type": "READ_FILE", "read_file": { "path": path, "offset": offset, "length": length } });
        let answer = client.post(format!("http://{at}/api/v1")).json(&call).send().await;
        let answer = answer.map_err(|error| failed(&common::causes::root_cause(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(failed(&"there is no such file, or no longer")),
            status => {
                return Err(failed(&format!("{status}: {}", answer::reason(answer).await)));
            }
        }
        let Read { read_file } =
            answer::json(answer, LARGEST).await.map_err(|error| failed(&error))?;
        let data = BASE64_STANDARD.decode(read_file.data).map_err(|error| failed(&error))?;
        Ok((data, read_file.size))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::Json;

    use super::*;
    use crate::bounded_answer::tests::answering;

    fn sandbox(agent: &str) -> Sandbox {
        let agent = agent.trim_start_matches("http://").to_owned();
        Sandbox { agent, framework: "F".to_owned(), worker: "taskmanager-1-00003".to_owned() }
    }

    #[tokio::test]
    async fn a_part_of_a_file_is_read_as_bytes_and_a_refusal_names_agent_and_file() {
        let shown = json!({ "type": "READ_FILE", "read_file": { "size": 4, "data": "YWJjCg==" } });
        let (agent, _server) = answering(move || Json(shown.clone())).await;
        let request = LogRequest { of: "3".to_owned(), file: LogFile::Log, offset: Some(0) };
        let part = sandbox(&agent).read(&request).await.unwrap();
        assert_eq!(part, LogPart { text: "abc\n".to_owned(), next: 4, size: 4 });
        let (agent, _server) = answering(|| (StatusCode::FORBIDDEN, "who are you")).await;
        let error = sandbox(&agent).read(&request).await.unwrap_err();
        let path = "/frameworks/F/executors/taskmanager-1-00003/runs/latest/log/taskmanager.log";
        assert!(error.contains(path) && error.ends_with("403 Forbidden: who are you"), "{error}");
    }
}
