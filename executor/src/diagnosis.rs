//! Why something failed, as a message that a person can act on.
//!
//! A [`Scene`] is recorded when a TaskManager starts, and read again when it has ended: what the
//! kernel, the JVM and the logs say about its death. `failure` describes why one did not start.
//! Messages are bounded, because they travel in status updates, and masked, because anyone may read
//! those.

mod crash;
mod failure;
mod mask;
mod symptoms;
mod tail;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use flink::exception::{self, Subject};
use mesos::v1::task_status::Reason;
use nix::sys::statvfs::statvfs;
use overlays::worker::Sandbox;

use crate::{
    cgroups::MemoryGroup,
    core::{Blame, Ended, Exit, ExitStatus},
};
pub use mask::Mask;
pub(crate) use mask::token;
use tail::Tail;

/// Longest explanation, in bytes; the end of longer ones is cut off.
const LONGEST: usize = 6000;

/// The files to read, the most informative first. The outputs have what is written before the log
/// is set up and after it is closed.
const FILES: [&str; 3] = ["taskmanager.log", "taskmanager.err", "taskmanager.out"];

/// The most lines of a reason.
const MOST_LINES: usize = 5;

/// Exit code of `-XX:+ExitOnOutOfMemoryError`, which Flink sets; the JVM says why on its standard
/// output.
const OUT_OF_MEMORY: i32 = 3;

const NO_FILE: &str = "this agent has no such file or folder, or the task's user may not use it";

/// Exit code -17 of `Runtime.halt`, called by Flink's handler of uncaught exceptions, see
/// `FatalExitExceptionHandler`.
const FLINK_FATAL: i32 = 239;

const SILENT_END: &str = "it exited without logging why, as a JVM does that has too little memory left for classes: raise \
     taskmanager.memory.jvm-metaspace.size";

/// Free bytes of a disk that counts as full.
const FULL_BELOW: u64 = 64 << 10;

const SIGKILL: i32 = nix::libc::SIGKILL;

/// The sandbox and process of a TaskManager, remembered from its start.
#[derive(Debug)]
pub struct Scene {
    sandbox: Sandbox,
    pid: u32,
    /// Its working directory.
    directory: PathBuf,
    mask: Mask,
    memory: Option<MemoryGroup>,
    /// Out-of-memory kills in the container before it started.
    kills: u64,
}

/// Why a TaskManager died.
struct Cause {
    text: String,
    blame: Blame,
    reason: Option<Reason>,
}

impl Default for Cause {
    fn default() -> Self {
        Self { text: String::new(), blame: Blame::Worker, reason: None }
    }
}

impl Scene {
    /// Records the scene just after the start. Blocking, but short.
    pub fn begin(sandbox: Sandbox, pid: u32, directory: PathBuf, mask: Mask) -> Self {
        let memory = MemoryGroup::own();
        let kills = memory.as_ref().map_or(0, MemoryGroup::kills);
        Self { sandbox, pid, directory, mask, memory, kills }
    }

    /// How the TaskManager ended, and why, in at most five lines: first what can be fixed.
    /// Blocking.
    pub fn explain(&self, ended: Ended) -> Exit {
        let Ended { status, survivors } = ended;
        let Cause { text, blame, reason } = self.cause(status).unwrap_or_default();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let left = crash_files(&self.sandbox.path);
        if !left.is_empty() {
            lines.push(format!("left in the sandbox: {}", left.join(", ")));
        }
        if lines.len() < 2 {
            let quoted = lines.concat();
            let new = self.last_lines().into_iter().filter(|line| !quoted.contains(line.trim()));
            lines.extend(new);
        }
        if lines.is_empty() {
            lines.push("it wrote nothing to log/".to_owned());
        }
        lines.truncate(MOST_LINES);
        Exit {
            status,
            survivors,
            reason,
            blame,
            explanation: cut(&self.mask.apply(&lines.join("\n"))),
        }
    }

    /// The last lines that it wrote, for when no exception says more.
    fn last_lines(&self) -> Vec<String> {
        let [log, err, out] =
            FILES.map(|name| Tail::read(&self.sandbox.log().join(name), MOST_LINES - 1).lines());
        let last = |lines: Vec<String>, most: usize| {
            let from = lines.len().saturating_sub(most);
            lines.into_iter().skip(from)
        };
        if log.is_empty() && err.is_empty() {
            return out;
        }
        let (of_log, of_err) =
            (MOST_LINES - 1 - err.len().min(2), MOST_LINES - 1 - log.len().min(2));
        last(log, of_log).chain(last(err, of_err)).collect()
    }

