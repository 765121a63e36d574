//! The clusters that a Mesos master has registered.

use std::time::Duration;

use anyhow::anyhow;
use futures_util::future::join_all;
use mesos::{
    master::MasterUrl,
    scheduler::{Credential, ListedFramework, SchedulerOptions},
};
use tokio::time::timeout;

use super::{Cluster, LABEL, here};
use crate::failure::Failure;

/// How long the master may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Mesos master, and how to authenticate there.
#[derive(Debug)]
pub(super) struct Master {
    pub(super) url: MasterUrl,
    pub(super) credential: Option<Credential>,
}

/// The clusters among its frameworks.
pub(super) async fn registered(master: &Master) -> Result<Vec<Cluster>, Failure> {
    let options = SchedulerOptions {
        credential: master.credential.clone(),
        ..SchedulerOptions::new(master.url.clone())
    };
    let listed = timeout(PATIENCE, ListedFramework::all(&options)).await;
    let Some(listed) = listed.ok().transpose().map_err(Failure::usage)?.flatten() else {
        return Err(Failure::other(anyhow!(
            "no Mesos master at {} shows its frameworks within {} s: check the address, and whether the master requires authentication",
            master.url,
            PATIENCE.as_secs()
        )));
    };
    let ours = listed.into_iter().filter_map(|framework| {
        let control = framework.label(LABEL)?.to_owned();
        Some((framework, control))
    });
    // A host whose name nobody resolves delays the others only once.
    let found = ours.map(|(framework, control)| async move {
        let is_here = here::is_this_machine(&framework.hostname).await;
        let control = here::reached(&control, &framework.hostname, is_here);
        cluster(framework, control)
    });
    Ok(join_all(found).await)
}

fn cluster(framework: ListedFramework, control: Result<String, String>) -> Cluster {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Cluster {
        control,
        labelled: true,
        name: framework.name,
        framework: given(framework.id),
        user: given(framework.user),
        web: given(framework.webui_url),
        since: Some((framework.registered_time * 1000.0) as u64),
        disconnected: !framework.connected,
        running: None,
        token: None,
    }
}

/// Adds what the master has registered. A cluster that is known already has the same web page.
pub(super) fn merge(own: Vec<Cluster>, registered: Vec<Cluster>) -> Vec<Cluster> {
    let (mut all, others) = (own, registered.into_iter());
    let count = all.len();
    for found in others {
        let mut own = all[..count].iter_mut();
        match own.find(|known| known.web.is_some() && known.web == found.web) {
            Some(known) => {
                known.framework = found.framework;
                known.disconnected = found.disconnected;
            }
            None => all.push(found),
        }
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clusters::choice::tests::local;

    fn registered(name: &str, web: &str) -> Cluster {
        let framework = serde_json::from_value(serde_json::json!({
            "id": format!("F-{name}"), "name": name, "webui_url": web, "connected": true, "registered_time": 1_700_000_000.5,
        }));
        cluster(framework.unwrap(), Ok("http://evil.example:1".to_owned()))
    }

    #[test]
    fn a_registered_cluster_with_a_run_file_is_one_cluster_and_its_label_does_not_count() {
        let mut own = local("blue", 4711);
        own.web = Some("http://here:8081".to_owned());
        let all = merge(
            vec![own],
            vec![registered("x", "http://here:8081"), registered("green", "http://there:8081")],
        );
        assert_eq!(all.len(), 2);
        let blue = &all[0];
        assert_eq!((blue.name.as_str(), blue.framework.as_deref()), ("blue", Some("F-x")));
        assert_eq!(blue.control.as_deref(), Ok("http://127.0.0.1:4711"));
        assert!(all[1].running.is_none(), "a label brings no token");
        assert!(all[1].labelled && !blue.labelled);
        assert_eq!(all[1].since, Some(1_700_000_000_500));
    }
}
