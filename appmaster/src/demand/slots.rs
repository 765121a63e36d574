//! The slots that one job can use.
//!
//! Flink's REST API has no such number. Tasks of vertices in one slot sharing group share slots, one
//! task of each vertex in each slot. So a group needs as many slots as its largest vertex has tasks.
//!
//! | scheduler | tasks of a vertex |
//! | --- | --- |
//! | default | its parallelism, until it has finished |
//! | adaptive | the upper bound in `resource-requirements`; its parallelism is what it got |
//! | batch | tasks that have a slot or wait for one; the parallelism may not be decided yet |

use std::collections::BTreeMap;

use super::{
    JobNeed,
    answers::{JobDetail, JobSummary, Requirements, Vertex},
};

/// Larger numbers of slots mean only: as many as possible.
const MOST_SLOTS: u64 = 1 << 40;

/// What this job needs.
pub(super) fn need(
    summary: &JobSummary,
    detail: &JobDetail,
    requirements: Option<&Requirements>,
) -> JobNeed {
    let kind = kind(summary, detail);
    let is_batch = kind == Kind::Batch || detail.vertices.iter().any(|it| it.parallelism < 0);
    let parallelism = |vertex: &Vertex| match vertex.status.as_str() {
        "FINISHED" => 0,
        _ => u64::try_from(vertex.parallelism).unwrap_or(0),
    };
    let tasks: Vec<(&Vertex, u64)> = match requirements {
        Some(wanted) => {
            let upper = |vertex: &Vertex| {
                let wanted = wanted.get(&vertex.id)?.parallelism.upper;
                u64::try_from(wanted).ok()
            };
            detail.vertices.iter().map(|vertex| (vertex, upper(vertex).unwrap_or(0))).collect()
        }
        None => detail.vertices.iter().map(|vertex| (vertex, parallelism(vertex))).collect(),
    };
    let by_parallelism = in_groups(tasks.iter().copied());
    let slots = if is_batch && requirements.is_none() {
        batch(summary, detail, by_parallelism)
    } else {
        by_parallelism
    };
    let has_groups = detail.vertices.iter().all(|vertex| vertex.group.is_some());
    let all = tasks.iter().fold(0, |sum: u64, (_, tasks)| sum.saturating_add(*tasks));
    let more = if has_groups || is_batch { 0 } else { all.saturating_sub(by_parallelism) };
    JobNeed {
        id: summary.jid.clone(),
        name: summary.name.clone(),
        slots: slots.min(MOST_SLOTS),
        more: more.min(summary.tasks.scheduled),
        waits: summary.tasks.scheduled > 0,
        runs: summary.runs(),
        keeps_results: is_batch || kind == Kind::Unknown,
        vertices: detail.vertices.iter().map(|vertex| vertex.id.clone()).collect(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Streaming,
    Batch,
    Unknown,
}

fn kind(summary: &JobSummary, detail: &JobDetail) -> Kind {
    match summary.kind.as_deref().or(detail.kind()) {
        Some("STREAMING") => Kind::Streaming,
        Some("BATCH") => Kind::Batch,
        _ => Kind::Unknown,
    }
}

/// The sum over the groups of their largest vertex. Vertices without a group share one.
fn in_groups<'a>(tasks: impl Iterator<Item = (&'a Vertex, u64)>) -> u64 {
    let mut groups: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    for (vertex, tasks) in tasks {
        let most = groups.entry(vertex.group.as_deref()).or_default();
        *most = tasks.max(*most);
    }
    groups.into_values().fold(0, u64::saturating_add)
}

