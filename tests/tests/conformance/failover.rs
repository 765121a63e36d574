//! A scheduler returns, is replaced, or stays away.

use mesos::v1::{
    FrameworkInfo, TaskState,
    executor::event,
    scheduler::{Call, call::Subscribe, call::Type},
};

use crate::{
    cluster::Cluster,
    framework::Framework,
    messages::{framework, patient_framework},
    puppet::Puppet,
    raw::NoRecord,
};

behaviours!(
    a_second_subscription_ends_the_first,
    a_scheduler_that_returns_finds_its_tasks_and_their_updates,
    a_framework_without_a_failover_timeout_ends_with_its_connection,
    a_framework_is_removed_after_its_failover_timeout,
);

fn again(id: &str) -> FrameworkInfo {
    FrameworkInfo { id: Some(id.into()), ..patient_framework() }
}

async fn a_second_subscription_ends_the_first(cluster: &Cluster) {
    let mut first = Framework::subscribe(cluster, patient_framework()).await;
    let held = first.offer().await;
    let mut second = Framework::subscribe(cluster, again(&first.id)).await;
    assert_eq!(second.id, first.id);
    let error = first.wait(mesos::v1::scheduler::event::Type::Error).await.error.unwrap();
    assert_eq!(error.message, "Framework failed over");
    assert_eq!(
        first.next().await.map(|event| event.r#type()),
        Ok(mesos::v1::scheduler::event::Type::Heartbeat)
    );
    assert_eq!(first.next().await, Err(NoRecord::End));

    let revive = Call { r#type: Some(Type::Revive.into()), ..Call::default() };
    first.send(revive).await.refused(400, "didn't match the stream ID currently associated with");
    // What the first scheduler held is offered again.
    assert_eq!(second.offer().await.resources, held.resources);
}

async fn a_scheduler_that_returns_finds_its_tasks_and_their_updates(cluster: &Cluster) {
    let mut first = Framework::subscribe(cluster, patient_framework()).await;
    let puppet = Puppet::new();
    let (mut executor, _) = first.run_task(&puppet).await;
    executor.launched().await;
    let sent = executor.update("t", TaskState::TaskRunning).await;
    first.status().await;
    let id = first.id.clone();
    drop(first);

    let mut second = Framework::subscribe(cluster, again(&id)).await;
    let status = second.acknowledged().await;
    assert_eq!(status.uuid, sent.uuid);
    second.reconcile(&[]).await;
    assert_eq!(second.status().await.state(), TaskState::TaskRunning);
    executor.update("t", TaskState::TaskFinished).await;
    assert_eq!(second.acknowledged().await.state(), TaskState::TaskFinished);
}

/// Waits until a framework with this id is refused.
async fn until_removed(cluster: &Cluster, id: &str) {
    let info = FrameworkInfo { id: Some(id.into()), failover_timeout: Some(1.0), ..framework() };
    let call = Subscribe { framework_info: info, ..Subscribe::default() };
    let mut framework = Framework::open(cluster, call).await;
    let first = framework.next().await.unwrap();
    assert_eq!(
        first.error.map(|error| error.message).as_deref(),
        Some("Framework has been removed")
    );
    assert_eq!(framework.next().await, Err(NoRecord::End));
}

async fn a_framework_without_a_failover_timeout_ends_with_its_connection(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    let id = framework.id.clone();
    drop(framework);
    executor.wait(event::Type::Shutdown).await;
    until_removed(cluster, &id).await;
}

async fn a_framework_is_removed_after_its_failover_timeout(cluster: &Cluster) {
    let info = FrameworkInfo { failover_timeout: Some(1.5), ..framework() };
    let mut first = Framework::subscribe(cluster, info.clone()).await;
    let puppet = Puppet::new();
    let (mut executor, _) = first.run_task(&puppet).await;
    executor.launched().await;
    let id = first.id.clone();
    drop(first);
    executor.silence().await;

    let second =
        Framework::subscribe(cluster, FrameworkInfo { id: Some(id.as_str().into()), ..info }).await;
    drop(second);
    executor.silence().await;
    executor.wait(event::Type::Shutdown).await;
    until_removed(cluster, &id).await;
}
