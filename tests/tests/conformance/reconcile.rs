//! RECONCILE.

use mesos::v1::{
    TaskState,
    task_status::{Reason, Source},
};

use crate::{
    cluster::Cluster,
    messages::{executor, task},
    puppet::Puppet,
};

behaviours!(
    a_known_task_is_reconciled_with_the_state_that_the_scheduler_knows,
    all_tasks_are_reconciled_when_none_is_named,
    a_task_without_an_update_yet_is_staging,
    an_unknown_task_is_gone_from_a_known_agent_and_unknown_elsewhere,
    a_task_is_forgotten_once_its_end_is_acknowledged,
);

async fn a_known_task_is_reconciled_with_the_state_that_the_scheduler_knows(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, offer) = framework.run_task(&puppet).await;
    e.launched().await;
    e.update("t", TaskState::TaskStarting).await;
    let reported = framework.status().await;
    // This update waits for the acknowledgement of the first.
    e.update("t", TaskState::TaskRunning).await;

    for agent in [None, Some(offer.agent_id.value.as_str())] {
        framework.reconcile(&[("t", agent)]).await;
        let status = framework.status().await;
        assert_eq!((status.state(), status.source()), (TaskState::TaskStarting, Source::Master));
        assert_eq!(status.message(), "Reconciliation: Latest task state");
        assert_eq!((status.reason(), &status.uuid), (Reason::Reconciliation, &None));
        assert_eq!(status.agent_id, Some(offer.agent_id.clone()));
        assert_eq!(status.executor_id, Some("e".into()));
        assert_eq!(status.container_status, reported.container_status);
    }
}

async fn all_tasks_are_reconciled_when_none_is_named(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    framework.reconcile(&[]).await;
    framework.no_status().await;

    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let info = executor("e", puppet.command());
    framework.launch(&offer, ["a", "b"].map(|id| task(id, &offer, &info)).to_vec()).await;
    let _executor = crate::executor::Executor::subscribe(&framework, &offer, "e", &puppet).await;
    framework.reconcile(&[]).await;
    let mut ids = [framework.status().await.task_id.value, framework.status().await.task_id.value];
    ids.sort();
    assert_eq!(ids, ["a", "b"]);
    framework.no_status().await;
}

async fn a_task_without_an_update_yet_is_staging(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (_executor, _) = framework.run_task(&puppet).await;
    framework.reconcile(&[("t", None)]).await;
    let status = framework.status().await;
    assert_eq!((status.state(), status.container_status), (TaskState::TaskStaging, None));
}

async fn an_unknown_task_is_gone_from_a_known_agent_and_unknown_elsewhere(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let agent = framework.offer().await.agent_id.value;
    framework.reconcile(&[("x", Some(&agent)), ("x", None), ("x", Some("nowhere"))]).await;
    for (state, agent) in [
        (TaskState::TaskGone, Some(agent.as_str())),
        (TaskState::TaskUnknown, None),
        (TaskState::TaskUnknown, Some("nowhere")),
    ] {
        let status = framework.status().await;
        assert_eq!((status.state(), &status.agent_id), (state, &agent.map(Into::into)));
        assert_eq!((status.reason(), status.uuid), (Reason::Reconciliation, None));
    }
}

async fn a_task_is_forgotten_once_its_end_is_acknowledged(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, offer) = framework.run_task(&puppet).await;
    e.launched().await;
    e.update("t", TaskState::TaskFinished).await;
    let finished = framework.status().await;
    framework.reconcile(&[("t", None)]).await;
    assert_eq!(framework.status().await.state(), TaskState::TaskFinished);
    framework.acknowledge(&finished).await;
    // The agent forwards the acknowledgement to the master's records at some later time.
    let forgotten = async || {
        framework.reconcile(&[("t", Some(&offer.agent_id.value))]).await;
        (framework.status().await.state() == TaskState::TaskGone).then_some(())
    };
    tests::wait_until("the task is forgotten", crate::raw::PATIENCE, forgotten).await;
}
