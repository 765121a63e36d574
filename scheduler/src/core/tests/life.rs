//! The life of workers, from the store to their end, and of the framework.

use super::*;

#[test]
fn a_worker_is_in_the_store_before_its_launch_is_sent() {
    let mut harness = Harness::subscribed(1);
    harness.hold_stores = true;
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 4)]));
    assert!(launches(&asked).is_empty());
    let asked = harness.release_stores();
    assert_eq!(launches(&asked).len(), 1);
    assert!(harness.state.workers.contains_key(&launches(&asked)[0].worker));
}

#[test]
fn a_status_is_acknowledged_only_after_its_effect_is_stored() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    harness.hold_stores = true;
    let acknowledged = |o: &Output| matches!(o, Output::Acknowledge { .. });
    let asked = harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!has(&asked, acknowledged));
    assert!(has(&harness.release_stores(), acknowledged));
}

#[test]
fn a_status_without_uuid_is_not_acknowledged() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    let answer = v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskRunning) };
    assert!(!has(&harness.feed(Input::Status(Box::new(answer))), |o| matches!(
        o,
        Output::Acknowledge { .. }
    )));
}

#[test]
fn a_task_that_the_store_does_not_know_is_killed_on_sight() {
    let mut harness = Harness::subscribed(0);
    let stranger = WorkerId::from("stranger");
    assert_eq!(
        kills(&harness.feed(Input::Status(boxed(&stranger, TaskState::TaskRunning)))),
        slice::from_ref(&stranger)
    );
    let asked = harness.feed(Input::Status(boxed(&stranger, TaskState::TaskFailed)));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
}

#[test]
fn recovered_workers_are_kept_and_asked_about_and_the_next_id_is_new() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let mut again = Harness::new(harness.state.clone());
    again.feed(Input::Target(2));
    let asked = again.feed(Input::Subscribed("F".to_owned()));
    let explicit = |o: &Output| matches!(o, Output::Reconcile(tasks) if tasks.iter().any(|(w, _)| *w == worker));
    assert!(has(&asked, explicit));
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    let new = again.launch_on("B", 5);
    assert_eq!(new.len(), 1);
    assert_ne!(new[0], worker);
}

#[test]
fn reconciliation_repeats_ever_more_slowly_until_every_worker_is_answered() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Disconnected);
    harness.feed(Input::Subscribed("F".to_owned()));
    let asks = |o: &Output| matches!(o, Output::Reconcile(tasks) if !tasks.is_empty());
    let rounds = (0..100).filter(|_| has(&harness.wait(1), asks)).count();
    assert_eq!(rounds, 4, "after 5, 15, 35 and 75 s, or somewhat sooner");
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&worker, TaskState::TaskRunning)
    })));
    assert_eq!((0..120).filter(|_| has(&harness.wait(1), asks)).count(), 0);
}

#[test]
fn a_launch_without_any_status_is_asked_about_and_replaced_when_mesos_does_not_know_it() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    let asked = harness.wait(30);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks[0].0 == worker)));
    let asked = harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&worker, TaskState::TaskUnknown)
    })));
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    assert!(!harness.state.workers.contains_key(&worker));
}

#[test]
fn a_worker_whose_executor_falls_silent_is_replaced_and_this_counts_against_its_agent() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&harness.wait(299)).is_empty());
    let asked = harness.wait(1);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    let [suspicion] = &harness.core.suspicions()[..] else {
        panic!("{:?}", harness.core.suspicions())
    };
    assert_eq!(
        (suspicion.agent.as_str(), suspicion.last.to_string().as_str()),
        ("A", "its executor has not reported for 300 s")
    );
}

#[test]
fn a_launch_on_an_invalid_offer_counts_against_no_agent() {
    let mut harness = Harness::subscribed(1);
    for _ in 0..9 {
        let worker = harness.launch_on("A", 1).pop().expect("there is no wait");
        let reason = Some(v1::task_status::Reason::InvalidOffers.into());
        let dropped =
            v1::TaskStatus { reason, uuid: None, ..status(&worker, TaskState::TaskDropped) };
        harness.feed(Input::Status(Box::new(dropped)));
    }
    assert!(harness.core.suspicions().is_empty());
}

