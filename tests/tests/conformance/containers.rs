//! Files fetched into the sandbox before the executor starts.

use std::os::unix::fs::PermissionsExt as _;

use mesos::v1::{
    CommandInfo, TaskState,
    command_info::Uri,
    scheduler::event,
    task_status::{Reason, Source},
};

use crate::{
    cluster::Cluster,
    messages::{executor, shell, task},
    puppet::Puppet,
};

behaviours!(
    uris_are_fetched_into_the_sandbox_before_the_start,
    a_uri_that_cannot_be_fetched_fails_the_task,
    an_unknown_scheme_fails_the_task,
);

fn uri(value: &str) -> Uri {
    Uri { value: value.into(), extract: Some(false), ..Uri::default() }
}

async fn uris_are_fetched_into_the_sandbox_before_the_start(cluster: &Cluster) {
    let folder = Puppet::new();
    let (program, text) = (folder.path("program"), folder.path("text"));
    fs_err::write(&program, "#!/bin/sh\nread text < \"$1\"; echo \"$text\"\n").unwrap();
    fs_err::write(&text, "hello\n").unwrap();
    let uris = vec![
        Uri {
            executable: Some(true),
            output_file: Some("bin/run".into()),
            ..uri(&format!("file://{program}"))
        },
        uri(&text),
        Uri { output_file: Some("version.json".into()), ..uri(&cluster.master("/version")) },
    ];
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let command = CommandInfo { uris, ..shell("exec bin/run text") };
    framework.launch(&offer, vec![task("t", &offer, &executor("e", command))]).await;
    assert_eq!(framework.wait(event::Type::Failure).await.failure.unwrap().status, Some(0));

    let sandbox = cluster.sandbox(&offer.agent_id.value, &framework.id, "e");
    assert_eq!(fs_err::read_to_string(sandbox.join("stdout")).unwrap(), "hello\n");
    let version = fs_err::read_to_string(sandbox.join("version.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&version).unwrap()["version"], "1.11.0");
    assert_eq!(
        fs_err::metadata(sandbox.join("bin/run")).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(fs_err::metadata(sandbox.join("text")).unwrap().permissions().mode() & 0o111, 0);
}

async fn unfetched(cluster: &Cluster, value: &str) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let command = CommandInfo { uris: vec![uri(value)], ..shell("true") };
    framework.launch(&offer, vec![task("t", &offer, &executor("e", command))]).await;
    // The real one's wait status comes from its fetcher or from its own kill, whichever is first.
    framework.wait(event::Type::Failure).await;
    let status = framework.acknowledged().await;
    assert_eq!((status.state(), status.source()), (TaskState::TaskFailed, Source::Agent));
    assert_eq!(status.reason(), Reason::ContainerLaunchFailed);
    let expected = "Failed to launch container: Failed to fetch all URIs for container ";
    assert!(status.message().starts_with(expected), "{status:?}");
}

async fn a_uri_that_cannot_be_fetched_fails_the_task(cluster: &Cluster) {
    unfetched(cluster, "/there/is/no/such/file").await;
}

async fn an_unknown_scheme_fails_the_task(cluster: &Cluster) {
    unfetched(cluster, "gopher://127.0.0.1/x").await;
}
