//! KILL.

use mesos::v1::{
    DurationInfo, FrameworkInfo, KillPolicy, TaskState,
    executor::event,
    scheduler::call::Kill,
    task_status::{Reason, Source},
};

use crate::{
    cluster::Cluster,
    executor::Executor,
    framework::Framework,
    messages::{self, executor, task},
    puppet::Puppet,
};

behaviours!(
    a_kill_reaches_the_executor_with_its_policy,
    a_task_that_waits_for_its_executor_is_killed_by_the_agent,
    a_kill_of_an_unknown_task_is_answered_with_what_the_master_knows,
    a_kill_of_an_unknown_task_is_answered_lost_to_an_old_framework,
    a_kill_that_names_the_wrong_agent_is_ignored,
);

fn kill(task: &str) -> Kill {
    Kill { task_id: task.into(), agent_id: None, kill_policy: None }
}

async fn a_kill_reaches_the_executor_with_its_policy(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, offer) = framework.run_task(&puppet).await;
    executor.launched().await;
    executor.update("t", TaskState::TaskRunning).await;
    framework.acknowledged().await;

    framework.kill(kill("t")).await;
    let without = executor.wait(event::Type::Kill).await.kill.unwrap();
    assert_eq!((without.task_id.value.as_str(), without.kill_policy), ("t", None));
    let policy = KillPolicy { grace_period: Some(DurationInfo { nanoseconds: 7_000_000_000 }) };
    framework
        .kill(Kill { agent_id: Some(offer.agent_id), kill_policy: Some(policy), ..kill("t") })
        .await;
    assert_eq!(executor.wait(event::Type::Kill).await.kill.unwrap().kill_policy, Some(policy));

    executor.update("t", TaskState::TaskKilled).await;
    let status = framework.acknowledged().await;
    assert_eq!((status.state(), status.source()), (TaskState::TaskKilled, Source::Executor));
}

async fn a_task_that_waits_for_its_executor_is_killed_by_the_agent(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    framework.launch(&offer, vec![task("t", &offer, &executor("e", puppet.command()))]).await;
    let mut executor = Executor::new(&framework, &offer, "e");
    // Before that the agent may forget the executor together with its only task.
    puppet.started().await;

    framework.kill(kill("t")).await;
    let status = framework.acknowledged().await;
    assert_eq!((status.state(), status.source()), (TaskState::TaskKilled, Source::Agent));
    assert_eq!(status.reason(), Reason::TaskKilledDuringLaunch);
    assert_eq!(status.message(), "Killed before delivery to the executor");

    // An executor without tasks is not even notified that it is subscribed.
    executor.resubscribe(Vec::new(), Vec::new()).await;
    executor.wait(event::Type::Shutdown).await;
}

async fn unknown(cluster: &Cluster, info: FrameworkInfo, gone: TaskState, unknown: TaskState) {
    let mut framework = Framework::subscribe(cluster, info).await;
    let offer = framework.offer().await;
    for (agent, state, expected) in [
        (Some(offer.agent_id), gone, "Reconciliation: Task is unknown to the agent"),
        (Some("nowhere".into()), unknown, "Reconciliation: Task is unknown"),
        (None, unknown, "Reconciliation: Task is unknown"),
    ] {
        framework.kill(Kill { agent_id: agent.clone(), ..kill("never-seen") }).await;
        let status = framework.status().await;
        assert_eq!((status.state(), status.message()), (state, expected));
        assert_eq!((status.source(), status.reason()), (Source::Master, Reason::Reconciliation));
        assert_eq!((status.uuid, status.agent_id), (None, agent));
    }
}

async fn a_kill_of_an_unknown_task_is_answered_with_what_the_master_knows(cluster: &Cluster) {
    unknown(cluster, messages::framework(), TaskState::TaskGone, TaskState::TaskUnknown).await;
}

async fn a_kill_of_an_unknown_task_is_answered_lost_to_an_old_framework(cluster: &Cluster) {
    let info = FrameworkInfo { capabilities: Vec::new(), ..messages::framework() };
    unknown(cluster, info, TaskState::TaskLost, TaskState::TaskLost).await;
}

async fn a_kill_that_names_the_wrong_agent_is_ignored(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut executor, _) = framework.run_task(&puppet).await;
    executor.launched().await;
    framework.kill(Kill { agent_id: Some("nowhere".into()), ..kill("t") }).await;
    executor.silence().await;
    framework.no_status().await;
}
