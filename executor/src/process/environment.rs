//! The environment of the TaskManager: an executor inherits whatever the agent had, secrets and all, so only what is
//! listed here goes on; then come the worker's own variables.

/// Variables that a process on this host may need and that say nothing about the agent.
const ALLOWED: &[&str] = &[
    "HOME",
    "JAVA_HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "MESOS_CONTAINER_IP",
    "MESOS_SANDBOX",
    "PATH",
    "SHELL",
    "TZ",
    "USER",
];

/// Locales: all that begin so.
const LOCALE: &str = "LC_";

/// The allowed part of the executor's environment, then the worker's own variables; of two with one name the later
/// counts.
pub fn of_task_manager(
    inherited: impl IntoIterator<Item = (String, String)>,
    own: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let allowed = |name: &str| ALLOWED.contains(&name) || name.starts_with(LOCALE);
    inherited.into_iter().filter(|(name, _)| allowed(name)).chain(own).collect()
}

/// What no process can have in its environment, by its name: its value may be a secret.
pub fn check<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!(
                "the environment variable {name:?} has an impossible name: one without = and NUL is needed"
            ));
        }
        if value.contains('\0') {
            return Err(format!("the environment variable {name} has a value with a NUL, which no process can have"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_that_no_environment_can_hold_are_refused_by_name_and_no_value_is_told() {
        assert_eq!(check([("A", "b=c\n"), ("a.b-c", "")]), Ok(()));
        for name in ["", "A=B", "A\0B", "="] {
            let error = check([("GOOD", "x"), (name, "hunter2")]).unwrap_err();
            assert!(error.contains(&format!("{name:?}")) && !error.contains("hunter2"), "{error}");
        }
        let error = check([("KEY", "hunter2\0")]).unwrap_err();
        assert_eq!(error, "the environment variable KEY has a value with a NUL, which no process can have");
    }

    #[test]
    fn nothing_of_the_agent_gets_through() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let inherited = [
            ("PATH", "/bin"),
            ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "jwt"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("LC_ALL", "C.UTF-8"),
        ];
        let own = vec![pair(("FLINK_HOME", "/sandbox/flink")), pair(("PATH", "/opt/bin"))];
        let got = of_task_manager(inherited.map(pair), own);
        let expected =
            [("PATH", "/bin"), ("LC_ALL", "C.UTF-8"), ("FLINK_HOME", "/sandbox/flink"), ("PATH", "/opt/bin")];
        assert_eq!(got, expected.map(pair));
    }
}