    /// The cause, looked for from the surest sign to the vaguest.
    fn cause(&self, status: ExitStatus) -> Option<Cause> {
        let ends =
            FILES.map(|name| tail::end_at(&self.sandbox.log().join(name)).unwrap_or_default());
        let seen = self
            .memory_kill(status)
            .or_else(|| self.crash())
            .or_else(|| out_of_memory(status, &ends));
        let seen = seen.or_else(|| exception(&ends)).or_else(|| symptom(&ends));
        seen.or_else(|| self.full_disk(status)).or_else(|| silent_end(status, &ends)).or_else(|| {
            let guess = match status {
                ExitStatus::Signal(SIGKILL) => {
                    "killed by another process, perhaps by the kernel because this agent ran out of memory"
                }
                ExitStatus::Code(143) | ExitStatus::Signal(nix::libc::SIGTERM) => "another process sent it SIGTERM",
                ExitStatus::Code(FLINK_FATAL) => "Flink gave up after an exception that nobody caught",
                _ => return None,
            };
            Some(Cause { text: guess.to_owned(), ..Cause::default() })
        })
    }

    fn memory_kill(&self, status: ExitStatus) -> Option<Cause> {
        let group = self.memory.as_ref()?;
        let was_killed = matches!(status, ExitStatus::Signal(SIGKILL) | ExitStatus::Code(137))
            && group.kills() > self.kills;
        let limit = group.limit().map_or(String::new(), |bytes| format!(" of {} MB", bytes >> 20));
        let text = format!(
            "the kernel killed it, as its container reached its memory limit{limit}: raise \
             taskmanager.memory.jvm-overhead.min (memory that Flink does not account for), or mesos.executor.mem"
        );
        let reason = Some(Reason::ContainerLimitationMemory);
        was_killed.then_some(Cause { text, blame: Blame::Configuration, reason })
    }

    /// A full disk often has no room for the log line that would say so.
    fn full_disk(&self, status: ExitStatus) -> Option<Cause> {
        let disk = statvfs(&self.sandbox.path).ok().filter(|_| status != ExitStatus::Code(0))?;
        let bytes = disk.blocks_available().saturating_mul(disk.fragment_size());
        // Some file systems do not count files.
        let is_full = bytes < FULL_BELOW || (disk.files() > 0 && disk.files_available() == 0);
        let text = format!(
            "no space left in {}: the disk of this agent is full",
            self.sandbox.path.display()
        );
        is_full.then_some(Cause {
            text,
            blame: Blame::Agent,
            reason: Some(Reason::ContainerLimitationDisk),
        })
    }

    fn crash(&self) -> Option<Cause> {
        let crash = crash::of_process(self.pid, &[&self.directory, &self.sandbox.path])?;
        let advice = symptoms::find(&crash.what).map(|(_, symptom)| symptom);
        let meaning = advice.map_or(String::new(), |symptom| format!(" ({})", symptom.advice));
        let text =
            format!("the JVM crashed: {}{meaning}; see {}", crash.what, crash.file.display());
        let blame = advice.map_or(Blame::Worker, |symptom| symptom.blame);
        Some(Cause { text, blame, reason: advice.and_then(|symptom| symptom.reason) })
    }
}

/// A JVM that runs out of memory says which memory on its standard output, and nothing more
/// elsewhere.
fn out_of_memory(status: ExitStatus, [_, _, out]: &[String; 3]) -> Option<Cause> {
    if status != ExitStatus::Code(OUT_OF_MEMORY) {
        return None;
    }
    let line = out.lines().rev().find(|line| line.contains("java.lang.OutOfMemoryError"))?;
    symptom_in(line)
}

/// Flink logs why it exits. With too little metaspace even that can fail: the JVM then exits with
/// code 1, and its log has only routine lines (seen with JDK 17 and Flink 1.20.5).
fn silent_end(status: ExitStatus, [log, err, out]: &[String; 3]) -> Option<Cause> {
    let is_trouble =
        |line: &str| [" ERROR ", "\"ERROR\"", "Exception:"].iter().any(|sign| line.contains(sign));
    let only_warnings = err.lines().all(|line| line.starts_with("WARNING: "));
    let is_silent =
        !log.is_empty() && only_warnings && out.is_empty() && !log.lines().any(is_trouble);
    (status == ExitStatus::Code(1) && is_silent).then(|| Cause {
        text: SILENT_END.to_owned(),
        blame: Blame::Configuration,
        reason: None,
    })
}

