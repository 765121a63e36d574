//! The answers to the operator, as JSON and as text.

use std::time::Duration;

use scheduler::{
    core::{Core, history::Step, scale::Scale},
    executors::Executors,
};
use serde_json::{Value, json};

use crate::{
    console::one_line,
    table::{rfc3339, table},
};

/// The workers, and why agents are not used.
pub(crate) fn workers(core: &Core, executors: &Executors) -> Value {
    let now = core.now();
    let workers = core.workers().values().map(|worker| {
        json!({
            "id": worker.record.id.as_str(),
            "phase": Step::from(worker.phase).to_string(),
            "seconds": now.since(worker.since).as_secs(),
            "agent": worker.record.place.agent,
            "hostname": worker.record.place.hostname,
            "registered": worker.registered,
            "released": worker.record.released,
            "generation": worker.record.generation,
            "leaving": core.leaves(worker).map(|why| why.to_string()),
            "timeline": executors.timeline(&worker.record.id),
            "usage": executors.usage(&worker.record.id),
        })
    });
    let suspicions = core.suspicions().into_iter().map(
        |agent| json!({ "agent": agent.agent, "score": agent.score, "avoided": agent.avoided, "last": agent.last.to_string() }),
    );
    json!({
        "subscribed": core.is_subscribed(),
        "unanswered": core.unanswered(),
        "wanted": core.target(),
        "generation": core.generation(),
        "starved": core.starved(),
        "draining": core.draining(),
        "suspects": suspicions.collect::<Vec<_>>(),
        "workers": workers.collect::<Vec<_>>(),
    })
}

/// The last transitions of workers, oldest first.
pub(crate) fn history(core: &Core, executors: &Executors) -> Value {
    let steps = core.history().iter().map(|step| {
        json!({
            "at": rfc3339(step.at.0),
            "worker": step.worker.as_str(),
            "from": step.from.to_string(),
            "to": step.to.to_string(),
            "by": step.by.to_string(),
            "cause": step.cause.to_string(),
            "timeline": if step.to == Step::Running { executors.timeline(&step.worker) } else { Value::Null },
        })
    });
    json!({ "history": steps.collect::<Vec<_>>() })
}

/// The answer of [`workers`] or [`history`] as text. Nothing in it can control the terminal.
pub(crate) fn lines(answer: &Value) -> String {
    let mut lines = Vec::new();
    for warning in list(answer, "warnings") {
        lines.push(format!("Warning: {}", text(warning)));
    }
    if answer["history"].is_array() {
        lines.extend(history_lines(answer));
    }
    if answer["workers"].is_array() {
        lines.extend(worker_lines(answer));
    }
    if let Some(wanted) = answer["wanted"].as_u64() {
        let registered =
            list(answer, "workers").filter(|worker| worker["registered"] == true).count();
        let bounds = bounds(&answer["demand"]);
        lines.push(format!("TaskManagers: {wanted} wanted{bounds}, {registered} registered"));
    }
    lines.extend(demand_lines(&answer["demand"]));
    for agent in list(answer, "draining") {
        lines.push(format!("drained: {}", text(agent)));
    }
    for agent in list(answer, "suspects") {
        let avoided = if agent["avoided"] == true { ", avoided" } else { "" };
        let score = agent["score"].as_f64().unwrap_or_default();
        lines.push(format!(
            "suspect: {} (score {score:.1}{avoided}): {}",
            text(&agent["agent"]),
            text(&agent["last"])
        ));
    }
    if let Some(why) = answer["starved"].as_str() {
        lines.push(format!("no TaskManager can be launched: {}", one_line(why)));
    }
    lines.join("\n")
}

/// For example ` (0 to 5)`; nothing for a fixed number.
fn bounds(demand: &Value) -> String {
    let number = |key: &str| demand[key].as_u64().and_then(|it| usize::try_from(it).ok());
    let scale = number("min").zip(number("max")).map(|(min, max)| Scale::new(min, max));
    match scale {
        Some(Ok(scale)) if scale.fixed().is_none() => format!(" ({scale})"),
        _ => String::new(),
    }
}

/// What jobs need, and what they wait for.
fn demand_lines(demand: &Value) -> Vec<String> {
    let jobs = list(demand, "jobs");
    let line = |job: &Value| {
        let (name, id) = (text(&job["name"]), text(&job["id"]));
        format!("job {name} ({id}): {} slots", text(&job["slots"]))
    };
    let waiting = demand["waiting"].as_str();
    jobs.map(line).chain(waiting.map(|why| format!("waiting: {}", one_line(why)))).collect()
}

