//! The JVM's options in the order of Flink's scripts: later ones win.

use std::collections::BTreeMap;

use super::{CommandError, JOB_MANAGER, Launch, Process, arguments, modules, text};
use crate::config::Configuration;

/// The system properties that the configuration has the JobManager's JVM set (`-Dname=value`). Variables count as not set.
pub fn job_manager_properties(config: &Configuration) -> Result<BTreeMap<String, String>, CommandError> {
    let mut properties = BTreeMap::new();
    for key in ["all", JOB_MANAGER.name].map(keys).concat() {
        let arguments = arguments::split(config.get(&key).unwrap_or_default(), &|_| None);
        for argument in arguments.map_err(|reason| CommandError::Options { key, reason })? {
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
    let is_read =
        ["all", "jobmanager", "taskmanager"].into_iter().any(|scope| keys(scope).iter().any(|known| known == key));
    // What variables stand for is not looked at as options are.
    if is_read { arguments::split(value, &|_| None).err() } else { None }
}

/// Where options of a scope stand, later ones winning.
fn keys(scope: &str) -> [String; 2] {
    [format!("env.java.default-opts.{scope}"), format!("env.java.opts.{scope}")]
}

impl Launch<'_> {
    /// `JVM_ARGS`, memory, then what is configured for all processes and for this one.
    pub(super) fn jvm_options(
        &self,
        process: &Process,
        memory_flags: Vec<String>,
    ) -> Result<Vec<String>, CommandError> {
        let for_all = self.configured(process, "all")?;
        let for_this = self.configured(process, process.name)?;

        let mut options = vec![format!("-Djava.io.tmpdir={}", text(&self.directories.tmp)?)];
        // Only Flink's own launchers hand it to the JVM; it goes first, so that a user's own option wins.
        if let Some(path) = self.config.get("security.kerberos.krb5-conf.path") {
            options.push(format!("-Djava.security.krb5.conf={path}"));
        }
        if let Some(arguments) = self.variable("JVM_ARGS") {
            options.extend(self.split(process, "JVM_ARGS", &arguments)?);
        }
        // A TaskManager without any options gets the collector that Flink is tuned for, also on a small machine,
        // where the JVM would choose another.
        if process.name == "taskmanager" && for_all.is_empty() && for_this.is_empty() {
            options.push("-XX:+UseG1GC".to_owned());
        }
        options.extend(memory_flags);
        options.push("-XX:+IgnoreUnrecognizedVMOptions".to_owned());
        let configured = [for_all.as_slice(), &for_this].concat();
        options.extend(modules::options(&self.home.version, self.java.version, &configured));
        options.extend(for_all);
        // Flink replaces the security manager when it is configured to intercept System.exit. Java asks for leave since 18,
        // and refuses to start when asked since 24.
        if (18..24).contains(&self.java.version) {
            options.push("-Djava.security.manager=allow".to_owned());
        }
        options.extend(for_this);
        Ok(options)
    }

    /// `env.java.default-opts.<scope>`, then `env.java.opts.<scope>`.
    fn configured(&self, process: &Process, scope: &str) -> Result<Vec<String>, CommandError> {
        let mut options = Vec::new();
        for key in keys(scope) {
            if let Some(value) = self.config.get(&key) {
                options.extend(self.split(process, &key, value)?);
            }
        }
        Ok(options)
    }

    fn split(&self, process: &Process, key: &str, value: &str) -> Result<Vec<String>, CommandError> {
        let prefix = self.log_prefix(process)?;
        let lookup = |name: &str| match name {
            "FLINK_LOG_PREFIX" => Some(prefix.clone()),
            _ => (self.lookup)(name),
        };
        arguments::split(value, &lookup).map_err(|reason| CommandError::Options { key: key.to_owned(), reason })
    }
}
