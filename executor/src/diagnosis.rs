//! Why something went wrong, in words that a person can act on.
//!
//! A [`Scene`] is looked at when a TaskManager starts and again when it has ended: what the kernel, the JVM and the
//! logs say about its death. `failure` words what kept one from starting. Texts are bounded, as they travel in status
//! updates, and masked, as anybody may read those.

mod crash;
mod failure;
mod mask;
mod symptoms;
mod tail;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

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

/// Longer explanations are cut at their end.
const LONGEST: usize = 6000;

/// The files that tell, and how many of their last lines are shown. The log tells more than the outputs; those have
/// what comes before it is set up and after it is gone.
const FILES: [(&str, usize); 3] = [("taskmanager.log", 12), ("taskmanager.err", 8), ("taskmanager.out", 4)];

/// `Runtime.halt` by Flink's handler of uncaught exceptions, see `FatalExitExceptionHandler`: -17.
const FLINK_FATAL: i32 = 239;

/// In bytes: what is left where nothing of use can be written any more.
const FULL_BELOW: u64 = 64 << 10;

const SIGKILL: i32 = nix::libc::SIGKILL;

/// Where a TaskManager lives and dies.
#[derive(Debug)]
pub struct Scene {
    sandbox: Sandbox,
    pid: u32,
    /// Its working directory.
    directory: PathBuf,
    mask: Mask,
    memory: Option<MemoryGroup>,
    /// Kills for lack of memory before it started.
    kills: u64,
}

/// Why it died.
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
    /// Just after the start. Blocking, but short.
    pub fn begin(sandbox: Sandbox, pid: u32, directory: PathBuf, mask: Mask) -> Self {
        let memory = MemoryGroup::own();
        let kills = memory.as_ref().map_or(0, MemoryGroup::kills);
        Self { sandbox, pid, directory, mask, memory, kills }
    }

    /// How it ended, and why. Blocking.
    pub fn explain(&self, ended: Ended) -> Exit {
        let Ended { status, survivors } = ended;
        let Cause { text, blame, reason } = self.cause(status).unwrap_or_default();
        let cause = Some(text).filter(|text| !text.is_empty());
        let last_lines = FILES.iter().filter_map(|(name, lines)| {
            let tail = Tail::read(&self.sandbox.log().join(name), *lines);
            (!tail.is_empty()).then(|| format!("last lines of log/{name}:\n{tail}"))
        });
        let left = crash_files(&self.sandbox.path);
        let left = (!left.is_empty()).then(|| format!("left in the sandbox: {}", left.join(", ")));
        let mut explanation: String = cause.into_iter().chain(left).chain(last_lines).collect::<Vec<_>>().join("\n");
        if explanation.is_empty() {
            "it left no word in log/".clone_into(&mut explanation);
        }
        Exit { status, survivors, reason, blame, explanation: cut(&self.mask.apply(&explanation)) }
    }

    /// From the surest sign to the vaguest.
    fn cause(&self, status: ExitStatus) -> Option<Cause> {
        let seen = self.memory_kill(status).or_else(|| self.crash()).or_else(|| self.symptom());
        seen.or_else(|| self.full_disk(status)).or_else(|| {
            let guess = match status {
                ExitStatus::Signal(SIGKILL) => {
                    "somebody else killed it; perhaps the kernel, as this agent's memory was used up"
                }
                ExitStatus::Code(143) | ExitStatus::Signal(nix::libc::SIGTERM) => "somebody else asked it to end",
                ExitStatus::Code(FLINK_FATAL) => "Flink gave up after an exception that nobody caught",
                _ => return None,
            };
            Some(Cause { text: guess.to_owned(), ..Cause::default() })
        })
    }

    fn memory_kill(&self, status: ExitStatus) -> Option<Cause> {
        let group = self.memory.as_ref()?;
        let was_killed =
            matches!(status, ExitStatus::Signal(SIGKILL) | ExitStatus::Code(137)) && group.kills() > self.kills;
        let limit = group.limit().map_or(String::new(), |bytes| format!(" of {} MB", bytes >> 20));
        let text = format!(
            "the kernel killed it, as its container reached its memory limit{limit}: raise \
             taskmanager.memory.jvm-overhead.min (memory that Flink does not account for), or mesos.executor.mem"
        );
        let reason = Some(Reason::ContainerLimitationMemory);
        was_killed.then_some(Cause { text, blame: Blame::Configuration, reason })
    }

    /// A disk that takes no more takes no log line that says so either.
    fn full_disk(&self, status: ExitStatus) -> Option<Cause> {
        let disk = statvfs(&self.sandbox.path).ok().filter(|_| status != ExitStatus::Code(0))?;
        let bytes = disk.blocks_available().saturating_mul(disk.fragment_size());
        // Some file systems have no number of files.
        let is_full = bytes < FULL_BELOW || (disk.files() > 0 && disk.files_available() == 0);
        let text = format!("there is no space left in {}: the disk of this agent is full", self.sandbox.path.display());
        is_full.then_some(Cause { text, blame: Blame::Agent, reason: Some(Reason::ContainerLimitationDisk) })
    }

    fn crash(&self) -> Option<Cause> {
        let crash = crash::of_process(self.pid, &[&self.directory, &self.sandbox.path])?;
        let advice = symptoms::find(&crash.what).map(|(_, symptom)| symptom);
        let meaning = advice.map_or(String::new(), |symptom| format!(" ({})", symptom.advice));
        let text = format!("the JVM crashed: {}{meaning}; see {}", crash.what, crash.file.display());
        let blame = advice.map_or(Blame::Worker, |symptom| symptom.blame);
        Some(Cause { text, blame, reason: advice.and_then(|symptom| symptom.reason) })
    }

    fn symptom(&self) -> Option<Cause> {
        FILES.iter().find_map(|(name, _)| {
            let text = tail::end_at(&self.sandbox.log().join(name))?;
            let (line, symptom) = symptoms::find(&text)?;
            let text = format!("{} ({})", tail::cut(line.trim()), symptom.advice);
            Some(Cause { text, blame: symptom.blame, reason: symptom.reason })
        })
    }
}