/// The exception that ended it, with its causes; before them what it is about and what to do.
fn exception([log, err, _]: &[String; 3]) -> Option<Cause> {
    let (in_log, in_err) = (exception::decisive(log), exception::decisive(err));
    // The end of a thread shows only on the standard error. An exception that Flink handled counts
    // less.
    let chain = match (in_log, in_err) {
        (Some(in_log), Some(in_err)) if in_err.is_fatal() && !in_log.is_fatal() => in_err,
        (in_log, in_err) => in_log.or(in_err)?,
    };
    let text = chain.text();
    let symptom = symptoms::find(&text).map(|(_, symptom)| symptom);
    // Flink handled this exception, and another, known problem ended the process.
    if symptom.is_none() && !chain.is_fatal() && symptoms::find(&format!("{log}\n{err}")).is_some()
    {
        return None;
    }
    let subject = Subject::of(&text);
    let (advice, blame, reason) = match (symptom, &subject) {
        (Some(symptom), _) => (advice(symptom, subject.as_ref()), symptom.blame, symptom.reason),
        (None, Some(Subject::Path(_))) if chain.is_fatal() && is_about_files(&chain) => {
            (NO_FILE, Blame::Agent, None)
        }
        (None, _) => ("", Blame::Worker, None),
    };
    let first = match (&subject, advice) {
        (Some(subject), "") => Some(format!("{subject}: {}", tail::cut(chain.root()))),
        (None, "") => None,
        (Some(subject), advice) => Some(format!("{subject}: {advice}")),
        (None, advice) => Some(advice.to_owned()),
    };
    let mut lines: Vec<String> = first.into_iter().collect();
    let heading = lines.concat();
    lines.extend(
        chain
            .shown()
            .into_iter()
            .filter(|line| !heading.ends_with(line.trim_start_matches("caused by: "))),
    );
    Some(Cause { text: lines.join("\n"), blame, reason })
}

fn is_about_files(chain: &exception::Chain<'_>) -> bool {
    let class = chain.root().split(':').next().unwrap_or_default();
    class.starts_with("java.nio.file.")
        || matches!(class, "java.io.IOException" | "java.io.FileNotFoundException")
}

/// What to do, depending on what is known about the subject.
fn advice(symptom: &symptoms::Symptom, subject: Option<&Subject>) -> &'static str {
    match subject {
        Some(Subject::Port { first, .. }) if symptom.advice == symptoms::PORT_TAKEN => {
            port_advice(*first, first_free_port(), nix::unistd::geteuid().is_root())
        }
        _ => symptom.advice,
    }
}

/// Why a process cannot listen on this port. Ports from `free_from` on are open to all users.
fn port_advice(port: u16, free_from: u16, is_root: bool) -> &'static str {
    if port < free_from && !is_root { symptoms::PORT_FORBIDDEN } else { symptoms::PORT_TAKEN }
}

fn first_free_port() -> u16 {
    let first = fs_err::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    first.ok().and_then(|first| first.trim().parse().ok()).unwrap_or(1024)
}

/// A known symptom, for when there is no exception.
fn symptom([log, err, out]: &[String; 3]) -> Option<Cause> {
    // A JVM that fails to start writes no log.
    let of_jvm = symptom_in(&format!("{err}\n{out}")).filter(|_| log.is_empty());
    of_jvm.or_else(|| [log, err, out].into_iter().find_map(|text| symptom_in(text)))
}

fn symptom_in(text: &str) -> Option<Cause> {
    let (line, symptom) = symptoms::find(text)?;
    let subject = Subject::of(line);
    let advice = advice(symptom, subject.as_ref());
    let before = subject.map_or(String::new(), |subject| format!("{subject}: "));
    let text = format!("{before}{advice}\n{}", tail::cut(line.trim()));
    Some(Cause { text, blame: symptom.blame, reason: symptom.reason })
}

/// Names and sizes of the files that crashes left in a sandbox, the TaskManager's working
/// directory.
pub fn crash_files(sandbox: &Path) -> Vec<String> {
    crash::left_in(sandbox)
}

