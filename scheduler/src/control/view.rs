//! What the operator is shown, as JSON and in lines.

use serde_json::{Value, json};

use crate::{core::Core, executors::Executors};

/// The workers, and what keeps agents from being used.
pub(crate) fn workers(core: &Core, executors: &Executors) -> Value {
    let now = core.now();
    let workers = core.workers().values().map(|worker| {
        json!({
            "id": worker.record.id.as_str(),
            "phase": worker.phase.word(),
            "seconds": now.since(worker.since).as_secs(),
            "agent": worker.record.place.agent,
            "hostname": worker.record.place.hostname,
            "registered": worker.registered,
            "released": worker.record.released,
            "generation": worker.record.generation,
            "leaving": core.leaves(worker),
            "timeline": executors.timeline(&worker.record.id),
            "usage": executors.usage(&worker.record.id),
        })
    });
    let suspicions = core.suspicions().into_iter().map(
        |agent| json!({ "agent": agent.agent, "score": agent.score, "avoided": agent.avoided, "last": agent.last }),
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

/// The last steps of workers, oldest first.
pub(crate) fn history(core: &Core, executors: &Executors) -> Value {
    let steps = core.history().iter().map(|step| {
        json!({
            "at": step.at.0,
            "worker": step.worker.as_str(),
            "from": step.from,
            "to": step.to,
            "by": step.by.to_string(),
            "cause": step.cause.to_string(),
            "timeline": if step.to == "running" { executors.timeline(&step.worker) } else { Value::Null },
        })
    });
    json!({ "history": steps.collect::<Vec<_>>() })
}

/// What [`workers`] or [`history`] gave, in lines.
pub(crate) fn lines(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut lines = Vec::new();
    for step in answer["history"].as_array().into_iter().flatten() {
        let cell = |key: &str| text(&step[key]);
        let (worker, from, to) = (cell("worker"), cell("from"), cell("to"));
        lines.push(format!("{}  {worker}  {from} → {to}  ({}: {})", cell("at"), cell("by"), cell("cause")));
        let steps = step["timeline"].as_array().into_iter().flatten();
        let steps: Vec<_> = steps.map(|step| format!("{} {} ms", text(&step["step"]), step["ms"])).collect();
        lines.extend((!steps.is_empty()).then(|| format!("    since its launch: {}", steps.join(", "))));
    }
    for worker in answer["workers"].as_array().into_iter().flatten() {
        let cell = |key: &str| text(&worker[key]);
        let registered = if worker["registered"] == true { ", registered" } else { "" };
        let leaving = worker["leaving"].as_str().map(|why| format!(", leaving: {why}")).unwrap_or_default();
        let usage = usage(&worker["usage"]).map(|usage| format!(", {usage}")).unwrap_or_default();
        lines.push(format!("{}  {}{registered}{leaving}{usage}  on {}", cell("id"), cell("phase"), cell("hostname")));
    }
    if let Some(wanted) = answer["wanted"].as_u64() {
        lines.push(format!("{wanted} wanted"));
    }
    for agent in answer["draining"].as_array().into_iter().flatten() {
        lines.push(format!("drained: {}", text(agent)));
    }
    for agent in answer["suspects"].as_array().into_iter().flatten() {
        let avoided = if agent["avoided"] == true { ", avoided" } else { "" };
        let score = agent["score"].as_f64().unwrap_or_default();
        lines.push(format!("suspect: {} (score {score:.1}{avoided}): {}", text(&agent["agent"]), text(&agent["last"])));
    }
    if let Some(why) = answer["starved"].as_str() {
        lines.push(format!("no TaskManager can be launched: {why}"));
    }
    lines.join("\n")
}

/// `1.5 cores, 812 of 1760 MB`
fn usage(usage: &Value) -> Option<String> {
    let megabytes = |key: &str| usage[key].as_u64().map(|bytes| bytes >> 20);
    let used = megabytes("memory_working_set_bytes").or_else(|| megabytes("memory_bytes"))?;
    let limit = megabytes("memory_limit_bytes").map(|limit| format!(" of {limit}")).unwrap_or_default();
    let cores = usage["cpu_cores"].as_f64().map(|cores| format!("{cores:.1} cores, ")).unwrap_or_default();
    Some(format!("{cores}{used}{limit} MB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_workers_drains_suspects_and_why_nothing_starts() {
        let answer = json!({
            "wanted": 2, "starved": "2 offers declined: need mem 1760 MB, largest was 512 MB", "draining": ["host-1"],
            "suspects": [{ "agent": "S1", "score": 2.04, "avoided": true, "last": "TASK_FAILED: disk full" }],
            "workers": [{ "id": "w1", "phase": "running", "hostname": "host-1", "registered": true,
                          "leaving": "the agent is drained" }],
        });
        let expected = "w1  running, registered, leaving: the agent is drained  on host-1\n2 wanted\ndrained: host-1\n\
                        suspect: S1 (score 2.0, avoided): TASK_FAILED: disk full\n\
                        no TaskManager can be launched: 2 offers declined: need mem 1760 MB, largest was 512 MB";
        assert_eq!(lines(&answer), expected);
    }

    #[test]
    fn people_see_what_a_worker_uses_and_how_it_came_up() {
        let usage =
            json!({ "cpu_cores": 1.52, "memory_working_set_bytes": 812 << 20, "memory_limit_bytes": 1760 << 20 });
        let worker = json!({ "id": "w1", "phase": "running", "hostname": "host-1", "usage": usage });
        assert_eq!(lines(&json!({ "workers": [worker] })), "w1  running, 1.5 cores, 812 of 1760 MB  on host-1");
        let timeline = json!([{ "step": "executor", "ms": 31 }, { "step": "registered", "ms": 1380 }]);
        let step = json!({ "at": 5, "worker": "w1", "from": "staging", "to": "running", "by": "executor", "cause": "up",
                           "timeline": timeline });
        let expected =
            "5  w1  staging → running  (executor: up)\n    since its launch: executor 31 ms, registered 1380 ms";
        assert_eq!(lines(&json!({ "history": [step] })), expected);
    }
}
