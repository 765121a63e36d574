//! The application master's end: what all workers have in common.

use std::path::{Path, PathBuf};

use flink::config::Configuration;
use flink::home::FlinkHome;
use flink::options::mesos::TASK_MANAGER_VARIABLE;
use prost::Message;

use super::{Entry, SECRETS, WorkerSecrets, WorkerSpec};
use crate::overlay::{ArtifactFile, ContainerSpec};

/// The key under which an environment variable is configured says whether it is a secret.
const VARIABLE_PREFIX: &str = TASK_MANAGER_VARIABLE.prefix();

/// The description that all workers share, and the files that they need. Secret values are written
/// into a file for the owner only in `directory`, which must stay as long as the artifacts are
/// served; that file is one of the artifacts.
pub fn template(
    spec: ContainerSpec,
    home: &FlinkHome,
    directory: &Path,
) -> Result<(WorkerSpec, Vec<ArtifactFile>), std::io::Error> {
    let standard = home.version.at_least(1, 19).then(|| spec.configuration.in_standard_form());
    let written = standard.as_ref().unwrap_or(&spec.configuration);
    let (secrets, configuration, environment) = without_secrets(written, &spec.environment);
    let yaml_keys = written.yaml_keys().map(str::to_owned).collect();

    let mut artifacts = spec.artifacts;
    if secrets != WorkerSecrets::default() {
        let source = write_secrets(&secrets, directory)?;
        artifacts.push(ArtifactFile {
            source,
            target: SECRETS.to_owned(),
            executable: false,
            secret: true,
        });
        artifacts.sort_by(|one, other| one.target.cmp(&other.target));
    }
    let flink_version = home.version.to_string();
    let template = WorkerSpec {
        flink_version,
        configuration,
        yaml_keys,
        environment,
        ..WorkerSpec::default()
    };
    Ok((template, artifacts))
}

/// The names of the secret values, for which [`template`] adds a file to the artifacts: options,
/// then variables.
pub fn names_of_secrets(spec: &ContainerSpec) -> Vec<String> {
    let WorkerSecrets { configuration, environment } =
        without_secrets(&spec.configuration, &spec.environment).0;
    configuration.into_iter().chain(environment).map(|entry| entry.key).collect()
}

/// The secret values, then the rest of the configuration and of the environment.
fn without_secrets(
    configuration: &Configuration,
    environment: &[(String, String)],
) -> (WorkerSecrets, Vec<Entry>, Vec<Entry>) {
    let (secret_configuration, configuration) = parted(configuration.iter(), "");
    let variables = environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let (secret_environment, environment) = parted(variables, VARIABLE_PREFIX);
    let secrets =
        WorkerSecrets { configuration: secret_configuration, environment: secret_environment };
    (secrets, configuration, environment)
}

/// Secret entries, then the others.
fn parted<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    prefix: &str,
) -> (Vec<Entry>, Vec<Entry>) {
    entries.map(|(key, value)| Entry::new(key, value)).partition(|entry| {
        Configuration::holds_secret(&format!("{prefix}{}", entry.key), &entry.value)
    })
}

fn write_secrets(secrets: &WorkerSecrets, directory: &Path) -> Result<PathBuf, std::io::Error> {
    let path = directory.join(SECRETS);
    common::own_files::write_private(&path, &secrets.encode_to_vec())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use flink::config::Source;

    use super::*;

    fn spec(configuration: &[(&str, &str)], environment: &[(&str, &str)]) -> ContainerSpec {
        let mut spec = ContainerSpec::default();
        for (key, value) in configuration {
            spec.configuration.set(*key, *value, Source::DynamicProperty);
        }
        spec.environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        spec
    }

    fn home() -> FlinkHome {
        FlinkHome {
            path: "/flink".into(),
            version: "1.20.5".parse().unwrap(),
            conf_dir: "/flink/conf".into(),
            jars_at: None,
        }
    }

    #[test]
    fn secrets_travel_in_a_secret_artifact_and_not_in_the_description() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(
            &[("rest.port", "1"), ("security.ssl.internal.key-password", "hush")],
            &[("A", "b"), ("AWS_SECRET_ACCESS_KEY", "hush")],
        );
        let (template, artifacts) = template(spec, &home(), folder.path()).unwrap();
        assert_eq!(template.configuration, [Entry::new("rest.port", "1")]);
        assert_eq!(template.environment, [Entry::new("A", "b")]);
        assert_eq!(template.flink_version, "1.20.5");
        assert!(!String::from_utf8_lossy(&template.encode_to_vec()).contains("hush"));

        let [secrets] = artifacts.as_slice() else { panic!("{artifacts:?}") };
        assert!(secrets.secret && !secrets.executable);
        assert_eq!(fs_err::metadata(&secrets.source).unwrap().permissions().mode() & 0o777, 0o600);
        let decoded =
            WorkerSecrets::decode(fs_err::read(&secrets.source).unwrap().as_slice()).unwrap();
        assert_eq!(
            decoded.configuration,
            [Entry::new("security.ssl.internal.key-password", "hush")]
        );
        assert_eq!(decoded.environment, [Entry::new("AWS_SECRET_ACCESS_KEY", "hush")]);
        assert!(!format!("{decoded:?} {template:?}").contains("hush"));
    }

    #[test]
    fn values_with_a_secret_inside_travel_as_secrets_whatever_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let configuration =
            [("my.url", "https://user:hush@h/x?sig=hush"), ("my.other.url", "https://h/x")];
        let environment =
            [("PROXY", "http://user:hush@h"), ("JAVA_TOOL_OPTIONS", "-Dmy.password=hush")];
        let (template, artifacts) =
            template(spec(&configuration, &environment), &home(), folder.path()).unwrap();
        assert_eq!(template.configuration, [Entry::new("my.other.url", "https://h/x")]);
        assert!(
            template.environment.is_empty() && artifacts.iter().all(|artifact| artifact.secret)
        );
        let secrets =
            WorkerSecrets::decode(fs_err::read(&artifacts[0].source).unwrap().as_slice()).unwrap();
        assert_eq!(secrets.configuration, [Entry::new("my.url", "https://user:hush@h/x?sig=hush")]);
        assert_eq!(secrets.environment, environment.map(|(name, value)| Entry::new(name, value)));
        assert!(!format!("{secrets:?}").contains("hush"), "{secrets:?}");
    }

    #[test]
    fn without_secrets_there_is_no_such_artifact() {
        let folder = tempfile::tempdir().unwrap();
        let (_, artifacts) =
            template(spec(&[("rest.port", "1")], &[]), &home(), folder.path()).unwrap();
        assert!(artifacts.is_empty() && fs_err::read_dir(folder.path()).unwrap().next().is_none());
    }
}
