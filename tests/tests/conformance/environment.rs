//! The environment of an executor's process.

use std::collections::BTreeMap;

use mesos::v1::{CommandInfo, DurationInfo, ExecutorInfo, FrameworkInfo, scheduler::event};

use crate::{
    cluster::Cluster,
    framework::Framework,
    messages::{self, executor, shell, task, with_variable},
};

behaviours!(
    an_executor_gets_these_variables_and_no_other,
    an_executor_of_a_checkpointing_framework_learns_how_long_to_wait,
    a_variable_of_the_command_overrides_the_agents_own,
    output_and_errors_go_to_files_in_the_sandbox,
    a_command_that_is_not_for_the_shell_is_executed_with_its_arguments,
);

/// The variables in an output. Those that hold a secret must be there and are left out.
fn public(cluster: &Cluster, output: &str) -> BTreeMap<String, String> {
    let mut found = parse(output);
    for name in cluster.secret_variables() {
        assert!(found.remove(*name).is_some_and(|secret| secret.len() >= 32), "{name}");
    }
    found
}

/// Runs a command to its end and returns its output and the expected variables.
async fn run(
    cluster: &Cluster,
    info: FrameworkInfo,
    executor: ExecutorInfo,
) -> (String, BTreeMap<String, String>) {
    let mut framework = Framework::subscribe(cluster, info).await;
    let offer = framework.offer().await;
    framework.launch(&offer, vec![task("t", &offer, &executor)]).await;
    framework.wait(event::Type::Failure).await;
    let link = cluster.sandbox(&offer.agent_id.value, &framework.id, "e");
    let output = fs_err::read_to_string(link.join("stdout")).unwrap();
    let sandbox = fs_err::canonicalize(link).unwrap().display().to_string();
    let address = offer.url.unwrap().address;
    let endpoint = format!("{}:{}", address.ip(), address.port);
    let variables = [
        ("LIBPROCESS_IP", "127.0.0.1"),
        ("LIBPROCESS_PORT", "0"),
        ("MESOS_AGENT_ENDPOINT", &endpoint),
        ("MESOS_CHECKPOINT", "0"),
        ("MESOS_DIRECTORY", &sandbox),
        ("MESOS_EXECUTOR_ID", "e"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ("MESOS_FRAMEWORK_ID", &framework.id),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "1"),
        ("MESOS_SANDBOX", &sandbox),
        ("MESOS_SLAVE_ID", &offer.agent_id.value),
        ("MESOS_SLAVE_PID", &format!("slave(1)@{endpoint}")),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("PWD", &sandbox),
    ];
    (output, variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

fn parse(output: &str) -> BTreeMap<String, String> {
    output
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

async fn an_executor_gets_these_variables_and_no_other(cluster: &Cluster) {
    let (output, expected) =
        run(cluster, messages::framework(), executor("e", shell("exec env"))).await;
    assert_eq!(public(cluster, &output), expected);
}

async fn an_executor_of_a_checkpointing_framework_learns_how_long_to_wait(cluster: &Cluster) {
    let info = FrameworkInfo { checkpoint: Some(true), ..messages::framework() };
    let grace = Some(DurationInfo { nanoseconds: 90_500_000_000 });
    let with_grace =
        ExecutorInfo { shutdown_grace_period: grace, ..executor("e", shell("exec env")) };
    let (output, mut expected) = run(cluster, info, with_grace).await;
    for (name, value) in [
        ("MESOS_CHECKPOINT", "1"),
        ("MESOS_RECOVERY_TIMEOUT", "15mins"),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "1.50833333333333mins"),
    ] {
        expected.insert(name.into(), value.into());
    }
    assert_eq!(public(cluster, &output), expected);
}

async fn a_variable_of_the_command_overrides_the_agents_own(cluster: &Cluster) {
    let mut command = shell("exec env");
    let own = [("FLINK", "yes"), ("PATH", "/bin:/usr/bin"), ("MESOS_SLAVE_PID", "somewhere")];
    for (name, value) in own {
        command = with_variable(command, name, value);
    }
    let (output, mut expected) = run(cluster, messages::framework(), executor("e", command)).await;
    expected.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(public(cluster, &output), expected);
}

async fn output_and_errors_go_to_files_in_the_sandbox(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let command = shell("echo out; echo err >&2; cat; pwd > where");
    framework.launch(&offer, vec![task("t", &offer, &executor("e", command))]).await;
    framework.wait(event::Type::Failure).await;
    let sandbox =
        fs_err::canonicalize(cluster.sandbox(&offer.agent_id.value, &framework.id, "e")).unwrap();
    let read = |name: &str| fs_err::read_to_string(sandbox.join(name)).unwrap();
    assert_eq!((read("stdout").as_str(), read("stderr").as_str()), ("out\n", "err\n"));
    assert_eq!(read("where").trim(), sandbox.display().to_string());
}

async fn a_command_that_is_not_for_the_shell_is_executed_with_its_arguments(cluster: &Cluster) {
    let arguments = ["name", "-c", "echo $0 \"$1\"", "first", "a  b"].map(str::to_owned).to_vec();
    let command = CommandInfo {
        shell: Some(false),
        value: Some("sh".into()),
        arguments,
        ..CommandInfo::default()
    };
    let (output, _) = run(cluster, messages::framework(), executor("e", command)).await;
    assert_eq!(output, "first a  b\n");
}
