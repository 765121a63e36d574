//! Makes what [`tests::class_data`] describes, for each line of Flink that has none yet or whose
//! files have changed.
//!
//! A small cluster runs a job with the options of all tests. Its JVMs, and the one that submits the
//! job, write their archives when they exit.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests work without archives, too")]

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Command, ExitCode},
};

use nix::sys::signal::Signal;
use tests::{
    Line, cache_folder,
    class_data::{Process, archives},
    cluster::{self, FlinkMesos, processes_with},
    endings_jar, flink_home,
};

/// What the archives depend on: the JVM's version, then the jars with their sizes and times.
const FACTS: &str = "facts";

fn main() -> ExitCode {
    let lock = fs_err::File::create(cache_folder().join("class-data.lock")).unwrap().into_parts().0;
    lock.lock().unwrap();
    for line in [Line::V1_18, Line::V1_20, Line::V2] {
        let home = flink_home(line);
        let folder = archives(&home).unwrap();
        if are_valid(&folder) {
            continue;
        }
        eprintln!("class-data: making it for Flink {}", line.version());
        if let Err(missing) = make(line, &home, &folder) {
            eprintln!("class-data: no archive {missing} for {}", home.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn are_valid(folder: &Path) -> bool {
    let recorded = fs_err::read_to_string(folder.join(FACTS)).unwrap_or_default();
    let jars = recorded.lines().skip(1).filter_map(|line| Some(line.split_once('\t')?.0));
    !recorded.is_empty() && facts(jars) == recorded
}

/// Makes the archives of this line. The error is the one that is missing.
fn make(line: Line, home: &Path, folder: &Path) -> Result<(), &'static str> {
    let new = folder.with_extension("new");
    for old in [folder, &new] {
        fs_err::remove_dir_all(old).ok();
    }
    fs_err::create_dir_all(&new).unwrap();
    let at_exit = |process: Process| {
        format!("-XX:ArchiveClassesAtExit={}", new.join(process.archive()).display())
    };
    let options = [Process::JobManager, Process::TaskManager].map(|process| {
        let name = process.archive().trim_end_matches(".jsa");
        format!("-Denv.java.opts.{name}={}", at_exit(process))
    });
    // Long enough to write an archive.
    let grace = "-Dmesos.worker.kill-grace=60 s";
    let mut session = FlinkMesos::start(home, &["local", grace, &options[0], &options[1]]);
    let web = session.ready();
    let jars = class_paths(&new);
    let client = cluster::flink_run(home, &web)
        .env("JVM_ARGS", format!("{} {}", cluster::CLIENT_JVM, at_exit(Process::Client)))
        .args(["-c", "Endings"])
        .arg(endings_jar(line))
        .arg("finish")
        .output()
        .unwrap();
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
    session.signal(Signal::SIGINT);
    assert!(session.end().success(), "{}", session.errors());
    for process in Process::ALL {
        if !new.join(process.archive()).is_file() {
            return Err(process.archive());
        }
    }
    let facts = facts(jars.iter().map(String::as_str));
    fs_err::write(new.join(FACTS), facts).unwrap();
    fs_err::rename(&new, folder).unwrap();
    Ok(())
}

/// The jars on the class paths of the JVMs that will write archives into this folder.
fn class_paths(folder: &Path) -> Vec<String> {
    let mut jars = Vec::new();
    for (_, command) in processes_with(&format!("AtExit={}", folder.display())) {
        // The application master has these options, too.
        let Some((_, class_path)) = command.split_once(" -classpath ") else { continue };
        let class_path = class_path.split_once(' ').map_or(class_path, |(jars, _)| jars);
        jars.extend(class_path.split(':').map(str::to_owned));
    }
    jars
}

#[expect(clippy::disallowed_methods, reason = "asks java for its version and waits for the answer")]
fn facts<'a>(jars: impl Iterator<Item = &'a str>) -> String {
    let version = Command::new("java").arg("-version").output().unwrap().stderr;
    let mut facts = String::from_utf8_lossy(&version).replace('\n', " ");
    for jar in jars {
        let about = fs_err::metadata(jar)
            .map(|about| format!("{} {}.{}", about.len(), about.mtime(), about.mtime_nsec()));
        facts.extend(["\n", jar, "\t", &about.unwrap_or_default()]);
    }
    facts
}
