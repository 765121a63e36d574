//! Take samples of a TaskManager's usage.

use std::{
    collections::HashSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use overlays::report::Usage;

use super::disk;
use crate::{cgroups::MemoryGroup, process};

/// Measure the sandbox every this many samples, because that costs more than all the rest.
const DISK_EVERY: u32 = 6;

pub(super) struct Sampler {
    worker: String,
    guard: u32,
    sandbox: PathBuf,
    memory: Option<MemoryGroup>,
    system: System,
    samples: u32,
    sandbox_bytes: u64,
    /// When the previous sample was taken, and the CPU time then.
    before: Option<(Instant, Duration)>,
}

impl Sampler {
    pub(super) fn new(worker: String, guard: u32, sandbox: PathBuf) -> Self {
        let memory = MemoryGroup::own();
        let system = System::new();
        Self { worker, guard, sandbox, memory, system, samples: 0, sandbox_bytes: 0, before: None }
    }

    /// Takes a sample. Blocking.
    pub(super) fn sample(&mut self, now: Instant) -> Usage {
        if self.samples.is_multiple_of(DISK_EVERY) {
            self.sandbox_bytes = disk::used(&self.sandbox);
        }
        self.samples += 1;
        let pids: Vec<Pid> = process::below(self.guard).into_iter().map(Pid::from_u32).collect();
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().with_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, wanted);
        let processes: Vec<&Process> =
            pids.iter().filter_map(|pid| self.system.process(*pid)).collect();
        let cpu = Duration::from_millis(
            processes.iter().map(|process| process.accumulated_cpu_time()).sum(),
        );
        let before = self.before.replace((now, cpu));
        let limited = self.memory.as_ref().and_then(MemoryGroup::use_of_limit);
        Usage {
            worker: self.worker.clone(),
            cpu_seconds: cpu.as_secs_f64(),
            cpu_cores: before.and_then(|before| cores(before, (now, cpu))),
            memory_bytes: processes.iter().map(|process| process.memory()).sum(),
            memory_working_set_bytes: limited.map(|(used, _)| used),
            memory_limit_bytes: limited.map(|(_, limit)| limit),
            processes: processes.len(),
            // `tasks` does not include the main thread.
            threads: processes
                .iter()
                .map(|process| 1 + process.tasks().map_or(0, HashSet::len))
                .sum(),
            open_files: processes.iter().filter_map(|process| process.open_files()).sum(),
            sandbox_bytes: self.sandbox_bytes,
        }
    }
}

/// CPU time divided by time. If a process has ended and the sum of CPU time fell, it counts as
/// zero.
fn cores(before: (Instant, Duration), now: (Instant, Duration)) -> Option<f64> {
    let passed = now.0.duration_since(before.0).as_secs_f64();
    (passed > 0.0).then(|| now.1.saturating_sub(before.1).as_secs_f64() / passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_of_a_busy_process_is_measured() {
        let script = "import threading, time
files = [open('/dev/null') for _ in range(20)]
memory = bytearray(50 << 20)
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
print(flush=True)
while True: pass";
        #[expect(clippy::disallowed_methods, reason = "the test is about processes")]
        let mut child = std::process::Command::new("python3")
            .args(["-c", script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let mut sampler = Sampler::new("w".into(), std::process::id(), folder.path().into());
        let started = tokio::time::Instant::now().into_std();
        let first = sampler.sample(started);
        let mut usage = first.clone();
        while usage.cpu_seconds < first.cpu_seconds + 0.2 {
            usage = sampler.sample(tokio::time::Instant::now().into_std());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(first.cpu_cores, None);
        assert!(usage.memory_bytes > 50 << 20, "{usage:?}");
        assert!(usage.processes >= 1 && usage.threads >= 2 && usage.open_files >= 20, "{usage:?}");
    }

    #[test]
    fn cores_are_cpu_time_divided_by_time() {
        let now = tokio::time::Instant::now().into_std();
        let second = Duration::from_secs(1);
        assert_eq!(cores((now, second), (now + second * 2, second * 4)), Some(1.5));
        assert_eq!(cores((now, second * 4), (now + second, second)), Some(0.0));
        assert_eq!(cores((now, second), (now, second)), None);
    }
}
