//! What Mesos shows to everybody, on its web page and in its API: no secret may be in it.

use flink::{
    config::Configuration,
    options::mesos::{
        EXECUTOR_COMMAND, FRAMEWORK_NAME, FRAMEWORK_PRINCIPAL, FRAMEWORK_ROLE, FRAMEWORK_USER,
        TASKS_CONTAINER_IMAGE_NAME, TASKS_CONTAINER_VOLUMES, TASKS_HOSTNAME, TASKS_LABELS,
        TASKS_RESOURCES, TASKS_USER,
    },
};

use super::SettingsError;

/// What goes to Mesos as it is. Constraints and parameters of Docker are looked at where they are
/// read.
const KEYS: [&str; 10] = [
    FRAMEWORK_NAME.key(),
    FRAMEWORK_ROLE.key(),
    FRAMEWORK_PRINCIPAL.key(),
    FRAMEWORK_USER.key(),
    TASKS_USER.key(),
    TASKS_HOSTNAME.key(),
    TASKS_RESOURCES.key(),
    TASKS_CONTAINER_IMAGE_NAME.key(),
    TASKS_CONTAINER_VOLUMES.key(),
    EXECUTOR_COMMAND.key(),
];

/// Refuses a secret in any of it.
pub(super) fn problems(config: &Configuration) -> impl Iterator<Item = SettingsError> {
    KEYS.into_iter().filter_map(|key| check(config, key).err())
}

/// Refuses a secret in the value of this key.
pub(super) fn check(config: &Configuration, key: &'static str) -> Result<(), SettingsError> {
    let holds_secret = config.get(key).is_some_and(|value| Configuration::holds_secret(key, value));
    if holds_secret { Err(refused(key, "the secret in it")) } else { Ok(()) }
}

/// The labels of each task.
pub(super) fn labels(config: &Configuration) -> Result<Vec<(String, String)>, SettingsError> {
    let labels = config.read(&TASKS_LABELS)?.unwrap_or_default();
    match labels.iter().find(|(name, value)| {
        let holds_secret = |text| Configuration::holds_secret(TASKS_LABELS.key(), text);
        Configuration::is_secret_value(name, value) || holds_secret(value) || holds_secret(name)
    }) {
        Some((name, _)) => Err(refused(
            TASKS_LABELS.key(),
            &format!("the secret in label '{}'", Configuration::shown("", name)),
        )),
        None => Ok(labels),
    }
}

fn refused(key: &'static str, what: &str) -> SettingsError {
    let instead = "give workers a secret in an option of its own, such as containerized.taskmanager.env.<name>";
    SettingsError::File { key, reason: format!("Mesos shows {what} to everybody: {instead}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn check_with(key: &str, value: &str) -> Result<(), String> {
        let mut config = Configuration::new();
        config.set(key, value, Source::DynamicProperty);
        let problem = problems(&config).chain(labels(&config).err()).next();
        problem.map_or(Ok(()), |error| Err(error.to_string()))
    }

    #[test]
    fn a_secret_that_mesos_would_show_is_refused_without_being_shown() {
        for key in KEYS {
            for value in [
                "zk://user:hush@host",
                "password=hush",
                "user:hush@host:3306",
                "https://host/x?sig=hush",
            ] {
                let error = check_with(key, value).unwrap_err();
                let hint = format!("{key}: Mesos shows the secret in it to everybody: ");
                assert!(error.starts_with(&hint) && !error.contains("hush"), "{error}");
            }
        }
        for labels in [
            "db.password:hush",
            "a:b,url:'http://user:hush@host'",
            "DB_CREDS:hush",
            "a:'user:hush@host:3306'",
            "a:'mysqladmin -phush'",
        ] {
            let error = check_with(TASKS_LABELS.key(), labels).unwrap_err();
            assert!(
                error.contains("Mesos shows the secret in label '") && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn ordinary_names_and_labels_are_accepted() {
        for (option, value) in [
            (FRAMEWORK_NAME.key(), "Flink: token service (blue)"),
            (FRAMEWORK_NAME.key(), "flink:prod@eu-west"),
            (FRAMEWORK_ROLE.key(), "flink:prod@eu-west"),
            (TASKS_LABELS.key(), "cluster:'flink:prod@eu-west'"),
            (FRAMEWORK_PRINCIPAL.key(), "flink@EXAMPLE.ORG"),
            (FRAMEWORK_ROLE.key(), "team/secrets"),
            (TASKS_HOSTNAME.key(), "_TASK_.flink.mesos"),
            (TASKS_CONTAINER_IMAGE_NAME.key(), "registry:5000/team/app-secret@sha256:0a"),
            (TASKS_CONTAINER_VOLUMES.key(), "secrets:/mnt:RO,/etc/secrets:/etc/secrets:RO"),
            (
                TASKS_LABELS.key(),
                "team:blue,owner:me@example.org,tokenizer:fast,wiki:'https://host/x?page=1'",
            ),
        ] {
            assert_eq!(check_with(option, value), Ok(()), "{option}: {value}");
        }
    }
}
