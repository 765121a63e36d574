#![allow(clippy::unwrap_used)]

use std::{
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    sync::Arc,
};

use nix::sys::stat::{Mode, umask};
use tempfile::TempDir;

use super::*;
use crate::{
    NeedsAPerson as _,
    core::{
        constraint::{Field, Values},
        ids::{Moment, WorkerId},
        origin::Origin,
        state::{AgentProfile, Move, Registration, WorkerRecord},
    },
    store::fresh_epoch,
};

fn record(number: u64) -> WorkerRecord {
    let values = Values::from_iter([(Field::Zone, "z".into())]);
    WorkerRecord {
        id: WorkerId::new("e", number),
        place: Arc::new(AgentProfile {
            agent: "A".to_owned(),
            hostname: "host".to_owned(),
            values,
        }),
        launched: Moment(5),
        running: true,
        released: false,
        generation: 2,
        origin: (number > 1).then(|| {
            Arc::new(Origin {
                flink: "1.20.5".to_owned(),
                job_manager: "h:6123".to_owned(),
                tls: Some(true),
                distribution: Some("d".to_owned()),
                manifest: Some("m".to_owned()),
            })
        }),
    }
}

fn worker(number: u64) -> Change {
    Change::Worker(record(number))
}

/// A directory with two generations of state: the second has one more worker.
async fn two_generations() -> (TempDir, State, State) {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = FileStore::open(directory.path()).await.unwrap();
    store
        .write(vec![Change::Framework(Some("F".to_owned())), Change::NextNumber(2), worker(1)])
        .await
        .unwrap();
    let first = store.state.clone();
    store.write(vec![Change::NextNumber(3), worker(2)]).await.unwrap();
    let second = store.state.clone();
    (directory, first, second)
}

async fn reopen(directory: &TempDir) -> Result<State, StoreError> {
    FileStore::open(directory.path()).await.map(|(_, state)| state)
}

#[tokio::test]
async fn written_state_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, first) = FileStore::open(directory.path()).await.unwrap();
    let registration =
        Registration { user: Some(String::new()), principal: Some("flink".to_owned()) };
    let changes = vec![
        worker(1),
        worker(2),
        Change::Framework(Some("F".to_owned())),
        Change::Registration(registration.clone()),
        Change::NextNumber(3),
    ];
    store.write(changes).await.unwrap();
    store.write(vec![Change::Forget(WorkerId::new("e", 1))]).await.unwrap();
    drop(store);
    let state = reopen(&directory).await.unwrap();
    assert_eq!((state.framework.as_deref(), state.next_number), (Some("F"), 3));
    assert_eq!(state.registration, Some(registration));
    assert_eq!(FileStore::look(directory.path()).unwrap(), Some(state.clone()));
    assert_eq!(state.workers.into_values().collect::<Vec<_>>(), [record(2)]);
    assert_eq!(state.epoch, first.epoch);
}

#[tokio::test(start_paused = true)]
async fn a_second_application_master_is_refused_and_a_lock_released_within_two_seconds_is_waited_for()
 {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = FileStore::open(directory.path()).await.unwrap();
    assert!(matches!(FileStore::open(directory.path()).await, Err(StoreError::Locked(_))));
    let ((), second) = tokio::join!(
        async {
            sleep(Duration::from_millis(1500)).await;
            drop(first);
        },
        FileStore::open(directory.path())
    );
    second.unwrap();
}

#[tokio::test]
async fn a_state_that_is_truncated_anywhere_is_replaced_by_the_previous_generation() {
    let (directory, first, second) = two_generations().await;
    assert_eq!(reopen(&directory).await.unwrap(), second);
    let path = directory.path().join(STATE);
    let (whole, before) =
        (fs::read(&path).unwrap(), fs::read(directory.path().join(BEFORE)).unwrap());
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(reopen(&directory).await.unwrap(), first, "{length} of {} bytes", whole.len());
        assert_eq!(fs::read(directory.path().join(DAMAGED)).unwrap(), whole[..length]);
        assert_eq!(
            fs::read(directory.path().join(BEFORE)).unwrap(),
            before,
            "it is not replaced by the damaged one"
        );
    }
    // A power failure between the two renames leaves only the previous generation.
    assert_eq!(reopen(&directory).await.unwrap(), first);
}