#[test]
fn an_agent_that_cannot_enforce_a_limit_is_tried_once_while_others_are_used() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    let message = Some("CPU limits can only be set on …".to_owned());
    let refused = v1::TaskStatus { message, uuid: None, ..status(&worker, TaskState::TaskDropped) };
    harness.feed(Input::Status(Box::new(refused)));
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 1)]));
    assert!(launches(&asked).is_empty());
    let reported = Notice::Starved(
        "1 offer declined: the agent cannot enforce the configured limits".to_owned(),
    );
    assert!(
        has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == reported)),
        "{asked:?}"
    );
    assert_eq!(harness.launch_on("B", 1).len(), 1);
}

#[test]
fn a_worker_that_does_not_register_is_replaced() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    assert!(kills(&harness.wait(100_000)).is_empty(), "there is no JobManager yet");
    harness.feed(Input::JobManager(true));
    let asked = harness.wait(300);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
}

#[test]
fn a_registered_worker_is_left_alone() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let asked = harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    assert!(has(&asked, |o| matches!(o, Output::Notice(Notice::Registered(w)) if *w == worker)));
    assert!(kills(&harness.wait(100_000)).is_empty());
}

#[test]
fn a_worker_that_the_jobmanager_has_lost_has_as_long_again_to_register() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::JobManager(true));
    harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    harness.wait(1000);
    harness.feed(Input::Registered(BTreeSet::new()));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), [worker]);
}

#[test]
fn workers_need_not_register_while_the_jobmanager_is_down() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::JobManager(true));
    harness.wait(200);
    harness.feed(Input::JobManager(false));
    assert!(kills(&harness.wait(1000)).is_empty());
    harness.feed(Input::JobManager(true));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), [worker]);
}

#[test]
fn a_worker_that_does_not_register_with_the_next_jobmanager_is_replaced() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::JobManager(true));
    harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    harness.feed(Input::JobManager(false));
    harness.feed(Input::JobManager(true));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), [worker]);
}

#[test]
fn a_worker_that_mesos_no_longer_mentions_is_asked_about_within_a_quarter_of_an_hour() {
    let mut harness = Harness::subscribed(2);
    let (one, other) = (harness.running("A"), harness.running("B"));
    harness.feed(Input::Registered(BTreeSet::from([one.clone(), other.clone()])));
    assert!(has(&harness.wait(900), |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&one, TaskState::TaskRunning)
    })));
    let asked = harness.wait(5);
    assert!(has(
        &asked,
        |o| matches!(o, Output::Reconcile(tasks) if tasks.len() == 1 && tasks[0].0 == other)
    ));
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&other, TaskState::TaskGone)
    })));
    assert!(!harness.state.workers.contains_key(&other));
}

