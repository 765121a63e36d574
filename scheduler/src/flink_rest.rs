//! The JobManager's REST API, as far as an outside resource manager needs it.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;

use crate::core::message::WorkerId;

/// A client of one JobManager.
#[derive(Clone, Debug)]
pub struct FlinkRest {
    client: reqwest::Client,
    address: String,
}

#[derive(Deserialize)]
struct TaskManagers {
    taskmanagers: Vec<TaskManager>,
}

#[derive(Deserialize)]
struct TaskManager {
    id: String,
}

impl FlinkRest {
    /// A client of the JobManager whose web page is at `address`, e.g. `http://host:8081`. With TLS, those in `trusted`
    /// (PEM) vouch for it.
    pub fn new(address: String, trusted: Option<&str>) -> Result<Self, reqwest::Error> {
        mesos::tls::install_provider();
        // The JobManager is a neighbour: no proxy of the environment lies between.
        let mut builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        if let Some(pem) = trusted {
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?);
        }
        Ok(Self { client: builder.build()?, address })
    }

    /// The address of the web page.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the JobManager answers.
    pub async fn is_up(&self) -> bool {
        let answer = self.client.get(format!("{}/overview", self.address)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The TaskManagers that have registered. Their ids are our workers' ids, since `taskmanager.resource-id` is.
    pub async fn task_managers(&self) -> Result<BTreeSet<WorkerId>, reqwest::Error> {
        let answer = self.client.get(format!("{}/taskmanagers", self.address)).send().await?.error_for_status()?;
        let listed: TaskManagers = answer.json().await?;
        Ok(listed.taskmanagers.iter().map(|tm| WorkerId::from(tm.id.as_str())).collect())
    }
}