/// The last lines of a log that report trouble, oldest first and without secrets.
pub fn last_errors(log: &File, lines: usize) -> Vec<String> {
    let text = tail::end_of(log).unwrap_or_default();
    let is_error = |line: &&str| {
        [" WARN ", " ERROR ", "\"WARN\"", "\"ERROR\"", "Exception"]
            .iter()
            .any(|sign| line.contains(sign))
    };
    let mut last: Vec<_> = text.lines().rev().filter(is_error).take(lines).map(tail::cut).collect();
    last.reverse();
    last.iter().map(|line| Mask::default().apply(line)).collect()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: ExitStatus) -> Ended {
        Ended { status, survivors: crate::core::Survivors::default() }
    }

    fn scene(files: &[(&str, &str)]) -> (tempfile::TempDir, Scene) {
        let folder = tempfile::TempDir::new().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        let sandbox = Sandbox { path: folder.path().into() };
        let scene = Scene::begin(sandbox, 7, folder.path().into(), Mask::default());
        (folder, scene)
    }

    fn explanation(status: ExitStatus, files: &[(&str, &str)]) -> String {
        let (_folder, scene) = scene(files);
        scene.explain(ended(status)).explanation
    }

    const DATA_PORT: &str =
        "2026-11-28 23:14:48,503 WARN  o.a.f.c.p.PluginConfig [] - The plugins directory does not exist.
2026-11-28 23:15:03,653 ERROR o.a.f.r.t.TaskManagerRunner [] - Terminating TaskManagerRunner with exit code 1.
org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.
\tat org.apache.flink.runtime.X.y(X.java:1)
Caused by: java.io.IOException: Failed to instantiate network connection manager.
\t... 5 more
Caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777
\t... 5 more
2026-11-28 23:15:04,014 INFO  o.a.p.r.RemoteActorRefProvider [] - Remoting shut down.
";

    const JVM_WARNINGS: &str = "WARNING: A terminally deprecated method in java.lang.System has been called
