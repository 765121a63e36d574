//! Commands of the user's own, before the TaskManager's and in place of it: `…tasks.bootstrap-cmd`
//! and `…tasks.taskmanager-cmd`. They are the only things that a shell runs. The parts of the
//! TaskManager's own command are arguments of that shell, never part of its text, so there is
//! nothing to quote.

use flink::command::CommandLine;

use crate::worker::WorkerSpec;

const SHELL: &str = "/bin/sh";

/// The variable with the text that the shell runs, which may hold a secret anywhere.
pub const COMMAND_VARIABLE: &str = "FLINK_MESOS_COMMAND";

/// What a script of the user's own learns of the JVM's options, as it did from upstream.
const FOR_SCRIPTS: [&str; 5] = [
    "-Xmx",
    "-Xms",
    "-XX:MaxDirectMemorySize=",
    "-XX:MaxMetaspaceSize=",
    "-Djava.security.krb5.conf=",
];

/// Where the shipped distribution is. The script of another one, in an image, must not get these
/// variables.
const FOR_JAVA: [&str; 5] =
    ["FLINK_BIN_DIR", "FLINK_LIB_DIR", "FLINK_OPT_DIR", "FLINK_PLUGINS_DIR", "JVM_ARGS"];

/// Has a shell run what the description asks for. `lookup` reads the worker's environment.
pub(super) fn wrap(
    spec: &WorkerSpec,
    command: &mut CommandLine,
    lookup: &dyn Fn(&str) -> Option<String>,
) {
    let before = match spec.bootstrap_command.trim() {
        "" => String::new(),
        bootstrap => format!("{bootstrap} && "),
    };
    match spec.task_manager_command.trim() {
        "" if before.is_empty() => {}
        "" => {
            // The process stays the same, so that it is java which is watched and ended.
            let program = command.program.to_string_lossy().into_owned();
            run(command, format!("{before}exec \"$0\" \"$@\""), program);
        }
        own => {
            hand_over(command, lookup("JVM_ARGS"));
            run(command, format!("{before}{own} \"$@\""), "taskmanager".to_owned());
        }
    }
}

/// A shell with this text, whose `$0` is the name. The text may contain a secret, so it is in the
/// environment, which only the process's user can read, and not in the arguments, which everybody
/// can. Nothing that the shell starts has the variable.
fn run(command: &mut CommandLine, text: String, name: String) {
    let script = format!("eval \"unset {COMMAND_VARIABLE}; ${COMMAND_VARIABLE}\"");
    command.arguments.splice(0..0, ["-c".to_owned(), script, name]);
    command.environment.push((COMMAND_VARIABLE.to_owned(), text));
    command.program = SHELL.into();
}

/// What is java's own goes into the environment; the memory's sizes stay. The configuration is in
/// `FLINK_CONF_DIR`.
fn hand_over(command: &mut CommandLine, more: Option<String>) {
    let arguments = std::mem::take(&mut command.arguments);
    let (mut options, mut sizes) = (Vec::new(), Vec::new());
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        if argument == "-D" {
            sizes.extend([argument].into_iter().chain(rest.next()));
        } else if FOR_SCRIPTS.iter().any(|start| argument.starts_with(start)) {
            options.push(argument);
        }
    }
    options.extend(more);
    command.environment.retain(|(name, _)| !FOR_JAVA.contains(&name.as_str()));
    command.environment.push(("JVM_ARGS".to_owned(), options.join(" ")));
    command.arguments = sizes;
}
