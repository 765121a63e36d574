//! How executors end: by themselves, on SHUTDOWN, with their framework, by force.

use std::time::Duration;

use mesos::v1::{
    DurationInfo, ExecutorInfo, TaskState, TaskStatus,
    executor::event as executor_event,
    scheduler::event::{self, Failure},
    task_status::{Reason, Source},
};
use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use tokio::time::Instant;

use crate::{
    cluster::Cluster,
    executor::Executor,
    framework::Framework,
    messages::{executor, shell, task},
    puppet::Puppet,
    raw::PATIENCE,
};

behaviours!(
    the_raw_wait_status_of_an_executor_that_exits_is_reported,
    the_signal_that_killed_an_executor_is_reported,
    all_tasks_of_an_executor_that_ends_have_failed,
    an_executor_that_cannot_be_executed_fails_its_task,
    an_executor_that_ends_without_tasks_is_only_reported,
    shutdown_asks_the_executor_to_end,
    an_executor_that_does_not_end_is_killed_with_its_children_after_its_grace_period,
    processes_that_an_executor_leaves_behind_are_killed,
    a_teardown_ends_the_executors,
);

async fn failure(framework: &mut Framework<'_>) -> Failure {
    framework.wait(event::Type::Failure).await.failure.unwrap()
}

fn assert_terminated(status: &TaskStatus) {
    assert_eq!((status.state(), status.source()), (TaskState::TaskFailed, Source::Agent));
    assert_eq!(
        (status.reason(), status.message()),
        (Reason::ExecutorTerminated, "Executor terminated")
    );
    assert_eq!(status.executor_id, Some("e".into()));
}

async fn ends(cluster: &Cluster, command: &str, wait_status: i32) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, offer) = framework.run_task(&puppet).await;
    e.launched().await;
    e.update("t", TaskState::TaskRunning).await;
    framework.acknowledged().await;
    puppet.run(command).await;
    let failure = failure(&mut framework).await;
    assert_eq!((failure.agent_id, failure.executor_id), (Some(offer.agent_id), Some("e".into())));
    assert_eq!(failure.status, Some(wait_status));
    assert_terminated(&framework.acknowledged().await);
}

async fn the_raw_wait_status_of_an_executor_that_exits_is_reported(cluster: &Cluster) {
    ends(cluster, "exit 3", 3 << 8).await;
}

async fn the_signal_that_killed_an_executor_is_reported(cluster: &Cluster) {
    ends(cluster, "kill -9 $$", 9).await;
}

async fn all_tasks_of_an_executor_that_ends_have_failed(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let info = executor("e", puppet.command());
    framework
        .launch(
            &offer,
            ["finished", "running", "staging"].map(|id| task(id, &offer, &info)).to_vec(),
        )
        .await;
    let mut e = Executor::subscribe(&framework, &offer, "e", &puppet).await;
    for _ in 0..3 {
        e.launched().await;
    }
    e.update("running", TaskState::TaskRunning).await;
    e.update("finished", TaskState::TaskFinished).await;
    framework.acknowledged().await;
    framework.acknowledged().await;
    puppet.run("exit 0").await;
    assert_eq!(failure(&mut framework).await.status, Some(0));
    let statuses = [framework.acknowledged().await, framework.acknowledged().await];
    statuses.iter().for_each(assert_terminated);
    let mut ids = statuses.map(|status| status.task_id.value);
    ids.sort();
    assert_eq!(ids, ["running", "staging"]);
    framework.no_status().await;
}

async fn an_executor_that_cannot_be_executed_fails_its_task(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    framework
        .launch(&offer, vec![task("t", &offer, &executor("e", shell("/there/is/no/such/program")))])
        .await;
    assert_eq!(failure(&mut framework).await.status, Some(127 << 8));
    assert_terminated(&framework.acknowledged().await);
}

async fn an_executor_that_ends_without_tasks_is_only_reported(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    e.launched().await;
    e.update("t", TaskState::TaskFinished).await;
    framework.acknowledged().await;
    puppet.run("exit 5").await;
    assert_eq!(failure(&mut framework).await.status, Some(5 << 8));
    framework.no_status().await;
}

async fn shutdown_asks_the_executor_to_end(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, offer) = framework.run_task(&puppet).await;
    e.launched().await;
    framework.shut_down(&offer.agent_id, "e").await;
    e.wait(executor_event::Type::Shutdown).await;
    puppet.run("exit 0").await;
    assert_eq!(failure(&mut framework).await.status, Some(0));
    assert_terminated(&framework.acknowledged().await);
}

/// Launches a puppet with a grace period of a second and a half.
async fn short_grace<'a>(
    framework: &mut Framework<'a>,
    puppet: &Puppet,
) -> (Executor<'a>, mesos::v1::AgentId) {
    let offer = framework.offer().await;
    let grace = Some(DurationInfo { nanoseconds: 1_500_000_000 });
    let info = ExecutorInfo { shutdown_grace_period: grace, ..executor("e", puppet.command()) };
    framework.launch(&offer, vec![task("t", &offer, &info)]).await;
    let mut e = Executor::subscribe(framework, &offer, "e", puppet).await;
    e.launched().await;
    (e, offer.agent_id)
}

/// Makes the puppet start a child that does not end by itself, and returns the child's id.
async fn with_child(puppet: &Puppet, then: &str) -> Pid {
    let file = puppet.path("child");
    puppet
        .run(&format!(
            "(trap '' TERM HUP; sleep 1000) & echo $! > {file}.new; mv {file}.new {file}; {then}"
        ))
        .await;
    let id = async || fs_err::read_to_string(&file).ok();
    Pid::from_raw(
        tests::wait_until("the child is there", PATIENCE, id).await.trim().parse().unwrap(),
    )
}

async fn until_gone(id: Pid) {
    let gone = async || (kill(id, None) == Err(Errno::ESRCH) || is_zombie(id)).then_some(());
    tests::wait_until("the process is gone", PATIENCE, gone).await;
}

fn is_zombie(id: Pid) -> bool {
    fs_err::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

async fn an_executor_that_does_not_end_is_killed_with_its_children_after_its_grace_period(
    cluster: &Cluster,
) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, agent) = short_grace(&mut framework, &puppet).await;
    let child = with_child(&puppet, "trap '' TERM; while :; do sleep 1; done").await;
    let asked = Instant::now();
    framework.shut_down(&agent, "e").await;
    e.wait(executor_event::Type::Shutdown).await;
    assert_eq!(failure(&mut framework).await.status, Some(9));
    assert!(asked.elapsed() > Duration::from_millis(1400), "{:?}", asked.elapsed());
    assert_terminated(&framework.acknowledged().await);
    until_gone(child).await;
}

async fn processes_that_an_executor_leaves_behind_are_killed(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    e.launched().await;
    let child = with_child(&puppet, "exit 0").await;
    assert_eq!(failure(&mut framework).await.status, Some(0));
    until_gone(child).await;
}

async fn a_teardown_ends_the_executors(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = short_grace(&mut framework, &puppet).await;
    let child = with_child(&puppet, "sleep 1000").await;
    framework.teardown().await;
    e.wait(executor_event::Type::Shutdown).await;
    framework.end().await;
    until_gone(child).await;
}
