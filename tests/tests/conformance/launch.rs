//! From ACCEPT to `TASK_RUNNING`, and tasks that do not get that far.

use mesos::v1::{
    CommandInfo, ExecutorInfo, TaskInfo, TaskState,
    task_status::{Reason, Source},
};

use crate::{
    cluster::Cluster,
    executor::Executor,
    framework::Framework,
    messages::{self, executor, scalar, shell, task},
    puppet::Puppet,
};

behaviours!(
    an_accepted_task_is_launched_on_its_executor_and_runs,
    a_second_task_of_the_same_executor_joins_the_first,
    many_tasks_of_one_acceptance_share_their_executor,
    a_task_on_an_invalid_offer_is_dropped,
    a_task_on_an_invalid_offer_is_lost_for_an_old_framework,
    an_invalid_task_is_an_error_with_a_reason,
    an_executor_without_resources_of_its_own_is_fine,
    nothing_is_launched_on_an_executor_that_is_ending,
);

async fn an_accepted_task_is_launched_on_its_executor_and_runs(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let info = executor("e", puppet.command());
    let sent = TaskInfo { data: Some(b"data"[..].into()), ..task("t", &offer, &info) };
    framework.launch(&offer, vec![sent.clone()]).await;

    let mut executor = Executor::subscribe(&framework, &offer, "e", &puppet).await;
    let launched = executor.launched().await;
    assert_eq!(
        (&launched.task_id, &launched.name, &launched.data),
        (&sent.task_id, &sent.name, &sent.data)
    );
    let launched_executor = launched.executor.unwrap();
    assert_eq!(launched_executor.framework_id.unwrap().value, framework.id);
    assert_eq!(launched_executor.r#type, None);
    assert!(launched.resources.iter().all(|it| it.allocation_info.as_ref().unwrap().role() == "*"));

    for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
        let reported = executor.update("t", state).await;
        let status = framework.acknowledged().await;
        assert_eq!((status.state(), status.source()), (state, Source::Executor));
        assert_eq!(
            (&status.uuid, &status.agent_id),
            (&reported.uuid, &Some(offer.agent_id.clone()))
        );
        assert!(status.timestamp() > 1.7e9);
        let container = status.container_status.unwrap();
        assert!(container.executor_pid() > 1 && !container.container_id.unwrap().value.is_empty());
        assert_eq!(container.network_infos[0].ip_addresses[0].ip_address(), "127.0.0.1");
    }
}

async fn a_second_task_of_the_same_executor_joins_the_first(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    e.launched().await;
    let offer = framework.offer().await;
    framework.launch(&offer, vec![task("t2", &offer, &executor("e", puppet.command()))]).await;
    assert_eq!(e.launched().await.task_id.value, "t2");
}

async fn many_tasks_of_one_acceptance_share_their_executor(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let info = executor("e", puppet.command());
    framework.launch(&offer, ["a", "b", "c"].map(|id| task(id, &offer, &info)).to_vec()).await;
    let mut executor = Executor::subscribe(&framework, &offer, "e", &puppet).await;
    let ids = [executor.launched().await, executor.launched().await, executor.launched().await];
    assert_eq!(ids.map(|task| task.task_id.value), ["a", "b", "c"]);
    let rest = framework.offer().await;
    assert!((messages::sum(&rest.resources, "cpus") - 3.6).abs() < 1e-9, "{:?}", rest.resources);
}

async fn stale(framework: &mut Framework<'_>, state: TaskState) {
    let offer = framework.offer().await;
    framework.decline(std::slice::from_ref(&offer), Some(1000.0)).await;
    framework.launch(&offer, vec![task("t", &offer, &executor("e", shell("true")))]).await;
    let status = framework.status().await;
    assert_eq!(
        (status.state(), status.reason(), status.source()),
        (state, Reason::InvalidOffers, Source::Master)
    );
    let expected =
        format!("Task launched with invalid offers: Offer {} is no longer valid", offer.id);
    assert_eq!((status.message(), &status.uuid), (expected.as_str(), &None));
}