WARNING: System::setSecurityManager has been called by org.apache.flink.core.security.FlinkSecurityManager
WARNING: Please consider reporting this to the maintainers of org.apache.flink.core.security.FlinkSecurityManager
WARNING: System::setSecurityManager will be removed in a future release
";

    #[test]
    fn the_reason_is_the_exception_with_its_causes_once_and_the_port_comes_first() {
        let files = [("log/taskmanager.log", DATA_PORT), ("log/taskmanager.err", JVM_WARNINGS)];
        let expected = "port 28777: the port is taken by another process on this agent, although Mesos offered it\n\
            org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.\n\
            caused by: java.io.IOException: Failed to instantiate network connection manager.\n\
            caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777";
        assert_eq!(explanation(ExitStatus::Code(1), &files), expected);
    }

    #[test]
    fn the_folder_that_an_exception_names_comes_first() {
        let log = "2026-11-28 23:13:30,159 ERROR o.a.f.r.t.TaskManagerRunner [] - Terminating TaskManagerRunner with exit code 1.\n\
            java.lang.RuntimeException: unable to generate a JAAS configuration file\n\tat a.B.c(D.java:1)\n\
            Caused by: java.nio.file.NoSuchFileException: /proc/not\n\t... 6 more\n";
        let expected = "/proc/not: this agent has no such file or folder, or the task's user may not use it\n\
            java.lang.RuntimeException: unable to generate a JAAS configuration file\n\
            caused by: java.nio.file.NoSuchFileException: /proc/not";
        assert_eq!(explanation(ExitStatus::Code(1), &[("log/taskmanager.log", log)]), expected);
        let (_folder, scene) = scene(&[("log/taskmanager.log", log)]);
        assert_eq!(scene.explain(ended(ExitStatus::Code(1))).blame, Blame::Agent);
    }

    #[test]
    fn a_jvm_that_runs_out_of_memory_says_so_only_on_its_standard_output() {
        let handled = "2026 WARN x [] - java.net.UnknownHostException: later\njava.net.UnknownHostException: later\n\tat a.B\n";
        let out = "Terminating due to java.lang.OutOfMemoryError: Java heap space\n";
        let files = [("log/taskmanager.log", handled), ("log/taskmanager.out", out)];
        let text = explanation(ExitStatus::Code(3), &files);
        assert!(
            text.starts_with("the heap is used up: raise taskmanager.memory.task.heap.size"),
            "{text}"
        );
        assert!(!text.contains("UnknownHost"), "{text}");
        // JDK 17; JDK 25 has a blank before KB.
        let out = "Error occurred during initialization of VM\nCould not reserve enough space for 8388608KB object heap\n";
        let text = explanation(ExitStatus::Code(1), &[("log/taskmanager.out", out)]);
        assert!(text.starts_with("this agent has less memory left"), "{text}");
        let err = "Exception in thread \"main\" java.lang.OutOfMemoryError: Cannot reserve 1048576 bytes of direct buffer \
            memory (allocated: 16777216, limit: 16777216)\n\tat java.base/java.nio.Bits.reserveMemory(Bits.java:178)\n";
        let text = explanation(ExitStatus::Code(1), &[("log/taskmanager.err", err)]);
        assert!(text.starts_with("direct memory is used up"), "{text}");
    }

    #[test]
    fn a_jvm_that_exits_without_logging_why_may_have_had_too_little_metaspace() {
        let everyday = "2026-11-29 01:41:23,375 INFO  o.a.f.r.t.TaskManagerRunner [] - Using configured hostname\n";
        let files = [("log/taskmanager.log", everyday), ("log/taskmanager.err", JVM_WARNINGS)];
        let text = explanation(ExitStatus::Code(1), &files);
        assert!(
            text.starts_with(SILENT_END) && text.contains("Using configured hostname"),
            "{text}"
        );
        let (_folder, scene) = scene(&files);
        assert_eq!(scene.explain(ended(ExitStatus::Code(1))).blame, Blame::Configuration);
        // Another code, an error in the log, or output on the standard error mean something else.
        assert!(!explanation(ExitStatus::Code(2), &files).contains(SILENT_END));
        let error = format!("{everyday}2026-11-29 01:41:23,380 ERROR x [] - no\n");
        assert!(
            !explanation(ExitStatus::Code(1), &[("log/taskmanager.log", &error)])
                .contains(SILENT_END)
        );
        let script = [
            ("log/taskmanager.log", everyday),
            ("log/taskmanager.err", "wrapper: no such option\n"),
        ];
        assert!(!explanation(ExitStatus::Code(1), &script).contains(SILENT_END));
        assert!(
            !explanation(ExitStatus::Code(1), &[("log/taskmanager.err", "oh\n")])
                .contains(SILENT_END)
        );
    }

    #[test]
    fn a_reason_has_at_most_five_lines_and_repeats_nothing() {
        let log = (1..50).map(|at| format!("2026 INFO line {at}\n")).collect::<Vec<_>>().concat();
        for (log, err) in [
            (DATA_PORT, "oh\n"),
            (log.as_str(), "one\ntwo\nthree\n"),
            (log.as_str(), ""),
            ("", "oh\noh oh\n"),
        ] {
            let files = [
                ("log/taskmanager.log", log),
                ("log/taskmanager.err", err),
                ("hs_err_pid9.log", ""),
            ];
            let text = explanation(ExitStatus::Code(1), &files);
            let lines: Vec<&str> = text.lines().collect();
            let once: std::collections::BTreeSet<&str> = lines.iter().copied().collect();
            assert!(lines.len() <= 5 && once.len() == lines.len(), "{text}");
        }
    }

    #[test]
    fn a_port_that_only_root_may_take_is_not_reported_as_taken() {
        assert_eq!(port_advice(21, 1024, false), symptoms::PORT_FORBIDDEN);
        assert_eq!(port_advice(21, 1024, true), symptoms::PORT_TAKEN);
        assert_eq!(port_advice(31000, 1024, false), symptoms::PORT_TAKEN);
        assert_eq!(port_advice(21, 0, false), symptoms::PORT_TAKEN, "as this host is configured");
    }

    #[test]
    fn a_crash_file_is_named() {
        let crash = "#\n# A fatal error has been detected:\n#\n#  SIGSEGV (0xb) at pc=0x1\n";
        let (folder, scene) = scene(&[("hs_err_pid7.log", crash)]);
        let exit = scene.explain(ended(ExitStatus::Signal(6)));
        let file = folder.path().join("hs_err_pid7.log");
        let text = format!("the JVM crashed: SIGSEGV (0xb) at pc=0x1; see {}", file.display());
        assert_eq!(
            exit.explanation,
            format!("{text}\nleft in the sandbox: hs_err_pid7.log (0.0 MB)")
        );
    }

    #[test]
    fn a_death_without_any_log_is_explained_by_its_exit_status() {
        let (_folder, scene) = scene(&[]);
        assert!(
            scene
                .explain(ended(ExitStatus::Signal(SIGKILL)))
                .explanation
                .starts_with("killed by another process")
        );
        assert!(
            scene
                .explain(ended(ExitStatus::Code(FLINK_FATAL)))
                .explanation
                .starts_with("Flink gave up")
        );
        assert_eq!(
            scene.explain(ended(ExitStatus::Code(5))).explanation,
            "it wrote nothing to log/"
        );
    }

    #[test]
    fn explanations_are_bounded() {
        let (_folder, scene) =
            scene(&[("log/taskmanager.err", &"é".repeat(100_000).replace("éééééééééé", "éé\n"))]);
        assert!(
            scene.explain(ended(ExitStatus::Code(1))).explanation.chars().count() <= LONGEST + 1
        );
    }
}
