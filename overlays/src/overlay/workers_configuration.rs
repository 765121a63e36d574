//! The part of the configuration that workers get: without what only other processes read, because each of these options
//! may hold a secret that a job must not be able to read.

use flink::config::Configuration;
use flink::hosts;

use super::{FOR_EXECUTORS, environment};

/// Beginnings of keys that only other processes read.
const OF_OTHERS: [&str; 11] = [
    "mesos.",
    // The JobManager's variables, its JVM options and the address of its archive.
    "containerized.master.",
    "env.java.opts.jobmanager",
    "env.java.default-opts.jobmanager",
    "jobmanager.archive.",
    // The REST API is the JobManager's: its key would let a job pass itself off as the JobManager.
    "security.ssl.rest.",
    // Other programs of Flink.
    "env.java.opts.client",
    "env.java.opts.historyserver",
    "env.java.opts.sql-gateway",
    "historyserver.",
    "sql-gateway.",
];

/// The JobManager obtains delegation tokens with these, so that workers need no lasting key.
const TOKEN_PROVIDER: &str = "security.delegation.token.provider.";
const KEYS_OF_PROVIDERS: [&str; 2] = [".access-key", ".secret-key"];

/// The configuration without what the workers' processes never read. Keys for the executor stay. Hosts that nobody chose,
/// or that are no address at all, are left to the executor.
pub(super) fn of(config: &Configuration) -> Configuration {
    let mut configuration = config.clone();
    for (key, _) in config.iter().filter(|(key, _)| is_of_others(key)) {
        configuration.remove(key);
    }
    for key in ["taskmanager.host", "taskmanager.bind-host"] {
        let is_no_address = key == "taskmanager.host" && config.get(key).is_some_and(hosts::is_wildcard);
        if is_no_address || hosts::is_as_shipped(config, key) {
            configuration.remove(key);
        }
    }
    configuration
}

fn is_of_others(key: &str) -> bool {
    let is_key_of_provider = || KEYS_OF_PROVIDERS.iter().any(|end| key.ends_with(end));
    !key.starts_with(FOR_EXECUTORS) && OF_OTHERS.iter().any(|start| key.starts_with(start))
        || key.starts_with(environment::PREFIX)
        || key.starts_with(TOKEN_PROVIDER) && is_key_of_provider()
}

#[cfg(test)]
mod tests {
    use flink::config::Source;

    use super::*;

    #[test]
    fn workers_get_no_option_that_only_another_process_reads() {
        let mut config = Configuration::new();
        for key in [
            "mesos.control.token",
            "containerized.master.env.DB_PASSWORD",
            "containerized.taskmanager.env.X",
            "env.java.opts.jobmanager",
            "env.java.opts.historyserver",
            "jobmanager.archive.fs.dir",
            "historyserver.archive.fs.dir",
            "security.ssl.rest.keystore-password",
            "security.delegation.token.provider.s3.secret-key",
        ] {
            config.set(key, "hush", Source::DynamicProperty);
        }
        let needed = [
            "mesos.executor.java-home",
            "env.java.opts.all",
            "env.java.opts.taskmanager",
            "jobmanager.rpc.address",
            "security.ssl.keystore-password",
            "security.ssl.internal.keystore-password",
            "security.delegation.token.provider.s3.region",
            "s3.secret-key",
            "my.own.password",
        ];
        for key in needed {
            config.set(key, "x", Source::DynamicProperty);
        }
        assert_eq!(of(&config).iter().map(|(key, _)| key).collect::<Vec<_>>(), needed);
    }
}
