//! The environment of the TaskManager. An executor inherits all variables of the agent, including
//! secrets. So only the variables listed here are passed on, followed by the worker's own.

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

/// Prefix of the locale variables, which are all passed on.
const LOCALE: &str = "LC_";

/// The allowed part of the executor's environment, then the worker's own variables. The last
/// variable of a name overrides the others.
pub(crate) fn of_task_manager(
    inherited: impl IntoIterator<Item = (String, String)>,
    own: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let allowed = |name: &str| ALLOWED.contains(&name) || name.starts_with(LOCALE);
    inherited.into_iter().filter(|(name, _)| allowed(name)).chain(own).collect()
}

/// Rejects variables that no process can have. The error names the variable only, because its value
/// may be a secret.
pub(crate) fn check<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), String> {
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!(
                "the environment variable {name:?} has an impossible name: one without = and NUL is needed"
            ));
        }
        if value.contains('\0') {
            return Err(format!(
                "the environment variable {name} has a value with a NUL, which no process can have"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_variables_are_rejected_by_name_without_showing_values() {
        assert_eq!(check([("A", "b=c\n"), ("a.b-c", "")]), Ok(()));
        for name in ["", "A=B", "A\0B", "="] {
            let error = check([("GOOD", "x"), (name, "hunter2")]).unwrap_err();
            assert!(error.contains(&format!("{name:?}")) && !error.contains("hunter2"), "{error}");
        }
        let error = check([("KEY", "hunter2\0")]).unwrap_err();
        assert_eq!(
            error,
            "the environment variable KEY has a value with a NUL, which no process can have"
        );
    }

    #[test]
    fn variables_of_the_agent_are_not_passed_on() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let inherited = [
            ("PATH", "/bin"),
            ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "jwt"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("LC_ALL", "C.UTF-8"),
        ];
        let own = vec![pair(("FLINK_HOME", "/sandbox/flink")), pair(("PATH", "/opt/bin"))];
        let got = of_task_manager(inherited.map(pair), own);
        let expected = [
            ("PATH", "/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("FLINK_HOME", "/sandbox/flink"),
            ("PATH", "/opt/bin"),
        ];
        assert_eq!(got, expected.map(pair));
    }
}
