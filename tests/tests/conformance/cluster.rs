//! The Mesos under test.

use std::{path::PathBuf, time::Duration};

use mesos_local::{LocalCluster, LocalOptions};
use tempfile::TempDir;
use tests::{ExecutorsCache, RealMesos, RealMesosOptions};

use crate::{framework::Framework, messages, raw::Http};

/// How often the master offers free resources again; one second by default.
pub(crate) const ROUND: Duration = Duration::from_millis(200);

/// How long the local Mesos waits before it repeats an update; the ten seconds of the real one
/// cannot be changed.
const LOCAL_RETRY: Duration = Duration::from_secs(3);

/// A cluster of agents with 4 CPUs, 4096 MB of memory and 8192 MB of disk each.
pub(crate) struct Cluster {
    mesos: Mesos,
    pub(crate) http: Http,
}

enum Mesos {
    Local { cluster: LocalCluster, work: TempDir },
    Real(Box<RealMesos>),
}

impl Cluster {
    pub(crate) async fn local(agents: usize) -> Self {
        let work = TempDir::with_prefix("local-mesos-").unwrap();
        let options = LocalOptions {
            agents,
            cpus: 4.0,
            mem_mb: 4096.0,
            disk_mb: 8192.0,
            work_dir: work.path().to_owned(),
            offer_interval: ROUND,
            update_retry: LOCAL_RETRY,
            ..LocalOptions::default()
        };
        let cluster = LocalCluster::start(options).await.unwrap();
        let http = Http::with(&cluster.credential());
        Self { mesos: Mesos::Local { cluster, work }, http }
    }

    pub(crate) async fn real(agents: usize) -> Self {
        let resources = "cpus:4;mem:4096;disk:8192".to_owned();
        let master_flags = vec![format!("--allocation_interval={}ms", ROUND.as_millis())];
        // Mesos itself is tested, as it is.
        let cache = ExecutorsCache::Default;
        let options = RealMesosOptions {
            agents,
            resources,
            master_flags,
            cache,
            ..RealMesosOptions::default()
        };
        Self {
            mesos: Mesos::Real(Box::new(RealMesos::start_with(options).await)),
            http: Http::new(),
        }
    }

    /// The URL of an endpoint of the master.
    pub(crate) fn master(&self, path: &str) -> String {
        let master = match &self.mesos {
            Mesos::Local { cluster, .. } => cluster.master(),
            Mesos::Real(mesos) => mesos.master(),
        };
        format!("http://{master}{path}")
    }

    /// Variables that executors get because this Mesos authenticates them; ours always does, the
    /// real one if configured.
    pub(crate) fn secret_variables(&self) -> &'static [&'static str] {
        if let Mesos::Local { .. } = self.mesos {
            &["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]
        } else {
            &[]
        }
    }

    /// How long until an unacknowledged update is sent again.
    pub(crate) fn update_retry(&self) -> Duration {
        if let Mesos::Local { .. } = self.mesos { LOCAL_RETRY } else { Duration::from_secs(10) }
    }

    /// The sandbox of an executor on the only agent.
    pub(crate) fn sandbox(&self, agent_id: &str, framework: &str, executor: &str) -> PathBuf {
        let slaves = match &self.mesos {
            Mesos::Local { work, .. } => work.path().join("slaves"),
            Mesos::Real(mesos) => mesos.sandboxes(0),
        };
        slaves.join(format!("{agent_id}/frameworks/{framework}/executors/{executor}/runs/latest"))
    }

    /// A subscribed, partition-aware framework. It is removed when its scheduler disconnects.
    pub(crate) async fn framework(&self) -> Framework<'_> {
        Framework::subscribe(self, messages::framework()).await
    }
}
