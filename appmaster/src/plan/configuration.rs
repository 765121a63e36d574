//! The Flink distribution, and the effective configuration.

use flink::{
    config::{Configuration, Source},
    home::FlinkHome,
    options::{
        flink::{
            CLUSTER_REGISTRATION_ERROR_DELAY as REGISTRATION_RETRY,
            RESOURCEMANAGER_STANDALONE_START_UP_TIME as START_UP_TIME,
        },
        mesos::{APPLICATION_JARS, WORKERS},
    },
};

use super::Request;
use crate::report::Report;

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
    Some(config)
}

/// Applies the command line's own flags, which override everything else.
fn apply_flags(config: &mut Configuration, request: &Request) {
    if let Some(workers) = request.workers {
        config.set(&WORKERS, workers.to_string(), Source::Computed("--workers"));
    }
    if !request.jars.is_empty() {
        let quoted = request.jars.iter().map(|jar| format!("\"{}\"", jar.replace('"', "\"\"")));
        config.set(
            &APPLICATION_JARS,
            quoted.collect::<Vec<_>>().join(";"),
            Source::Computed("--jars"),
        );
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
