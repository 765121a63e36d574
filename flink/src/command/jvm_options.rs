//! The JVM's options in the order of Flink's scripts: later ones win.

use std::collections::BTreeMap;

use super::{CommandError, JOB_MANAGER, Launch, Process, TASK_MANAGER, arguments, modules, text};
use crate::config::Configuration;
use crate::options::ConfigOption;
use crate::options::flink::{
    ENV_JAVA_DEFAULT_OPTS_ALL, ENV_JAVA_OPTS_ALL, SECURITY_KERBEROS_KRB5_CONF_PATH,
};

/// Where the options of all processes are, later ones winning.
const OF_ALL: [ConfigOption<String>; 2] = [ENV_JAVA_DEFAULT_OPTS_ALL, ENV_JAVA_OPTS_ALL];

/// The system properties that the configuration has the JobManager's JVM set (`-Dname=value`).
/// Variables count as not set.
pub fn job_manager_properties(
    config: &Configuration,
) -> Result<BTreeMap<String, String>, CommandError> {
    let mut properties = BTreeMap::new();
    for option in OF_ALL.iter().chain(&JOB_MANAGER.jvm_options) {
        let arguments = arguments::split(config.text(option), &|_| None);
        for argument in
            arguments.map_err(|reason| CommandError::Options { key: option.into(), reason })?
        {
            if let Some(property) = argument.strip_prefix("-D") {
                let (name, value) = property.split_once('=').unwrap_or((property, ""));
                properties.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    Ok(properties)
}

/// The error in the options that java would get from this key, if it is one of those.
pub(crate) fn problem(key: &str, value: &str) -> Option<String> {
    let is_read = [&OF_ALL, &JOB_MANAGER.jvm_options, &TASK_MANAGER.jvm_options]
        .into_iter()
        .flatten()
        .any(|o| o.key() == key);
    // What variables stand for is not looked at as options are.
    if is_read { arguments::split(value, &|_| None).err() } else { None }
}

impl Launch<'_> {
    /// `JVM_ARGS`, memory, then what is configured for all processes and for this one.
    pub(super) fn jvm_options(
        &self,
        process: &Process,
        memory_flags: Vec<String>,
    ) -> Result<Vec<String>, CommandError> {
        let for_all = self.configured(process, &OF_ALL)?;
        let for_this = self.configured(process, &process.jvm_options)?;

        let mut options = vec![format!("-Djava.io.tmpdir={}", text(&self.directories.tmp)?)];
        // Only Flink's own launchers hand it to the JVM; it goes first, so that a user's own option
        // wins.
        if let Some(path) = self.config.get(&SECURITY_KERBEROS_KRB5_CONF_PATH) {
            options.push(format!("-Djava.security.krb5.conf={path}"));
        }
        if let Some(arguments) = self.variable("JVM_ARGS") {
            options.extend(self.split(process, "JVM_ARGS", &arguments)?);
        }
        // A TaskManager without any options gets the collector that Flink is tuned for, also on a
        // small machine, where the JVM would choose another.
        if process.name == TASK_MANAGER.name && for_all.is_empty() && for_this.is_empty() {
            options.push("-XX:+UseG1GC".to_owned());
        }
        options.extend(memory_flags);
        options.push("-XX:+IgnoreUnrecognizedVMOptions".to_owned());
        let configured = [for_all.as_slice(), &for_this].concat();
        options.extend(modules::options(&self.home.version, self.java.version, &configured));
        options.extend(for_all);
        // Flink replaces the security manager when it is configured to intercept System.exit. Java
        // asks for leave since 18, and refuses to start when asked since 24.
        if (18..24).contains(&self.java.version) {
            options.push("-Djava.security.manager=allow".to_owned());
        }
        options.extend(for_this);
        Ok(options)
    }

    /// What these options say, one after the other.
    fn configured(
        &self,
        process: &Process,
        all: &[ConfigOption<String>],
    ) -> Result<Vec<String>, CommandError> {
        let mut options = Vec::new();
        for option in all {
            options.extend(self.split(process, option.key(), self.config.text(option))?);
        }
        Ok(options)
    }

    fn split(
        &self,
        process: &Process,
        key: &str,
        value: &str,
    ) -> Result<Vec<String>, CommandError> {
        let prefix = self.log_prefix(process)?;
        let lookup = |name: &str| match name {
            "FLINK_LOG_PREFIX" => Some(prefix.clone()),
            _ => (self.lookup)(name),
        };
        arguments::split(value, &lookup)
            .map_err(|reason| CommandError::Options { key: key.to_owned(), reason })
    }
}
