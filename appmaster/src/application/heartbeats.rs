//! How soon TaskManagers notice that their JobManager has died, and register with the next one.
//!
//! Without ZooKeeper, TaskManagers are not notified. While its JobManager is silent, a TaskManager
//! sends it no requests, so neither `heartbeat.rpc-failure-threshold` nor a closed connection makes
//! it look again. Only `heartbeat.timeout` does, 50 s by default (seen with Flink 1.20 and 2.3). So
//! if the state is in a folder, the JobManager sends heartbeats more often, and TaskManagers wait
//! less for them. How long the JobManager waits for TaskManagers does not change. If the user sets
//! either option, we set neither.
//!
//! The ten seconds count from the last heartbeat, and a JobManager takes two to seven of them to
//! start. TaskManagers registered 3.2 and 3.6 s after it was up (Flink 1.20.5, a busy machine). On
//! an idle machine, the JobManager is up sooner and registration takes up to about eight seconds.

use flink::{
    config::{Configuration, Source},
    options::flink::{HEARTBEAT_INTERVAL as INTERVAL, HEARTBEAT_TIMEOUT as TIMEOUT},
};

use crate::settings::{StateLocation, is_external};

/// Milliseconds, as every version of Flink reads them.
const SHORT_INTERVAL: &str = "2000";
/// Five heartbeats. If garbage collection pauses the JobManager for longer, it loses its
/// TaskManagers for a moment.
const SHORT_TIMEOUT: &str = "10000";

const REASON: Source =
    Source::Computed("so that TaskManagers soon notice that the JobManager was restarted");

fn is_ours(config: &Configuration, state: &StateLocation) -> bool {
    matches!(state, StateLocation::Directory(_))
        && !is_external(config)
        && !config.contains(&INTERVAL)
        && !config.contains(&TIMEOUT)
}

/// The JobManager's options.
pub(super) fn of_job_manager(config: &mut Configuration, state: &StateLocation) {
    if is_ours(config, state) {
        config.set(&INTERVAL, SHORT_INTERVAL, REASON);
    }
}

/// The TaskManagers' options.
pub(super) fn of_workers(config: &mut Configuration, state: &StateLocation) {
    if is_ours(config, state) {
        config.set(&INTERVAL, SHORT_INTERVAL, REASON);
        config.set(&TIMEOUT, SHORT_TIMEOUT, REASON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(state: &StateLocation, own: &[&str]) -> [Vec<(String, String)>; 2] {
        let mut config = Configuration::new();
        for key in own {
            config.set(*key, "60000", Source::DynamicProperty);
        }
        let mut workers = config.clone();
        of_job_manager(&mut config, state);
        of_workers(&mut workers, state);
        [config, workers].map(|config| {
            config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        })
    }

    #[test]
    fn heartbeat_options_are_shortened_for_state_in_a_folder_unless_the_user_sets_them() {
        let pairs = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let folder = StateLocation::Directory("/state".into());
        let expected = [
            pairs(&[(INTERVAL.key(), SHORT_INTERVAL)]),
            pairs(&[(INTERVAL.key(), SHORT_INTERVAL), (TIMEOUT.key(), SHORT_TIMEOUT)]),
        ];
        assert_eq!(values(&folder, &[]), expected);
        assert_eq!(values(&StateLocation::Memory, &[]), [vec![], vec![]]);
        let mut external = Configuration::new();
        external.set("mesos.jobmanager", "external", Source::DynamicProperty);
        assert!(!is_ours(&external, &folder), "it sends heartbeats as its own options say");
        for own in [INTERVAL.key(), TIMEOUT.key()] {
            assert_eq!(
                values(&folder, &[own]),
                [pairs(&[(own, "60000")]), pairs(&[(own, "60000")])]
            );
        }
    }
}