fn list<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    answer[key].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    one_line(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn history_lines(answer: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for step in list(answer, "history") {
        let cell = |key: &str| text(&step[key]);
        let (worker, from, to) = (cell("worker"), cell("from"), cell("to"));
        let at = cell("at");
        lines.push(format!("{at}  {worker}  {from} → {to}  ({}: {})", cell("by"), cell("cause")));
        let steps =
            list(step, "timeline").map(|step| format!("{} {} ms", text(&step["step"]), step["ms"]));
        let steps: Vec<_> = steps.collect();
        lines.extend(
            (!steps.is_empty()).then(|| format!("    since its launch: {}", steps.join(", "))),
        );
    }
    lines
}

fn worker_lines(answer: &Value) -> Vec<String> {
    let headings =
        ["TASKMANAGER", "STATE", "SINCE", "REGISTERED", "AGENT", "CORES", "MEMORY", "NOTES"];
    let rows = list(answer, "workers").map(|worker| {
        let cell = |key: &str| text(&worker[key]);
        let since = worker["seconds"]
            .as_u64()
            .map(|seconds| humantime::format_duration(Duration::from_secs(seconds)));
        let usage = &worker["usage"];
        [
            cell("id"),
            cell("phase"),
            since.map(|since| since.to_string()).unwrap_or_default(),
            if worker["registered"] == true { "yes" } else { "no" }.to_owned(),
            cell("hostname"),
            usage["cpu_cores"].as_f64().map(|cores| format!("{cores:.1}")).unwrap_or_default(),
            memory(usage).unwrap_or_default(),
            worker["leaving"]
                .as_str()
                .map(|why| format!("leaving: {}", one_line(why)))
                .unwrap_or_default(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() { Vec::new() } else { table(headings, rows) }
}

/// `812 of 1760 MB`. The working set is the TaskManager's own only if its control group has a
/// limit.
fn memory(usage: &Value) -> Option<String> {
    let megabytes = |key: &str| usage[key].as_u64().map(|bytes| bytes >> 20);
    let limit = megabytes("memory_limit_bytes");
    let working_set = limit.and_then(|_| megabytes("memory_working_set_bytes"));
    let used = working_set.or_else(|| megabytes("memory_bytes"))?;
    let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    Some(format!("{used}{limit} MB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_workers_drains_suspects_and_why_nothing_starts() {
        let answer = json!({
            "demand": { "min": 0, "max": 5, "jobs": [{ "id": "0f", "name": "count", "slots": 4 }],
                        "waiting": "Job count (0f) needs 4 slots" },
            "wanted": 2, "starved": "2 offers declined: need mem 1760 MB, largest was 512 MB", "draining": ["host-1"],
            "suspects": [{ "agent": "S1", "score": 2.04, "avoided": true, "last": "TASK_FAILED: disk full" }],
            "workers": [
                { "id": "w1", "phase": "running", "seconds": 3725, "hostname": "host-1", "registered": true,
                  "leaving": "the agent is drained" },
                { "id": "w2", "phase": "staging", "seconds": 2, "hostname": "host-20", "registered": false },
            ],
        });
        let expected = "\
TASKMANAGER  STATE    SINCE     REGISTERED  AGENT    CORES  MEMORY  NOTES
w1           running  1h 2m 5s  yes         host-1                  leaving: the agent is drained
w2           staging  2s        no          host-20
TaskManagers: 2 wanted (0 to 5), 1 registered
job count (0f): 4 slots
waiting: Job count (0f) needs 4 slots
drained: host-1
suspect: S1 (score 2.0, avoided): TASK_FAILED: disk full
no TaskManager can be launched: 2 offers declined: need mem 1760 MB, largest was 512 MB";
        assert_eq!(lines(&answer), expected);
    }

    #[test]
    fn people_see_what_a_worker_uses_and_how_it_came_up() {
        let limited = json!({ "cpu_cores": 1.52, "memory_working_set_bytes": 812 << 20, "memory_limit_bytes": 1760 << 20 });
        let shared =
            json!({ "memory_bytes": 437 << 20, "memory_working_set_bytes": 2133_u64 << 20 });
        assert_eq!(memory(&limited).as_deref(), Some("812 of 1760 MB"));
        assert_eq!(memory(&shared).as_deref(), Some("437 MB"), "the rest is not the TaskManager's");
        let worker = json!({ "id": "w1", "phase": "running", "seconds": 1, "hostname": "h", "usage": limited });
        let shown = lines(&json!({ "workers": [worker] }));
        assert!(
            shown
                .ends_with("w1           running  1s     no          h      1.5    812 of 1760 MB"),
            "{shown}"
        );
        let timeline =
            json!([{ "step": "executor", "ms": 31 }, { "step": "registered", "ms": 1380 }]);
        let step = json!({ "at": "2026-11-28T20:31:14.034Z", "worker": "w1", "from": "staging", "to": "running", "by": "executor",
                           "cause": "up", "timeline": timeline });
        let expected = "2026-11-28T20:31:14.034Z  w1  staging → running  (executor: up)\n    \
                        since its launch: executor 31 ms, registered 1380 ms";
        assert_eq!(lines(&json!({ "history": [step] })), expected);
    }

    #[test]
    fn foreign_text_cannot_control_the_terminal() {
        let evil = "x\u{1b}[2J\nready";
        let worker = json!({ "id": evil, "phase": "running", "hostname": evil, "leaving": evil });
        let suspect = json!({ "agent": evil, "score": 1, "last": evil });
        let step = json!({ "at": evil, "worker": evil, "from": evil, "to": evil, "by": evil, "cause": evil,
                           "timeline": [{ "step": evil, "ms": 1 }] });
        let shown = lines(
            &json!({ "workers": [worker], "suspects": [suspect], "draining": [evil], "starved": evil,
                                   "history": [step], "warnings": [evil],
                                   "demand": { "jobs": [{ "id": evil, "name": evil, "slots": evil }],
                                               "waiting": evil } }),
        );
        assert!(!shown.contains('\u{1b}') && !shown.contains("\nready"), "{shown}");
    }
}