#[tokio::test]
async fn a_state_without_an_intact_generation_is_refused_and_left_unchanged() {
    let (directory, ..) = two_generations().await;
    for name in [STATE, BEFORE] {
        let path = directory.path().join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    }
    let refused = reopen(&directory).await.unwrap_err().to_string();
    assert!(
        refused.contains("bytes after the first line") && refused.contains("as framework F"),
        "{refused}"
    );
    assert_eq!(FileStore::look(directory.path()).unwrap_err().to_string(), refused);
    assert!(directory.path().join(STATE).exists() && directory.path().join(BEFORE).exists());
    let path = directory.path().join(STATE);
    fs::remove_file(directory.path().join(BEFORE)).unwrap();
    fs::write(&path, b"\xff\xffnonsense").unwrap();
    assert!(matches!(reopen(&directory).await, Err(StoreError::Corrupt { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"\xff\xffnonsense");
}

#[tokio::test]
async fn the_framework_id_outlives_a_lost_state_and_is_deleted_with_its_framework() {
    let (directory, ..) = two_generations().await;
    for name in [STATE, BEFORE] {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    let (mut store, state) = FileStore::open(directory.path()).await.unwrap();
    assert_eq!((state.framework.as_deref(), state.workers.len()), (Some("F"), 0));
    store.write(vec![Change::Framework(None)]).await.unwrap();
    drop(store);
    assert!(!directory.path().join(FRAMEWORK).exists());
    assert_eq!(reopen(&directory).await.unwrap().framework, None);
}

/// Written by the build before files were sealed (7fc61a2). Files in this format must load forever.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-1");

#[tokio::test]
async fn a_state_in_the_previous_format_is_read_and_a_truncated_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(STATE);
    let whole = fs::read(Path::new(FORMAT_1).join(STATE)).unwrap();
    fs::write(&path, &whole).unwrap();
    let state = reopen(&directory).await.unwrap();
    assert_eq!((state.epoch.as_str(), state.next_number, state.generation), ("0badcafe", 8, 2));
    assert_eq!(state.framework.as_deref(), Some("f3b8b3a0-7a3b-4c8e-9d53-9d8a3b1f6a77-0003"));
    assert_eq!((state.restart, state.registration), (Move { surge: 2, max_unavailable: 1 }, None));
    assert_eq!(state.draining, ["host-9".to_owned()].into());
    let workers: Vec<_> =
        state.workers.values().map(|w| (w.id.as_str(), w.running, w.released)).collect();
    let expected = [
        ("taskmanager-0badcafe-00005", true, false),
        ("taskmanager-0badcafe-00006", false, false),
        ("taskmanager-0badcafe-00007", true, true),
    ];
    assert_eq!(workers, expected);
    let place = &state.workers[&WorkerId::new("0badcafe", 5)].place;
    assert_eq!(
        (place.agent.as_str(), place.hostname.as_str(), place.values.iter().count()),
        ("f3b8-S1", "host-1", 2)
    );
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(
            matches!(reopen(&directory).await, Err(StoreError::Corrupt { .. })),
            "{length} bytes are believed"
        );
    }
    // The next write uses the current format, and the old file stays as the previous generation.
    fs::write(&path, &whole).unwrap();
    let (mut store, before) = FileStore::open(directory.path()).await.unwrap();
    store.write(vec![Change::NextNumber(9)]).await.unwrap();
    drop(store);
    assert_eq!(reopen(&directory).await.unwrap(), State { next_number: 9, ..before.clone() });
    fs::remove_file(&path).unwrap();
    assert_eq!(reopen(&directory).await.unwrap(), before);
}

#[tokio::test]
async fn a_state_of_a_later_layout_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let later = record::encode(&State::fresh("e".to_owned()));
    // The first field is the version of the layout.
    let later = [&[8, 9], &later[2..]].concat();
    fs::write(directory.path().join(STATE), checksum::seal(Content::State, &later)).unwrap();
    let refused = reopen(&directory).await.unwrap_err().to_string();
    assert!(refused.contains("layout version 9"), "{refused}");
    fs::write(directory.path().join(STATE), "flink-mesos state 3 0 …\n").unwrap();
    let refused = reopen(&directory).await.unwrap_err().to_string();
    assert!(refused.contains("flink-mesos state 3"), "{refused}");
}

#[tokio::test]
async fn no_id_is_used_twice_after_the_state_was_restored_from_an_older_copy() {
    let (directory, ..) = two_generations().await;
    let copy = fs::read(directory.path().join(BEFORE)).unwrap();
    let next_id = async || {
        let state = reopen(&directory).await.unwrap().led_again(fresh_epoch());
        WorkerId::new(&state.epoch, state.first_number())
    };
    let launched = next_id().await;
    fs::write(directory.path().join(STATE), copy).unwrap();
    let again = next_id().await;
    assert!(again != launched && again != WorkerId::new("e", 2), "{launched} {again}");
}

#[test]
fn nobody_else_can_read_or_write_the_state_whatever_the_umask() {
    let outside = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    // The umask belongs to the whole process, and files of other tests must be private too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for mask in [0o000, 0o022, 0o077] {
        let directory = outside.path().join(format!("{mask:o}/state"));
        let before = umask(Mode::from_bits_truncate(mask));
        let written = runtime.block_on(async {
            let (mut store, _) = FileStore::open(&directory).await?;
            store.write(vec![Change::Framework(Some("F".to_owned()))]).await?;
            store.write(vec![worker(1)]).await
        });
        umask(before);
        written.unwrap();
        assert_eq!(mode(&directory), 0o700);
        for name in [STATE, BEFORE, FRAMEWORK, LOCK] {
            assert_eq!(mode(&directory.join(name)), 0o600, "{name}, umask {mask:o}");
        }
    }
    // A directory that existed before.
    let open = outside.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, std::fs::Permissions::from_mode(0o775)).unwrap();
    runtime.block_on(FileStore::open(&open)).unwrap();
    assert_eq!(mode(&open), 0o755);
}

