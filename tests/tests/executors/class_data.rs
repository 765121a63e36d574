//! Class-data sharing with the real Mesos, Flink and JVM: the archive that a host's first
//! TaskManager leaves to later ones.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use fetcher_client::{Cache, CacheOptions};
use fetcher_formats::Digest;
use mesos::v1::TaskState;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use overlays::worker::Entry;
use tempfile::TempDir;
use tests::{
    RealMesosOptions,
    rig::{
        Rig,
        artifacts::Artifacts,
        job_manager::{self, JobManager, PATIENCE},
    },
    wait_until,
};

/// For JVMs that end before optimised code would pay off.
const QUICK: (&str, &str) = ("env.java.opts.all", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC");

struct Scene {
    rig: Rig,
    job_manager: JobManager,
}

impl Scene {
    async fn new() -> Self {
        Self::with_java(job_manager::java_home()).await
    }

    /// A scene whose TaskManagers use this java.
    async fn with_java(home: PathBuf) -> Self {
        let artifacts = Artifacts::of_files(job_manager::distribution(), home).await;
        let rig = Rig::start_on(RealMesosOptions::default(), artifacts).await;
        Self { rig, job_manager: JobManager::start().await }
    }

    /// Starts a TaskManager, waits until it has registered, and returns its process id.
    async fn registered(&self, id: &str, more: &[(&str, &str)]) -> i32 {
        let mut worker = self.rig.description(id);
        worker.configuration.clone_from(&self.job_manager.configuration);
        worker.configuration.extend(
            [QUICK]
                .iter()
                .chain(more)
                .map(|(key, value)| Entry { key: (*key).into(), value: (*value).into() }),
        );
        self.rig.launch(vec![worker]).await;
        self.rig.update(id, TaskState::TaskRunning).await;
        self.job_manager.registered(id).await;
        let below = self.rig.mesos.below_agents();
        below.into_iter().find(|pid| is_task_manager(*pid, id)).expect("a TaskManager")
    }

    async fn end(&self, id: &str) {
        self.rig.kill(id).await;
        self.rig.update(id, TaskState::TaskKilled).await;
    }

    fn class_data(&self) -> PathBuf {
        self.rig.cache().join("class-data")
    }

    /// The archive in use.
    fn archive(&self) -> Option<PathBuf> {
        let entries = fs_err::read_dir(self.class_data())
            .ok()?
            .filter_map(Result::ok)
            .map(|entry| entry.path());
        entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "jsa"))
    }

    /// Replaces the archive of the same JVM and class path, with all its metadata.
    fn put_in_its_place(&self, archive: &Path, content: &[u8]) {
        let key: Digest = archive.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        fs_err::remove_file(archive).unwrap();
        fs_err::remove_file(archive.with_extension("json")).unwrap();
        let cache = Cache::open(CacheOptions { path: self.rig.cache(), budget: 20 << 30 }).unwrap();
        let making = cache.make_class_data(&key).unwrap().unwrap();
        fs_err::write(making.archive(), content).unwrap();
        assert_eq!(making.finish().unwrap(), archive);
    }

    async fn archive_is_made(&self) -> PathBuf {
        wait_until("an archive is made", PATIENCE, async || {
            let refused = fs_err::read_dir(self.class_data())
                .ok()?
                .filter_map(Result::ok)
                .map(|entry| entry.path());
            let mut refused =
                refused.filter(|path| path.extension().is_some_and(|end| end == "refused"));
            let why = refused.next().map(|path| fs_err::read_to_string(path).unwrap());
            assert_eq!(why, None, "no archive can be made");
            self.archive()
        })
        .await
    }
}

