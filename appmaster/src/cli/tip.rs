//! What a user who gave an unknown subcommand probably wanted.

use clap::error::{ContextKind, ContextValue};

/// The likely intention of a user who gave an unknown subcommand.
pub fn tip(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let meant = match given.as_str() {
        "version" => "flink-mesos --version",
        "submit" => {
            "flink-mesos job --jars JOB.jar, which runs one job on a cluster of its own; \
             or flink-mesos run JOB.jar for a session that runs"
        }
        "cancel" | "savepoint" => {
            return Some(unknown(given, &format!("flink-mesos jobs {given}")));
        }
        "clusters" => "flink-mesos list",
        "info" | "show" => "flink-mesos status",
        "history" | "drain" | "undrain" | "restart" | "clear-agent" => {
            return Some(unknown(given, &format!("flink-mesos workers {given}")));
        }
        "scale" => {
            "flink-mesos session --workers N: start it again with another number; with durable state the TaskManagers keep running"
        }
        "ps" | "inspect" | "jstack" => {
            return Some(unknown(
                given,
                &format!("flink-mesos-executor {given}, on the TaskManager's host"),
            ));
        }
        "check" | "validate" => "flink-mesos config check",
        "start" | "up" => "flink-mesos session",
        "kill" | "end" | "shutdown" => "flink-mesos stop",
        _ => return None,
    };
    Some(unknown(given, meant))
}

fn unknown(given: &str, meant: &str) -> String {
    format!(
        "error: unrecognized subcommand '{given}'\n\n  tip: {meant}\n\nFor more information, try '--help'."
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;

    use super::{super::Cli, *};

    #[test]
    fn a_guessed_subcommand_gets_a_tip_with_the_right_one() {
        let tip_for = |given: &str| {
            tip(&Cli::try_parse_from(["flink-mesos", given]).unwrap_err()).unwrap_or_default()
        };
        assert!(
            tip_for("version").contains("tip: flink-mesos --version"),
            "{}",
            tip_for("version")
        );
        let submit = tip_for("submit");
        assert!(submit.contains("job --jars") && submit.contains("flink-mesos run"), "{submit}");
        assert!(tip_for("drain").contains("flink-mesos workers drain"));
        assert_eq!(tip_for("sesion"), "", "clap knows what is near");
    }
}