/// What crashes have left in a sandbox, which is the TaskManager's working directory: names and sizes.
pub fn crash_files(sandbox: &Path) -> Vec<String> {
    crash::left_in(sandbox)
}

/// The last lines of a log that sound like trouble, oldest first and without secrets.
pub fn last_errors(log: &File, lines: usize) -> Vec<String> {
    let text = tail::end_of(log).unwrap_or_default();
    let is_error = |line: &&str| {
        [" WARN ", " ERROR ", "\"WARN\"", "\"ERROR\"", "Exception"].iter().any(|sign| line.contains(sign))
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

    #[test]
    fn the_cause_comes_before_the_last_lines() {
        let log = "a\njava.net.BindException: Address already in use\nshutting down\n";
        let (_folder, scene) = scene(&[("log/taskmanager.log", log), ("log/taskmanager.err", "oh\n")]);
        let exit = scene.explain(ended(ExitStatus::Code(1)));
        let expected = format!(
            "java.net.BindException: Address already in use (the port is taken by another process on this agent, \
             although Mesos offered it)\nlast lines of log/taskmanager.log:\n{}\nlast lines of \
             log/taskmanager.err:\noh",
            log.trim_end()
        );
        assert_eq!(exit.explanation, expected);
    }

    #[test]
    fn a_crash_file_is_named() {
        let crash = "#\n# A fatal error has been detected:\n#\n#  SIGSEGV (0xb) at pc=0x1\n";
        let (folder, scene) = scene(&[("hs_err_pid7.log", crash)]);
        let exit = scene.explain(ended(ExitStatus::Signal(6)));
        let file = folder.path().join("hs_err_pid7.log");
        let told = format!("the JVM crashed: SIGSEGV (0xb) at pc=0x1; see {}", file.display());
        assert_eq!(exit.explanation, format!("{told}\nleft in the sandbox: hs_err_pid7.log (0.0 MB)"));
    }

    #[test]
    fn a_death_without_a_word_is_guessed_at() {
        let (_folder, scene) = scene(&[]);
        assert!(scene.explain(ended(ExitStatus::Signal(SIGKILL))).explanation.starts_with("somebody else killed it"));
        assert!(scene.explain(ended(ExitStatus::Code(FLINK_FATAL))).explanation.starts_with("Flink gave up"));
        assert_eq!(scene.explain(ended(ExitStatus::Code(5))).explanation, "it left no word in log/");
    }

    #[test]
    fn explanations_are_bounded() {
        let (_folder, scene) = scene(&[("log/taskmanager.err", &"é".repeat(100_000).replace("éééééééééé", "éé\n"))]);
        assert!(scene.explain(ended(ExitStatus::Code(1))).explanation.chars().count() <= LONGEST + 1);
    }
}
