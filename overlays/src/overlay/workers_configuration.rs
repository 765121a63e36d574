//! The part of the configuration that workers get: without what only other processes read, because
//! each of these options may hold a secret that a job must not be able to read.

use flink::config::Configuration;
use flink::hosts;
use flink::options::flink::{
    ENV_JAVA_DEFAULT_OPTS_JOBMANAGER, ENV_JAVA_OPTS_CLIENT, ENV_JAVA_OPTS_HISTORYSERVER,
    ENV_JAVA_OPTS_JOBMANAGER, ENV_JAVA_OPTS_SQL_GATEWAY, TASKMANAGER_BIND_HOST, TASKMANAGER_HOST,
};

use super::{FOR_EXECUTORS, environment};

/// Beginnings of keys that only other processes read.
const OF_OTHERS: [&str; 11] = [
    "mesos.",
    // The JobManager's variables, its JVM options and the address of its archive.
    "containerized.master.",
    ENV_JAVA_OPTS_JOBMANAGER.key(),
    ENV_JAVA_DEFAULT_OPTS_JOBMANAGER.key(),
    "jobmanager.archive.",
    // The REST API is the JobManager's: its key would let a job pass itself off as the JobManager.
    "security.ssl.rest.",
    // Other programs of Flink.
    ENV_JAVA_OPTS_CLIENT.key(),
    ENV_JAVA_OPTS_HISTORYSERVER.key(),
    ENV_JAVA_OPTS_SQL_GATEWAY.key(),
    "historyserver.",
    "sql-gateway.",
];

/// The JobManager obtains delegation tokens with these, so that workers need no lasting key.
const TOKEN_PROVIDER: &str = "security.delegation.token.provider.";
const KEYS_OF_PROVIDERS: [&str; 2] = [".access-key", ".secret-key"];

/// The configuration without what the workers' processes never read. Keys for the executor stay.
/// Hosts that nobody chose, or that are no address at all, are left to the executor.
pub(super) fn of(config: &Configuration) -> Configuration {
    let mut configuration = config.clone();
    for (key, _) in config.iter().filter(|(key, _)| is_of_others(key)) {
        configuration.remove(key);
    }
    let host_is_no_address = config.get(&TASKMANAGER_HOST).is_some_and(hosts::is_wildcard);
    for (option, is_no_address) in
        [(TASKMANAGER_HOST, host_is_no_address), (TASKMANAGER_BIND_HOST, false)]
    {
        if is_no_address || hosts::is_as_shipped(config, &option) {
            configuration.remove(option.key());
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
            "mesos.web.token",
            "mesos.web.view-token",
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