#[test]
fn a_framework_is_forgotten_only_when_mesos_has_removed_it() {
    let mut harness = Harness::subscribed(0);
    harness.feed(Input::Disconnected);
    assert!(!has(&harness.feed(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
    assert_eq!(harness.state.framework.as_deref(), Some("F"));
    harness.feed(Input::Disconnected);
    assert!(has(&harness.feed(Input::Subscribed("F".to_owned())), |o| matches!(
        o,
        Output::Teardown
    )));
    assert!(has(&harness.feed(Input::TornDown), |o| matches!(o, Output::Stopped)));
}

#[test]
fn a_kill_is_repeated_until_the_task_has_ended() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    assert_eq!(kills(&harness.feed(Input::Target(0))), slice::from_ref(&worker));
    assert_eq!(kills(&harness.wait(10)), slice::from_ref(&worker));
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(kills(&harness.wait(10)).is_empty());
}

#[test]
fn the_youngest_workers_go_first_when_fewer_are_wanted() {
    let mut harness = Harness::subscribed(2);
    let old = harness.running("A");
    harness.wait(1);
    let young = harness.running("B");
    assert_eq!(kills(&harness.feed(Input::Target(1))), [young]);
    assert!(harness.core.workers()[&old].counts());
}

#[test]
fn workers_that_keep_failing_are_launched_ever_more_slowly() {
    let mut harness = Harness::subscribed(1);
    for _ in 0..2 {
        let worker = harness.launch_on("A", 1).pop().unwrap();
        harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    }
    assert!(harness.launch_on("A", 1).is_empty());
    assert!(has(&harness.wait(1), |o| matches!(o, Output::Revive)));
    assert_eq!(harness.launch_on("A", 1).len(), 1);
}

#[test]
fn a_removed_framework_is_forgotten_and_everything_starts_over() {
    let mut harness = Harness::subscribed(1);
    harness.running("A");
    harness.feed(Input::FrameworkRemoved);
    assert_eq!((harness.state.framework.as_deref(), harness.state.workers.len()), (None, 0));
    harness.feed(Input::Subscribed("G".to_owned()));
    assert_eq!(harness.state.framework.as_deref(), Some("G"));
    assert_eq!(harness.launch_on("A", 1).len(), 1);
}

#[test]
fn stopping_kills_every_worker_and_then_tears_down() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let asked = harness.feed(Input::Stop);
    assert_eq!(kills(&asked), slice::from_ref(&worker));
    assert!(!has(&asked, |o| matches!(o, Output::Teardown)));
    let asked = harness.feed(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
}

#[test]
fn stopping_does_not_wait_for_an_unreachable_worker_and_forgets_it_with_the_framework() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    let asked = harness.feed(Input::Stop);
    assert!(
        has(&asked, |o| matches!(o, Output::Teardown))
            && !has(&asked, |o| matches!(o, Output::Stopped))
    );
    assert!(has(&harness.feed(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!((harness.state.framework.as_deref(), harness.state.workers.len()), (None, 0));
}

#[test]
fn a_worker_that_does_not_obey_is_reminded_and_then_its_executor_is_ended_by_force() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Target(0));
    let shut_down = |o: &Output| matches!(o, Output::Shutdown { worker: which, agent } if *which == worker && agent == "A");
    for waited in [10, 20] {
        let asked = harness.wait(10);
        assert!(kills(&asked) == [worker.clone()] && !has(&asked, shut_down), "after {waited} s");
    }
    let asked = harness.wait(10);
    assert!(has(&asked, shut_down));
    let reported = |o: &Output| matches!(o, Output::Notice(Notice::Killing(_, why)) if why.to_string().contains("has not stopped within 30 s"));
    assert!(has(&asked, reported), "{asked:?}");
    let asked = harness.wait(10);
    assert!(has(&asked, shut_down) && !has(&asked, reported), "said once");
    // The worker may have missed the kill while it was unreachable, so the count starts again.
    harness.feed(Input::Disconnected);
    assert!(!has(&harness.feed(Input::Subscribed("F".to_owned())), shut_down));
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    assert!(
        harness.core.workers().is_empty() && harness.core.suspicions().is_empty(),
        "it counts against no agent"
    );
}

#[test]
fn a_worker_has_its_whole_grace_period_before_it_is_ended_by_force() {
    let mut harness = Harness::subscribed(1);
    harness.core.settings.patience.obey = Duration::from_secs(600);
    harness.running("A");
    harness.feed(Input::Target(0));
    for waited in (10..600).step_by(10) {
        assert!(
            !has(&harness.wait(10), |o| matches!(o, Output::Shutdown { .. })),
            "after {waited} s"
        );
    }
    harness.wait(10);
    assert!(has(&harness.wait(10), |o| matches!(o, Output::Shutdown { .. })));
}

#[test]
fn an_unknown_task_that_does_not_obey_is_ended_by_force() {
    let mut harness = Harness::subscribed(0);
    let stranger = WorkerId::from("stranger");
    let seen = |harness: &mut Harness| {
        harness.feed(Input::Status(boxed(&stranger, TaskState::TaskRunning)))
    };
    assert!(!has(&seen(&mut harness), |o| matches!(o, Output::Shutdown { .. })));
    harness.wait(14);
    assert!(
        !has(&seen(&mut harness), |o| matches!(o, Output::Shutdown { .. })),
        "it may be ending"
    );
    harness.wait(1);
    assert!(has(
        &seen(&mut harness),
        |o| matches!(o, Output::Shutdown { agent, .. } if agent == "A")
    ));
}

#[test]
fn a_framework_that_registers_while_the_program_ends_is_torn_down() {
    let mut harness = Harness::new(State::fresh("e".to_owned()));
    harness.hold_stores = true;
    assert!(!has(&harness.feed(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert!(
        !has(&asked, |o| matches!(o, Output::Teardown | Output::Stopped)),
        "not before it is in the store"
    );
    let asked = harness.release_stores();
    assert!(
        has(&asked, |o| matches!(o, Output::Teardown))
            && !has(&asked, |o| matches!(o, Output::Stopped))
    );
    assert!(has(&harness.feed(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!(harness.state.framework, None);
}

#[test]
fn no_number_in_a_state_stops_the_program_or_duplicates_an_id() {
    for number in [0, 1, u64::MAX - 1, u64::MAX] {
        let state =
            State { next_number: number, generation: u64::MAX, ..State::fresh("e".to_owned()) };
        let mut harness = Harness::new(state);
        harness.feed(Input::Subscribed("F".to_owned()));
        harness.feed(Input::Target(usize::MAX));
        harness.feed(Input::Restart(Move { surge: usize::MAX, max_unavailable: usize::MAX }));
        let launched = [harness.launch_on("A", 3), harness.launch_on("B", 3)].concat();
        let distinct: BTreeSet<_> = launched.iter().collect();
        assert_eq!((launched.len(), distinct.len()), (6, 6), "{number}");
    }
}

fn origin(flink: &str, job_manager: &str) -> Arc<Origin> {
    Arc::new(Origin {
        flink: flink.to_owned(),
        job_manager: job_manager.to_owned(),
        ..Origin::default()
    })
}

#[test]
fn only_workers_that_were_taken_over_and_cannot_register_are_replaced_at_once() {
    let record = |number: u64, origin: Option<Arc<Origin>>| WorkerRecord {
        id: WorkerId::new("e", number),
        running: true,
        origin,
        ..WorkerRecord::default()
    };
    let workers = [
        record(1, Some(origin("1.20.5", "h:6123"))),
        record(2, Some(origin("1.20.5", "h:7000"))),
        record(3, Some(origin("2.3.0", "h:6123"))),
        record(4, None),
    ];
    let workers = workers.into_iter().map(|record| (record.id.clone(), record)).collect();
    let state = State {
        framework: Some("F".to_owned()),
        next_number: 5,
        workers,
        ..State::fresh("e".to_owned())
    };
    let mut harness = Harness::new(state.clone());
    harness.core.settings.origin = origin("1.20.5", "h:6123");
    assert!(kills(&harness.feed(Input::Target(4))).is_empty(), "Mesos does not hear it yet");
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(kills(&asked), [WorkerId::new("e", 2), WorkerId::new("e", 3)]);
    let reported = |text: &str| {
        has(
            &asked,
            |o| matches!(o, Output::Notice(Notice::Killing(_, why)) if why.to_string() == text),
        )
    };
    assert!(reported("it looks for the JobManager at h:7000, which is at h:6123"), "{asked:?}");
    assert!(reported("it runs Flink 2.3.0, and the JobManager is Flink 1.20.5"), "{asked:?}");
    // A worker launched now has the current origin.
    let new = harness.launch_on("A", 2);
    assert_eq!(harness.state.workers[&new[0]].origin, Some(origin("1.20.5", "h:6123")));
}

#[test]
fn extra_workers_at_a_takeover_are_killed_once_mesos_is_connected() {
    let record =
        WorkerRecord { id: WorkerId::new("e", 1), running: true, ..WorkerRecord::default() };
    let workers = [(record.id.clone(), record)].into();
    let state = State { framework: Some("F".to_owned()), workers, ..State::fresh("e".to_owned()) };
    let mut harness = Harness::new(state);
    assert!(kills(&harness.feed(Input::Target(0))).is_empty());
    assert_eq!(kills(&harness.feed(Input::Subscribed("F".to_owned()))), [WorkerId::new("e", 1)]);
}

#[test]
fn a_frameworks_user_and_principal_are_stored_until_mesos_no_longer_knows_it() {
    let registered = |user: &str| Registration { user: Some(user.to_owned()), principal: None };
    let mut harness = Harness::new(State::fresh("e".to_owned()));
    harness.core.settings.registration = registered("alice");
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(harness.state.registration, Some(registered("alice")));
    // Mesos ignores another user, so the state does too.
    let mut harness = Harness::new(harness.state);
    harness.core.settings.registration =
        Registration { principal: Some("p".to_owned()), ..registered("bob") };
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(
        harness.state.registration,
        Some(Registration { principal: Some("p".to_owned()), ..registered("alice") }),
        "another principal would have been refused"
    );
    harness.feed(Input::FrameworkRemoved);
    assert_eq!(harness.state.registration, None);
    harness.feed(Input::Subscribed("G".to_owned()));
    assert_eq!(
        harness.state.registration.as_ref().and_then(|known| known.user.as_deref()),
        Some("bob")
    );
}

#[test]
fn the_user_of_a_framework_from_an_older_state_is_unknown() {
    let state = State { framework: Some("F".to_owned()), ..State::fresh("e".to_owned()) };
    let mut harness = Harness::new(state);
    harness.core.settings.registration =
        Registration { user: Some("bob".to_owned()), principal: Some("p".to_owned()) };
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(
        harness.state.registration,
        Some(Registration { user: None, principal: Some("p".to_owned()) })
    );
}

#[test]
fn used_up_worker_numbers_start_again_under_another_epoch_which_is_reported() {
    let mut harness = Harness::subscribed(4);
    harness.core.next_number = u64::MAX - 2;
    let launched = harness.launch_on("A", 4);
    let before = [u64::MAX - 2, u64::MAX - 1].map(|number| WorkerId::new("e", number));
    assert_eq!(launched[..2], before);
    let reported = harness.outputs.iter().find_map(|output| match output {
        Output::Notice(Notice::NewEpoch(epoch)) => Some(epoch.clone()),
        _ => None,
    });
    let epoch = reported.unwrap();
    assert_ne!(epoch, "e");
    assert_eq!(launched[2..], [1, 2].map(|number| WorkerId::new(&epoch, number)));
    assert_eq!(harness.state.next_number, 3);
}

#[test]
fn a_worker_with_other_jars_than_the_job_manager_is_replaced_and_other_different_files_are_reported()
 {
    let of = |distribution: Option<&str>, manifest: Option<&str>| {
        let (distribution, manifest) =
            (distribution.map(str::to_owned), manifest.map(str::to_owned));
        Arc::new(Origin { distribution, manifest, ..Origin::default() })
    };
    let record = |number: u64, origin: Arc<Origin>| WorkerRecord {
        id: WorkerId::new("e", number),
        running: true,
        origin: Some(origin),
        ..WorkerRecord::default()
    };
    let workers = [
        record(1, of(Some("jars"), Some("tree"))),
        record(2, of(Some("jars"), Some("another tree"))),
        record(3, of(Some("other jars"), Some("a third tree"))),
        record(4, of(None, None)),
    ];
    let workers = workers.into_iter().map(|record| (record.id.clone(), record)).collect();
    let state = State {
        framework: Some("F".to_owned()),
        next_number: 5,
        workers,
        ..State::fresh("e".to_owned())
    };
    let mut harness = Harness::new(state);
    harness.core.settings.origin = of(Some("jars"), Some("tree"));
    harness.feed(Input::Target(4));
    let others =
        |asked: &[Output]| has(asked, |o| matches!(o, Output::Notice(Notice::OtherFiles(1))));
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(kills(&asked), [WorkerId::new("e", 3)]);
    assert!(others(&asked), "{asked:?}");
    harness.feed(Input::Disconnected);
    assert!(!others(&harness.feed(Input::Subscribed("F".to_owned()))), "it was said");
}
