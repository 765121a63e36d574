//! Jobs for people and for programs.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::{
    console::{OutputForm, one_line},
    flink_rest::{FlinkError, FlinkRest, JobState, ListedJob},
    table::{Mood, Paint, ago, rfc3339, short, table},
};

/// All jobs.
pub(super) fn list(jobs: &[ListedJob], form: OutputForm, paint: Paint) -> String {
    if form == OutputForm::Json {
        return json!({ "jobs": jobs.iter().map(fields).collect::<Vec<_>>() }).to_string();
    }
    if jobs.is_empty() {
        return "No jobs".to_owned();
    }
    let now = SystemTime::now();
    let row = |job: &ListedJob| {
        let tasks = |state: &str| job.tasks.get(state).copied().unwrap_or(0);
        let ended = tasks("finished") + tasks("running");
        [
            one_line(&job.id),
            one_line(&job.state),
            format!("{ended}/{}", tasks("total")),
            ago(&rfc3339(job.start), now),
            short(Duration::from_millis(job.duration)),
            one_line(&job.name),
        ]
    };
    let headings = ["JOB", "STATE", "TASKS", "SUBMITTED", "DURATION", "NAME"];
    let lines = table(headings, jobs.iter().map(row).collect());
    let coloured = lines.into_iter().enumerate().map(|(at, line)| {
        let job = at.checked_sub(1).and_then(|at| jobs.get(at));
        job.map_or(line.clone(), |job| {
            line.replacen(&one_line(&job.state), &state(paint, &job.state), 1)
        })
    });
    coloured.collect::<Vec<_>>().join("\n")
}

/// One job: its tasks, its last checkpoint, and why it failed.
pub(super) async fn job(
    rest: &FlinkRest,
    job: &ListedJob,
    form: OutputForm,
    paint: Paint,
) -> Result<String, FlinkError> {
    let details = rest.job_details(&job.id).await?;
    let checkpoint = rest.last_checkpoint(&job.id).await.unwrap_or_default();
    let failure = rest.failure(&job.id).await.unwrap_or_default();
    let vertices = details["vertices"].as_array().map_or(&[][..], Vec::as_slice);
    if form == OutputForm::Json {
        let mut shown = fields(job);
        let vertices = vertices.iter().map(|vertex| {
            json!({ "name": vertex["name"], "parallelism": vertex["parallelism"], "state": vertex["status"] })
        });
        shown["vertices"] = vertices.collect();
        shown["checkpoint"] = checkpoint["external_path"].clone();
        shown["failure"] = json!(failure);
        return Ok(shown.to_string());
    }
    let text = |value: &Value| one_line(value.as_str().unwrap_or_default());
    let mut lines = vec![
        format!("Job {} ({})", one_line(&job.name), one_line(&job.id)),
        format!("State: {}", state(paint, &job.state)),
        format!("Submitted: {}", ago(&rfc3339(job.start), SystemTime::now())),
        format!("Duration: {}", short(Duration::from_millis(job.duration))),
    ];
    if let Some(place) = checkpoint["external_path"].as_str() {
        lines.push(format!("Last checkpoint: {}", one_line(place)));
    }
    if let Some((root, more)) = failure.split_first() {
        lines.push(format!("Last failure: {}", one_line(root)));
        lines.extend(more.iter().map(|line| format!("  {}", one_line(line))));
    }
    let row = |vertex: &Value| {
        [text(&vertex["status"]), vertex["parallelism"].to_string(), text(&vertex["name"])]
    };
    lines.extend(table(["STATE", "PARALLELISM", "NAME"], vertices.iter().map(row).collect()));
    Ok(lines.join("\n"))
}

fn fields(job: &ListedJob) -> Value {
    json!({
        "id": job.id,
        "name": job.name,
        "state": job.state,
        "submitted": rfc3339(job.start),
        "seconds": job.duration / 1000,
        "tasks": job.tasks,
    })
}

fn state(paint: Paint, state: &str) -> String {
    let shown = one_line(state);
    match JobState::of(state) {
        JobState::Finished => paint.text(Mood::Good, &shown),
        JobState::Failed => paint.text(Mood::Bad, &shown),
        JobState::Going | JobState::Cancelled => shown,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_answers_in_place_of_flink_cannot_control_the_terminal() {
        let evil = "x\u{1b}[2J\nready";
        let job: ListedJob = serde_json::from_value(json!({
            "jid": evil, "name": evil, "state": evil, "start-time": 1000, "duration": 1,
        }))
        .unwrap();
        let text = list(&[job], OutputForm::Text, Paint::default());
        assert!(!text.contains('\u{1b}') && !text.contains("\nready"), "{text}");
    }

    #[test]
    fn a_list_is_a_table_for_people_and_has_whole_times_for_programs() {
        let job: ListedJob = serde_json::from_value(json!({
            "jid": "ab", "name": "count\u{1b}[2J", "state": "RUNNING", "start-time": 1000, "duration": 65_000,
            "tasks": { "total": 3, "running": 1, "finished": 1, "scheduled": 1 },
        }))
        .unwrap();
        let text = list(std::slice::from_ref(&job), OutputForm::Text, Paint::default());
        let (headings, row) = text.split_once('\n').unwrap();
        assert!(headings.starts_with("JOB  STATE    TASKS  SUBMITTED"), "{text}");
        assert!(
            row.starts_with("ab   RUNNING  2/3    ") && row.ends_with("1m 5s     count\\u{1b}[2J"),
            "{text}"
        );
        let value: Value =
            serde_json::from_str(&list(&[job], OutputForm::Json, Paint::default())).unwrap();
        assert_eq!(value["jobs"][0]["submitted"], "1970-01-01T00:00:01.000Z");
        assert_eq!(
            (&value["jobs"][0]["id"], &value["jobs"][0]["seconds"]),
            (&json!("ab"), &json!(65))
        );
        assert_eq!(list(&[], OutputForm::Text, Paint::default()), "No jobs");
    }
}