#[tokio::test]
async fn only_regular_files_of_our_own_are_opened() {
    let (directory, ..) = two_generations().await;
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    let path = directory.path().join(STATE);
    // A link under the name of the next file to write.
    fs_err::os::unix::fs::symlink(elsewhere.path(), directory.path().join("state.new")).unwrap();
    let (mut store, _) = FileStore::open(directory.path()).await.unwrap();
    store.write(vec![worker(7)]).await.unwrap();
    drop(store);
    assert_eq!(fs::read(elsewhere.path()).unwrap(), b"");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    fs::rename(&path, directory.path().join("moved")).unwrap();
    fs_err::os::unix::fs::symlink(directory.path().join("moved"), &path).unwrap();
    assert!(reopen(&directory).await.is_err(), "a link is followed");
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    let refused = reopen(&directory).await.unwrap_err().to_string();
    assert!(refused.contains("not a regular file"), "{refused}");
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
}

#[tokio::test]
async fn a_link_or_a_pipe_in_the_place_of_the_lock_or_the_state_needs_a_person() {
    for name in [LOCK, STATE] {
        let directory = tempfile::tempdir().unwrap();
        let (path, precious) = (directory.path().join(name), directory.path().join("precious"));
        fs_err::os::unix::fs::symlink(&precious, &path).unwrap();
        let mut errors = vec![reopen(&directory).await.unwrap_err()];
        errors.push(FileStore::look(directory.path()).unwrap_err());
        assert!(!precious.exists(), "the link was followed");
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
        errors.push(reopen(&directory).await.unwrap_err());
        for (error, kind) in errors.into_iter().zip(["a link", "a link", "regular file"]) {
            let text = error.to_string();
            assert!(error.needs_a_person() && text.contains(kind), "{text}");
            assert!(text.contains(&path.display().to_string()), "{text}");
        }
    }
}
