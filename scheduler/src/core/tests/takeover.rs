//! Workers and numbers of an earlier application master.

use super::*;

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
    let origin_now = origin("1.20.5", "h:6123");
    let mut harness = Harness::with(state, Settings { origin: origin_now, ..settings("") });
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
fn a_worker_that_was_taken_over_is_replaced_if_only_it_or_the_job_manager_speaks_tls() {
    let speaks = |tls: Option<bool>| Origin { tls, ..Origin::default() };
    let [yes, no, unknown] = [Some(true), Some(false), None].map(speaks);
    let why = |before: &Origin, now: &Origin| before.misfit(now).map(|why| why.to_string());
    let requires = "it speaks no TLS, which the JobManager requires";
    assert_eq!(why(&no, &yes).as_deref(), Some(requires));
    assert_eq!(why(&yes, &no).as_deref(), Some("it speaks TLS, which the JobManager does not"));
    for (before, now) in [(&yes, &yes), (&no, &no), (&unknown, &yes), (&unknown, &no)] {
        assert_eq!(before.misfit(now), None);
    }
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
    let origin = of(Some("jars"), Some("tree"));
    let mut harness = Harness::with(state, Settings { origin, ..settings("") });
    harness.feed(Input::Target(4));
    let others =
        |asked: &[Output]| has(asked, |o| matches!(o, Output::Notice(Notice::OtherFiles(1))));
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(kills(&asked), [WorkerId::new("e", 3)]);
    assert!(others(&asked), "{asked:?}");
    harness.feed(Input::Disconnected);
    assert!(!others(&harness.feed(Input::Subscribed("F".to_owned()))), "it was said");
}
