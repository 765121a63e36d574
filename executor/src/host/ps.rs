//! `ps`: list the executors on this host, one per line.

use serde::Serialize;

use super::Found;
use crate::{text, usage};

const COLUMNS: usize = 8;

/// One executor. Fields that only a running process has are none without one.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    task: String,
    /// The last state reported to the agent, such as `TASK_RUNNING`.
    state: Option<String>,
    /// The user it runs as.
    user: String,
    executor_pid: Option<i32>,
    pid: Option<i32>,
    cpu_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    uptime_seconds: Option<u64>,
    sandbox: String,
}

pub(super) fn rows(found: &[Found], all: bool) -> Vec<Row> {
    found.iter().filter(|found| all || found.lives).map(Row::of).collect()
}

impl Row {
    fn of(found: &Found) -> Self {
        let usage = found.guard().map(|guard| usage::now(found.task(), guard.pid.cast_unsigned()));
        Self {
            task: found.task().to_owned(),
            state: found.entry.updates.last().map(|update| update.state.clone()),
            user: found.user(),
            executor_pid: found.lives.then_some(found.entry.executor.pid),
            pid: found.task_manager().map(|(process, _)| process.pid),
            cpu_seconds: usage.as_ref().map(|usage| usage.cpu_seconds),
            memory_bytes: usage.as_ref().map(|usage| usage.memory_bytes),
            uptime_seconds: found
                .lives
                .then(|| found.entry.executor.age())
                .flatten()
                .map(|age| age.as_secs()),
            sandbox: found.sandbox.display().to_string(),
        }
    }

    fn cells(&self) -> [String; COLUMNS] {
        let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
        let cells = [
            if self.task.is_empty() { "-".to_owned() } else { self.task.clone() },
            or_dash(self.state.clone()) + if self.executor_pid.is_some() { "" } else { " (ended)" },
            or_dash(self.pid.map(|pid| pid.to_string())),
            or_dash(self.cpu_seconds.map(|seconds| format!("{seconds:.1} s"))),
            or_dash(self.memory_bytes.map(|bytes| format!("{} MB", bytes >> 20))),
            or_dash(self.uptime_seconds.map(|seconds| format!("{seconds} s"))),
            self.user.clone(),
            self.sandbox.clone(),
        ];
        cells.map(|cell| text::line(&cell).into_owned())
    }
}

pub(super) fn table(rows: &[Row]) -> String {
    let header =
        ["TASK", "STATE", "PID", "CPU", "MEMORY", "UPTIME", "USER", "SANDBOX"].map(str::to_owned);
    let lines: Vec<[String; COLUMNS]> =
        [header].into_iter().chain(rows.iter().map(Row::cells)).collect();
    let widths: Vec<usize> = (0..COLUMNS)
        .map(|at| lines.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String; COLUMNS]| {
        let padded: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
}
