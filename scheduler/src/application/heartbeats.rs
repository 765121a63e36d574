//! How soon TaskManagers notice that their JobManager has died and come to the next one.
//!
//! Without ZooKeeper nobody tells them. A TaskManager asks nothing of its JobManager as long as that is silent, so that neither
//! `heartbeat.rpc-failure-threshold` nor a closed connection makes it look again: only `heartbeat.timeout` does, 50 s by
//! default (seen with Flink 1.20 and 2.3). So with the state in a folder the JobManager is heard more often, and TaskManagers
//! wait less for it. The JobManager's patience with TaskManagers stays what it was. Who sets either option decides alone.
//!
//! The ten seconds count from the last heartbeat, and a JobManager needs two to seven of them to start: TaskManagers registered
//! 3.2 and 3.6 s after it was up (Flink 1.20.5, a busy machine). On an idle machine the JobManager is up sooner, and that takes
//! up to about eight seconds.

use overlays::config::{Configuration, Source};

use crate::settings::StateLocation;

const INTERVAL: &str = "heartbeat.interval";
const TIMEOUT: &str = "heartbeat.timeout";

/// Milliseconds, as every version of Flink reads them.
const OFTEN: &str = "2000";
/// Five heartbeats: a JobManager that collects garbage for longer loses its TaskManagers for a moment.
const SOON: &str = "10000";

const REASON: Source = Source::Computed("so that TaskManagers notice soon that the JobManager was started again");

fn is_ours(config: &Configuration, state: &StateLocation) -> bool {
    matches!(state, StateLocation::Directory(_)) && !config.contains(INTERVAL) && !config.contains(TIMEOUT)
}

/// What the JobManager is told.
pub(super) fn of_job_manager(config: &mut Configuration, state: &StateLocation) {
    if is_ours(config, state) {
        config.set(INTERVAL, OFTEN, REASON);
    }
}

/// What TaskManagers are told.
pub(super) fn of_workers(config: &mut Configuration, state: &StateLocation) {
    if is_ours(config, state) {
        config.set(INTERVAL, OFTEN, REASON);
        config.set(TIMEOUT, SOON, REASON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &StateLocation, own: &[&str]) -> [Vec<(String, String)>; 2] {
        let mut config = Configuration::new();
        for key in own {
            config.set(*key, "60000", Source::DynamicProperty);
        }
        let mut workers = config.clone();
        of_job_manager(&mut config, state);
        of_workers(&mut workers, state);
        [config, workers].map(|config| config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn task_managers_of_a_cluster_whose_state_is_in_a_folder_wait_less_and_users_decide_alone() {
        let pairs = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let folder = StateLocation::Directory("/state".into());
        let expected = [pairs(&[(INTERVAL, OFTEN)]), pairs(&[(INTERVAL, OFTEN), (TIMEOUT, SOON)])];
        assert_eq!(told(&folder, &[]), expected);
        assert_eq!(told(&StateLocation::Memory, &[]), [vec![], vec![]]);
        for own in [INTERVAL, TIMEOUT] {
            assert_eq!(told(&folder, &[own]), [pairs(&[(own, "60000")]), pairs(&[(own, "60000")])]);
        }
    }
}