async fn a_task_on_an_invalid_offer_is_dropped(cluster: &Cluster) {
    stale(&mut cluster.framework().await, TaskState::TaskDropped).await;
}

async fn a_task_on_an_invalid_offer_is_lost_for_an_old_framework(cluster: &Cluster) {
    let info = mesos::v1::FrameworkInfo { capabilities: Vec::new(), ..messages::framework() };
    stale(&mut Framework::subscribe(cluster, info).await, TaskState::TaskLost).await;
}

async fn an_invalid_task_is_an_error_with_a_reason(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut running, _) = framework.run_task(&puppet).await;
    running.launched().await;
    let offer = framework.offer().await;
    let info = executor("e2", shell("true"));
    let good = |id: &str| task(id, &offer, &info);
    let with = |executor: ExecutorInfo| TaskInfo { executor: Some(executor), ..good("x") };
    let missing = CommandInfo::default;
    let cases = vec![
        (TaskInfo { resources: vec![scalar("cpus", 100.0)], ..good("x") }, "Total resources cpus"),
        (TaskInfo { resources: vec![scalar("gpus", 1.0)], ..good("x") }, "is more than available"),
        (TaskInfo { resources: Vec::new(), ..good("x") }, "Task uses no resources"),
        (
            TaskInfo { executor: None, ..good("x") },
            "at least one (but not both) of CommandInfo or ExecutorInfo",
        ),
        (
            TaskInfo { command: Some(missing()), ..good("x") },
            "at least one (but not both) of CommandInfo or",
        ),
        (
            TaskInfo { agent_id: "nowhere".into(), ..good("x") },
            "Task uses invalid agent nowhere while agent",
        ),
        (good("t"), "Task has duplicate ID: t"),
        (good("a/b"), "'a/b' contains invalid characters"),
        (
            with(executor("e", shell("another command"))),
            "is not compatible with existing ExecutorInfo",
        ),
        (
            with(ExecutorInfo { framework_id: Some("other".into()), ..info.clone() }),
            "an invalid FrameworkID (Actual: other",
        ),
        (
            with(ExecutorInfo { r#type: Some(0), ..info.clone() }),
            "'ExecutorInfo.type' must be 'CUSTOM'",
        ),
        (
            with(ExecutorInfo { command: None, ..info.clone() }),
            "'ExecutorInfo.command' must be set",
        ),
    ];
    let (tasks, messages): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    framework.launch(&offer, tasks).await;
    for message in messages {
        let status = framework.status().await;
        assert!(status.message().contains(message), "expected {message:?}: {status:?}");
        assert_eq!((status.state(), status.reason()), (TaskState::TaskError, Reason::TaskInvalid));
        assert_eq!((status.source(), status.uuid), (Source::Master, None));
    }
    // Nothing of it is in use.
    assert_eq!(framework.offer().await.resources, offer.resources);
}

async fn an_executor_without_resources_of_its_own_is_fine(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let info = ExecutorInfo { resources: Vec::new(), ..executor("e", puppet.command()) };
    framework.launch(&offer, vec![task("t", &offer, &info)]).await;
    let mut executor = Executor::subscribe(&framework, &offer, "e", &puppet).await;
    assert_eq!(executor.launched().await.task_id.value, "t");
    let rest = framework.offer().await;
    assert!((messages::sum(&rest.resources, "cpus") - 3.9).abs() < 1e-9, "{:?}", rest.resources);
}

async fn nothing_is_launched_on_an_executor_that_is_ending(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut ending, offer) = framework.run_task(&puppet).await;
    ending.launched().await;
    let rest = framework.offer().await;
    framework.shut_down(&offer.agent_id, "e").await;
    ending.wait(mesos::v1::executor::event::Type::Shutdown).await;
    framework.launch(&rest, vec![task("t2", &rest, &executor("e", puppet.command()))]).await;
    let status = framework.acknowledged().await;
    assert_eq!((status.state(), status.source()), (TaskState::TaskDropped, Source::Agent));
    assert_eq!(
        (status.reason(), status.message()),
        (Reason::ExecutorTerminated, "Executor terminating")
    );
}
