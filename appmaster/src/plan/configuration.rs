//! The Flink distribution, and the effective configuration.

use flink::{
    config::{Configuration, Source},
    home::FlinkHome,
    options::{
        flink::{
            ADAPTIVE_COOLDOWN, ADAPTIVE_SCALING_INTERVAL, ADAPTIVE_STABILIZATION,
            CLUSTER_REGISTRATION_ERROR_DELAY as REGISTRATION_RETRY,
            RESOURCEMANAGER_STANDALONE_START_UP_TIME as START_UP_TIME,
            TASKMANAGER_REGISTRATION_TIMEOUT as REGISTRATION_TIMEOUT,
        },
        mesos::{APPLICATION_JARS, INITIAL_TASKS, JOB_MANAGER, WORKERS, WORKERS_MAX, WORKERS_MIN},
    },
    version::FlinkVersion,
};

use super::{Request, marathon};
use crate::{
    report::Report,
    settings::{is_external, is_number_configured, is_reactive},
};

/// The requested Flink distribution.
pub fn home(request: &Request, report: &mut Report) -> Option<FlinkHome> {
    let hint = "no Flink distribution: set FLINK_HOME or --flink-home to the folder with bin, lib and conf";
    let path = report.value(request.flink_home.as_ref().ok_or(hint))?;
    report.value(FlinkHome::open(path, request.conf_dir.as_deref()))
}

/// The effective configuration: file, then environment, then command line; later ones override
/// earlier ones. Errors in one source do not hide those in another.
pub fn configuration(
    home: &FlinkHome,
    request: &Request,
    report: &mut Report,
) -> Option<Configuration> {
    let loaded = report.value(Configuration::load(&home.conf_dir, &home.version));
    let is_loaded = loaded.is_some();
    let mut config = loaded.unwrap_or_default();
    let environment = report.value(config.apply_environment(request.environment.iter().cloned()));
    let dynamic = report.value(config.apply_dynamic_properties(&request.dynamic));
    environment.and(dynamic).filter(|()| is_loaded)?;
    apply_flags(&mut config, request);
    marathon::apply(&mut config, &request.environment, report);
    wait_for_external(&mut config);
    use_new_workers_at_once(&mut config, &home.version);
    Some(config)
}

/// Applies the command line's own flags, which override everything else.
fn apply_flags(config: &mut Configuration, request: &Request) {
    if let Some(workers) = request.workers {
        for option in [&WORKERS_MIN, &WORKERS_MAX] {
            config.remove(option.key());
        }
        config.set(&WORKERS, workers.to_string(), Source::Computed("--workers"));
    }
    if let Some(who) = request.job_manager {
        config.set(&JOB_MANAGER, who, Source::Computed("--jobmanager"));
    }
    if !request.jars.is_empty() {
        let quoted = request.jars.iter().map(|jar| format!("\"{}\"", jar.replace('"', "\"\"")));
        config.set(
            &APPLICATION_JARS,
            quoted.collect::<Vec<_>>().join(";"),
            Source::Computed("--jars"),
        );
    }
    if !is_number_configured(config) {
        let only_one = [
            (request.local, "the Mesos for a laptop"),
            (
                is_reactive(config),
                "reactive mode, where a job uses all TaskManagers that there are",
            ),
        ];
        if let Some((_, why)) = only_one.into_iter().find(|(applies, _)| *applies) {
            config.set(&WORKERS, "1", Source::Computed(why));
        }
    }
    // Flink's standalone JobManager fails jobs that lack slots at once when it is older than this.
    // A lost worker would cost them their restart attempts while its replacement starts. Zero
    // switches that off. Flink 1.18 reads a plain number only, later versions also one with a unit.
    if config.get(&START_UP_TIME).is_none() {
        config.set(
            &START_UP_TIME,
            "0",
            Source::Computed("lost workers are replaced, so jobs wait for slots"),
        );
    }
    // Workers start together with the JobManager. By default, Flink would make the faster ones wait
    // 10 s for their next attempt.
    if config.get(&REGISTRATION_RETRY).is_none() {
        config.set(
            &REGISTRATION_RETRY,
            "1000",
            Source::Computed("workers start together with the JobManager"),
        );
    }
}

/// TaskManagers wait for a JobManager that somebody else runs. By default, they would end when it is
/// away for longer than 5 min.
fn wait_for_external(config: &mut Configuration) {
    if is_external(config) && !config.contains(&REGISTRATION_TIMEOUT) {
        let why = "TaskManagers outlive a JobManager that somebody else runs";
        config.set(&REGISTRATION_TIMEOUT, "30 d", Source::Computed(why));
    }
}

/// Workers on demand come together, seconds after an adaptive job has asked for them. By default,
/// the job would not use them for 30 s after its start or its last change, and with Flink 2 for a
/// minute more if some cannot come.
fn use_new_workers_at_once(config: &mut Configuration, version: &FlinkVersion) {
    if config.contains(&WORKERS) || config.contains(&INITIAL_TASKS) {
        return;
    }
    let waits = match version {
        version if version.at_least(2, 0) => {
            &[(&ADAPTIVE_COOLDOWN, "0 s"), (&ADAPTIVE_STABILIZATION, "10 s")][..]
        }
        version if version.at_least(1, 19) => &[(&ADAPTIVE_SCALING_INTERVAL, "0 s")],
        _ => &[],
    };
    for (option, wait) in waits {
        if !config.contains(*option) {
            let why = "adaptive jobs use workers that come on demand at once";
            config.set(*option, *wait, Source::Computed(why));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn waits(version: &str, options: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut config = Configuration::new();
        for (key, value) in options {
            config.set(*key, *value, Source::DynamicProperty);
        }
        use_new_workers_at_once(&mut config, &version.parse().unwrap());
        let set = config.iter().skip(options.len());
        set.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn adaptive_jobs_use_new_workers_at_once_unless_their_number_or_the_wait_is_configured() {
        let all = |version| {
            let waits = waits(version, &[]);
            let short = |key: &str| key.replace("jobmanager.adaptive-scheduler.", "");
            waits.iter().map(|(key, value)| format!("{}={value}", short(key))).collect::<Vec<_>>()
        };
        assert_eq!(all("1.18.1"), Vec::<String>::new());
        assert_eq!(all("1.20.5"), ["scaling-interval.min=0 s"]);
        assert_eq!(
            all("2.3.0"),
            [
                "executing.cooldown-after-rescaling=0 s",
                "executing.resource-stabilization-timeout=10 s"
            ]
        );
        assert!(waits("2.3.0", &[("mesos.workers", "3")]).is_empty());
        let own = [("jobmanager.adaptive-scheduler.scaling-interval.min", "1 min")];
        assert!(waits("1.20.5", &own).is_empty());
        // Flink 2 still reads the earlier name.
        assert_eq!(waits("2.3.0", &own).len(), 1);
    }
}