/// The vertices of a batch job run one after the other. The JobManager caches the detail for three
/// seconds, but not the summary: if both do not agree, the detail is an old one.
fn batch(summary: &JobSummary, detail: &JobDetail, by_parallelism: u64) -> u64 {
    let active = summary.tasks.active();
    let known =
        detail.vertices.iter().fold(0, |sum: u64, it| sum.saturating_add(it.tasks.active()));
    if known == active {
        return in_groups(detail.vertices.iter().map(|vertex| (vertex, vertex.tasks.active())));
    }
    let is_decided = detail.vertices.iter().all(|vertex| vertex.parallelism > 0);
    if is_decided && !detail.vertices.is_empty() { active.min(by_parallelism) } else { active }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "answers are written in place"
)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn need_of(summary: Value, detail: Value, requirements: Option<Value>) -> JobNeed {
        let mut whole = json!({ "jid": "a", "name": "n", "state": "RUNNING" });
        whole.as_object_mut().unwrap().extend(summary.as_object().unwrap().clone());
        let requirements =
            requirements.map(|it| serde_json::from_value::<Requirements>(it).unwrap());
        need(
            &serde_json::from_value(whole).unwrap(),
            &serde_json::from_value(detail).unwrap(),
            requirements.as_ref(),
        )
    }

    fn vertex(id: &str, parallelism: i64, group: Option<&str>, tasks: Value) -> Value {
        let mut vertex =
            json!({ "id": id, "parallelism": parallelism, "status": "CREATED", "tasks": tasks });
        if let Some(group) = group {
            vertex["slotSharingGroupId"] = json!(group);
        }
        vertex
    }

    #[test]
    fn groups_add_up_and_vertices_of_a_group_share_slots() {
        // As Flink 1.20 answers with no TaskManager.
        let detail = json!({ "job-type": "STREAMING", "vertices": [
            vertex("1", 4, Some("g"), json!({ "SCHEDULED": 4 })),
            vertex("2", 2, Some("h"), json!({ "SCHEDULED": 2 })),
            vertex("3", 3, Some("g"), json!({ "SCHEDULED": 3 })),
        ] });
        let need = need_of(json!({ "tasks": { "scheduled": 9 } }), detail, None);
        assert_eq!((need.slots, need.more, need.waits), (6, 0, true));
        assert!(!need.keeps_results);
    }

    #[test]
    fn without_groups_one_is_assumed_and_the_rest_is_needed_if_tasks_still_wait() {
        // As Flink 1.18 answers.
        let vertices = [vertex("1", 4, None, json!({})), vertex("2", 2, None, json!({}))];
        let detail = json!({ "plan": { "type": "STREAMING" }, "vertices": vertices });
        let need = need_of(json!({ "tasks": { "scheduled": 6 } }), detail.clone(), None);
        assert_eq!((need.slots, need.more, need.keeps_results), (4, 2, false));
        let need = need_of(json!({ "tasks": { "running": 6 } }), detail, None);
        assert_eq!((need.slots, need.more), (4, 0), "nothing waits");
    }

    #[test]
    fn the_adaptive_scheduler_wants_its_upper_bounds_and_not_the_parallelism_that_it_got() {
        let detail = json!({ "job-type": "STREAMING", "vertices": [
            vertex("1", 2, Some("g"), json!({ "RUNNING": 2 })),
            vertex("2", 1, Some("h"), json!({ "RUNNING": 1 })),
        ] });
        let bounds =
            |upper: i64| json!({ "parallelism": { "lowerBound": 1, "upperBound": upper } });
        let wanted = json!({ "1": bounds(4), "2": bounds(2) });
        assert_eq!(need_of(json!({}), detail.clone(), Some(wanted)).slots, 6);
        let reactive = json!({ "1": bounds(32768), "2": bounds(i64::MAX) });
        assert_eq!(need_of(json!({}), detail, Some(reactive)).slots, MOST_SLOTS);
    }

    #[test]
    fn a_batch_job_needs_slots_for_the_tasks_of_the_moment() {
        let summary = |active: u64| json!({ "jobType": "BATCH", "tasks": { "scheduled": active } });
        let detail = |active: u64, next: i64| {
            json!({ "vertices": [
                vertex("1", 4, Some("g"), json!({ "RUNNING": active })),
                vertex("2", next, Some("g"), json!({ "CREATED": 0 })),
            ] })
        };
        let need = need_of(summary(4), detail(4, -1), None);
        assert_eq!((need.slots, need.keeps_results), (4, true));
        assert_eq!(need_of(summary(0), detail(0, -1), None).slots, 0, "it has not begun");
        // The detail is older than the summary.
        assert_eq!(need_of(summary(9), detail(0, -1), None).slots, 9, "as the summary says");
        assert_eq!(need_of(summary(9), detail(0, 6), None).slots, 6, "no vertex has more tasks");
    }

    #[test]
    fn a_finished_vertex_needs_no_slot() {
        let mut done = vertex("1", 8, Some("g"), json!({ "FINISHED": 8 }));
        done["status"] = json!("FINISHED");
        let detail = json!({ "job-type": "STREAMING",
                             "vertices": [done, vertex("2", 2, Some("g"), json!({ "RUNNING": 2 }))] });
        assert_eq!(need_of(json!({}), detail, None).slots, 2);
    }

    #[test]
    fn a_job_whose_kind_is_unknown_may_keep_results() {
        assert!(need_of(json!({}), json!({ "vertices": [] }), None).keeps_results);
    }
}
