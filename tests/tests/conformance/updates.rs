//! Status updates from the executor to the scheduler, and acknowledgements back.

use bytes::Bytes;
use mesos::v1::{
    Label, Labels, TaskState, TaskStatus,
    executor::event,
    scheduler::{Call, call::Acknowledge, call::Type, event as scheduler_event},
    task_status::{Reason, Source},
};
use tokio::time::Instant;

use crate::{cluster::Cluster, messages, puppet::Puppet};

behaviours!(
    an_update_is_sent_again_with_its_uuid_until_it_is_acknowledged,
    an_update_waits_until_the_previous_one_is_acknowledged,
    an_acknowledgement_of_another_uuid_changes_nothing,
    an_update_that_comes_twice_is_forwarded_once,
    an_executors_update_is_forwarded_with_all_its_fields,
    nothing_follows_the_end_of_a_task,
    an_update_without_a_required_field_is_refused,
    an_update_that_names_another_agent_is_dropped,
    an_update_of_an_unknown_task_is_forwarded_anyway,
);

async fn an_update_is_sent_again_with_its_uuid_until_it_is_acknowledged(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    let sent = Instant::now();
    executor.update("t", TaskState::TaskRunning).await;
    let first = framework.status().await;
    framework
        .none_until(scheduler_event::Type::Update, sent + cluster.update_retry().mul_f64(0.9))
        .await;
    let again = framework.status().await;
    assert_eq!(again, first);
    framework.acknowledge(&again).await;
    executor.update("t", TaskState::TaskFinished).await;
    assert_eq!(framework.acknowledged().await.state(), TaskState::TaskFinished);
    framework.no_status().await;
}

async fn an_update_waits_until_the_previous_one_is_acknowledged(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    let states = [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFinished];
    for state in states {
        // The agent acknowledges to the executor at once, whatever the scheduler does.
        executor.update("t", state).await;
    }
    for state in states {
        let status = framework.status().await;
        assert_eq!(status.state(), state);
        framework.no_status().await;
        framework.acknowledge(&status).await;
    }
}

async fn an_acknowledgement_of_another_uuid_changes_nothing(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    executor.update("t", TaskState::TaskStarting).await;
    executor.update("t", TaskState::TaskRunning).await;
    let status = framework.status().await;
    let other = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    framework.acknowledge(&TaskStatus { uuid: Some(other), ..status.clone() }).await;
    framework.acknowledge(&TaskStatus { task_id: "x".into(), ..status.clone() }).await;
    framework.no_status().await;
    framework.acknowledge(&status).await;
    assert_eq!(framework.status().await.state(), TaskState::TaskRunning);
}

async fn an_update_that_comes_twice_is_forwarded_once(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    let status = executor.update("t", TaskState::TaskRunning).await;
    for acknowledged in [false, true] {
        executor.report(&status).await.accepted();
        executor.wait(event::Type::Acknowledged).await;
        if !acknowledged {
            framework.acknowledged().await;
        }
    }
    framework.no_status().await;
}

async fn an_executors_update_is_forwarded_with_all_its_fields(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, offer) = framework.run_task(&puppet).await;
    executor.launched().await;
    let labels = Some(Labels { labels: vec![Label { key: "k".into(), value: Some("v".into()) }] });
    let said = TaskStatus {
        message: Some("a message".into()),
        reason: Some(Reason::TaskCheckStatusUpdated.into()),
        data: Some(b"\x00\xff data"[..].into()),
        timestamp: Some(123.5),
        healthy: Some(true),
        labels,
        ..messages::status("t", TaskState::TaskRunning)
    };
    executor.report(&said).await.accepted();
    let status = framework.acknowledged().await;
    let expected = TaskStatus {
        agent_id: Some(offer.agent_id),
        executor_id: None,
        container_status: status.container_status.clone(),
        ..said
    };
    assert_eq!(status, expected);

    framework.reconcile(&[("t", None)]).await;
    let reconciled = framework.status().await;
    assert_eq!((reconciled.healthy, reconciled.data), (Some(true), None));
}

async fn nothing_follows_the_end_of_a_task(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    executor.update("t", TaskState::TaskFinished).await;
    executor.update("t", TaskState::TaskFailed).await;
    executor.update("t", TaskState::TaskRunning).await;
    assert_eq!(framework.acknowledged().await.state(), TaskState::TaskFinished);
    framework.no_status().await;
}

async fn an_update_without_a_required_field_is_refused(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    let good = messages::status("t", TaskState::TaskRunning);
    for (status, expected) in [
        (TaskStatus { uuid: None, ..good.clone() }, "Expecting 'uuid' to be present"),
        (
            TaskStatus { uuid: Some(Bytes::from_static(&[0xff; 16])), ..good.clone() },
            "Not a valid UUID",
        ),
        (
            TaskStatus { source: None, ..good.clone() },
            "with invalid source, expecting 'SOURCE_EXECUTOR'",
        ),
        (
            TaskStatus { source: Some(Source::Agent.into()), ..good.clone() },
            "with invalid source, expecting",
        ),
        (
            TaskStatus { state: TaskState::TaskStaging.into(), ..good.clone() },
            "Received TASK_STAGING from executor e",
        ),
        (
            TaskStatus { executor_id: Some("x".into()), ..good },
            "does not match ExecutorID in TaskStatus: x",
        ),
    ] {
        executor.report(&status).await.refused(400, expected);
    }
    executor.silence().await;
    framework.no_status().await;
}

async fn an_update_that_names_another_agent_is_dropped(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    let status = messages::status("t", TaskState::TaskRunning);
    executor.report(&TaskStatus { agent_id: Some("x".into()), ..status }).await.accepted();
    executor.silence().await;
    framework.no_status().await;
}

async fn an_update_of_an_unknown_task_is_forwarded_anyway(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, offer) = framework.run_task(&puppet).await;
    executor.launched().await;
    let status = messages::status("stranger", TaskState::TaskRunning);
    executor.report(&status).await.accepted();
    let reported = framework.status().await;
    assert_eq!((reported.task_id.value.as_str(), reported.container_status), ("stranger", None));
    let acknowledge = Some(Acknowledge {
        agent_id: offer.agent_id,
        task_id: "stranger".into(),
        uuid: status.uuid.unwrap(),
    });
    framework.call(Type::Acknowledge, Call { acknowledge, ..Call::default() }).await;
}