fn command_line(pid: i32) -> String {
    String::from_utf8_lossy(&fs_err::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
        .into_owned()
}

fn is_task_manager(pid: i32, id: &str) -> bool {
    let command = command_line(pid);
    // Excludes the JVM that makes an archive, whose configuration is elsewhere.
    command.contains("TaskManagerRunner")
        && command.contains(&format!("/executors/{id}/"))
        && !command.contains("AtExit")
}

/// Whether a process has mapped a file into its memory.
fn has_mapped(pid: i32, file: &Path) -> bool {
    fs_err::read_to_string(format!("/proc/{pid}/maps"))
        .unwrap()
        .contains(&file.display().to_string())
}

/// The options that the JVM reports it was started with.
fn flags(pid: i32) -> String {
    let jcmd = job_manager::java_home().join("bin/jcmd");
    let output =
        std::process::Command::new(jcmd).args([&pid.to_string(), "VM.flags"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn the_first_task_manager_leaves_an_archive_that_the_next_ones_start_with_unless_it_is_broken()
 {
    let scene = Scene::new().await;
    let first = scene.registered("first", &[]).await;
    let archive = scene.archive_is_made().await;
    assert!(!has_mapped(first, &archive));
    assert!(Path::new(&format!("/proc/{first}")).exists(), "the first one was left in peace");
    scene.end("first").await;

    let second = scene.registered("second", &[]).await;
    assert!(has_mapped(second, &archive), "{}", flags(second));
    assert!(
        flags(second).contains(&format!("-XX:SharedArchiveFile={}", archive.display())),
        "{}",
        flags(second)
    );
    // With a user's own setting.
    let off = scene.registered("off", &[("env.java.opts.taskmanager", "-Xshare:off")]).await;
    assert!(
        !has_mapped(off, &archive) && !flags(off).contains("SharedArchiveFile"),
        "{}",
        flags(off)
    );
    scene.end("off").await;
    scene.end("second").await;

    // Its content has changed since it was written: no JVM may get to see it.
    fs_err::remove_file(&archive).unwrap();
    fs_err::write(&archive, "something else").unwrap();
    fs_err::set_permissions(&archive, std::fs::Permissions::from_mode(0o444)).unwrap();
    let third = scene.registered("third", &[]).await;
    assert!(!flags(third).contains("SharedArchiveFile"), "{}", flags(third));
    assert!(
        !archive.exists()
            && scene.rig.cache().join("quarantine").join(archive.file_name().unwrap()).exists()
    );
    scene.end("third").await;
    let ids = ["first", "second", "off", "third"].map(str::to_owned);
    scene.rig.until_nothing_is_left(&ids).await;
}

/// A Java like this one whose JVM dies with an archive: a TaskManager that uses one ends with
/// SIGSEGV and without output.
fn java_that_dies_with_an_archive(home: &Path) -> TempDir {
    let stand_in = TempDir::new().unwrap();
    let link = |from: &Path, name: &str| {
        fs_err::os::unix::fs::symlink(from.join(name), stand_in.path().join(name))
    };
    for entry in fs_err::read_dir(home).unwrap().flatten() {
        if entry.file_name() != "bin" {
            link(home, entry.file_name().to_str().unwrap()).unwrap();
        }
    }
    fs_err::create_dir(stand_in.path().join("bin")).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *-XX:SharedArchiveFile=*TaskManagerRunner*) kill -SEGV $$;; esac\nexec {} \"$@\"\n",
        home.join("bin/java").display()
    );
    let java = stand_in.path().join("bin/java");
    fs_err::write(&java, script).unwrap();
    fs_err::set_permissions(&java, std::fs::Permissions::from_mode(0o755)).unwrap();
    stand_in
}

/// An archive that the cache trusts, because nothing has shown its defect yet.
#[tokio::test]
async fn a_task_manager_whose_jvm_dies_with_its_archive_is_started_once_more_without_it() {
    let java = java_that_dies_with_an_archive(&job_manager::java_home());
    let scene = Scene::with_java(java.path().to_owned()).await;
    scene.registered("first", &[]).await;
    let archive = scene.archive_is_made().await;
    scene.end("first").await;

    let second = scene.registered("second", &[]).await;
    assert!(!flags(second).contains("SharedArchiveFile"), "{}", flags(second));
    let reported = scene.rig.updates("second");
    let starts =
        reported.iter().filter(|status| status.message().contains("runs as process")).count();
    assert_eq!(starts, 2, "{reported:?}");
    assert!(
        !archive.exists()
            && scene.rig.cache().join("quarantine").join(archive.file_name().unwrap()).exists()
    );
    scene.end("second").await;
    scene.rig.until_nothing_is_left(&["first", "second"].map(str::to_owned)).await;
}

/// An archive with the right digest, but of no existing JVM.
#[tokio::test]
async fn an_archive_that_jvms_reject_is_removed_and_made_again() {
    let scene = Scene::new().await;
    scene.registered("first", &[]).await;
    let archive = scene.archive_is_made().await;
    scene.end("first").await;
    scene.put_in_its_place(&archive, &vec![7; 1 << 20]);
    // A recent one would be made no better the next time.
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(48 * 3600);
    let file = fs_err::File::open(&archive).unwrap().into_parts().0;
    file.set_modified(long_ago).unwrap();

    let second = scene.registered("second", &[]).await;
    assert!(
        flags(second).contains(&format!("-XX:SharedArchiveFile={}", archive.display())),
        "{}",
        flags(second)
    );
    wait_until("it is removed", PATIENCE, async || (!archive.exists()).then_some(())).await;
    scene.end("second").await;
    scene.registered("third", &[]).await;
    assert_eq!(scene.archive_is_made().await, archive);
    scene.end("third").await;
    scene.rig.until_nothing_is_left(&["first", "second", "third"].map(str::to_owned)).await;
}

#[tokio::test]
async fn an_executor_that_is_killed_while_an_archive_is_made_does_not_keep_the_next_one_from_making_it()
 {
    let scene = Scene::new().await;
    scene.registered("first", &[]).await;
    wait_until("a JVM makes an archive", PATIENCE, async || {
        scene
            .rig
            .mesos
            .below_agents()
            .into_iter()
            .find(|pid| command_line(*pid).contains("ArchiveClassesAtExit"))
    })
    .await;
    kill(Pid::from_raw(scene.rig.executors()[0]), Signal::SIGKILL).unwrap();
    scene.rig.update("first", TaskState::TaskFailed).await;
    scene.rig.until_nothing_is_left(&["first".to_owned()]).await;
    assert_eq!(scene.archive(), None);

    scene.registered("second", &[]).await;
    scene.archive_is_made().await;
    scene.end("second").await;
    scene.rig.until_nothing_is_left(&["second".to_owned()]).await;
}

/// The home of a Java newer than 17, if this machine has one.
fn newer_java() -> Option<PathBuf> {
    let homes =
        fs_err::read_dir("/usr/lib/jvm").ok()?.filter_map(Result::ok).map(|entry| entry.path());
    homes.into_iter().find(|home| {
        let release = fs_err::read_to_string(home.join("release")).unwrap_or_default();
        let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""));
        let major =
            version.and_then(|version| version.split(['.', '"']).next()?.parse::<u32>().ok());
        major.is_some_and(|major| major >= 21) && home.join("lib/server/classes.jsa").is_file()
    })
}

#[tokio::test]
async fn a_java_newer_than_17_starts_with_its_own_archive() {
    let Some(java) = newer_java() else {
        let why = "\nSKIPPED: there is no Java 21 or newer in /usr/lib/jvm\n";
        return std::io::stderr().write_all(why.as_bytes()).unwrap();
    };
    let scene = Scene::with_java(java).await;
    scene.registered("first", &[]).await;
    let archive = scene.archive_is_made().await;
    scene.end("first").await;
    let second = scene.registered("second", &[]).await;
    assert!(
        has_mapped(second, &archive),
        "{}",
        fs_err::read_to_string(format!("/proc/{second}/cmdline")).unwrap()
    );
    scene.end("second").await;
    scene.rig.until_nothing_is_left(&["first", "second"].map(str::to_owned)).await;
}
