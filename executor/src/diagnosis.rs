//! Why something failed, as a message that a person can act on.
//!
//! A [`Scene`] is recorded when a TaskManager starts, and read again when it has ended: what the
//! kernel, the JVM and the logs say about its death. `start_failure` describes why one did not start.
//! Messages are bounded, because they travel in status updates, and masked, because anyone may read
//! those.

mod crash;
mod mask;
mod start_failure;
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
mod tests;
