//! What workers would be sent.

use flink::{config::Configuration, home::FlinkHome};
use overlays::{
    overlay::{self, ContainerSpec},
    worker,
};

use super::writers;
use crate::{environment::Lookup, report::Report};

/// Checks what workers would be sent. Returns the secrets among it. What is sent is collected again
/// when this application master leads: with the files as they are then, and with the port on which
/// earlier TaskManagers look for the JobManager.
pub(super) fn check(
    home: &FlinkHome,
    config: &Configuration,
    lookup: &Lookup,
    report: &mut Report,
) -> Vec<String> {
    if !home.conf_dir.join("log4j-console.properties").is_file() {
        let folder = home.conf_dir.display();
        report.warning(format!(
            "{folder}: without log4j-console.properties Flink's processes log nothing"
        ));
    }
    let spec = overlay::collect(home, config, lookup);
    let sources = spec.iter().flat_map(|spec| &spec.artifacts).map(|file| file.source.as_path());
    writers::check(home, config, sources, report);
    let spec = match spec {
        Ok(spec) => spec,
        Err(problems) => {
            problems.iter().for_each(|problem| report.error(problem));
            return Vec::new();
        }
    };
    spec.unreadable().for_each(|problem| report.error(problem));
    let values = worker::names_of_secrets(&spec);
    report.fact(summary(&spec, !values.is_empty()));
    let files = spec.artifacts.into_iter().filter(|file| file.secret).map(|file| file.target);
    values.into_iter().chain(files).collect()
}

fn summary(spec: &ContainerSpec, has_secret_values: bool) -> String {
    // Secret values of configuration and environment are sent in a separate file.
    let values = usize::from(has_secret_values);
    let secrets = values + spec.artifacts.iter().filter(|file| file.secret).count();
    let bytes: u64 = spec
        .artifacts
        .iter()
        .filter_map(|file| Some(fs_err::metadata(&file.source).ok()?.len()))
        .sum();
    let secrets =
        if secrets == 0 { "none secret".to_owned() } else { format!("{secrets} of them secret") };
    let (files, megabytes) = (spec.artifacts.len() + values, (bytes as f64 / 1e6).ceil());
    format!("{files} files ({megabytes} MB) will be shipped to each worker, {secrets}")
}
