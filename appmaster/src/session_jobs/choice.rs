//! Which job a person means.

use anyhow::anyhow;

use crate::{
    failure::Failure,
    flink_rest::{JobState, ListedJob},
};

/// How many jobs an error names.
const NAMED: usize = 5;

/// The job whose id begins like this; or the only one that has not ended.
pub(super) fn choose<'a>(
    jobs: &'a [ListedJob],
    wanted: Option<&str>,
) -> Result<&'a ListedJob, Failure> {
    let meant = |job: &&ListedJob| match wanted {
        Some(begin) => !begin.is_empty() && job.id.starts_with(&begin.to_ascii_lowercase()),
        None => JobState::of(&job.state) == JobState::Going,
    };
    let found: Vec<_> = jobs.iter().filter(meant).collect();
    match (&found[..], wanted) {
        ([only], _) => Ok(only),
        ([], None) => Err(usage("no job runs on this cluster", &[])),
        ([], Some(begin)) => {
            let all: Vec<_> = jobs.iter().collect();
            Err(usage(&format!("no job has an id that begins with {begin:?}"), &all))
        }
        (several, _) => Err(usage(&format!("{} jobs are meant: name one", several.len()), several)),
    }
}

fn usage(what: &str, jobs: &[&ListedJob]) -> Failure {
    let line = |job: &&ListedJob| format!("\n  {}  {}  {}", job.id, job.state, job.name);
    let named: String = jobs.iter().take(NAMED).map(line).collect();
    let more = jobs.len().saturating_sub(NAMED);
    let more = if more == 0 {
        String::new()
    } else {
        format!("\n  and {more} more: see `flink-mesos jobs`")
    };
    Failure::usage(anyhow!("{what}{named}{more}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn job(id: &str, state: &str) -> ListedJob {
        serde_json::from_value(serde_json::json!({
            "jid": id, "name": "count", "state": state, "start-time": 1, "duration": 1,
        }))
        .unwrap()
    }

    #[test]
    fn a_job_is_chosen_by_the_beginning_of_its_id_or_because_it_is_the_only_one_that_runs() {
        let jobs = [job("abc1", "FINISHED"), job("ab22", "RUNNING"), job("b3", "FAILED")];
        assert_eq!(choose(&jobs, None).unwrap().id, "ab22");
        assert_eq!(choose(&jobs, Some("B")).unwrap().id, "b3");
        let error = choose(&jobs, Some("ab")).unwrap_err();
        assert_eq!(error.exit_code(), 64);
        let text = error.to_string();
        assert!(text.starts_with("2 jobs are meant: name one\n  abc1  FINISHED  count"), "{text}");
        let text = choose(&jobs, Some("x")).unwrap_err().to_string();
        assert!(text.contains("begins with \"x\"\n  abc1") && text.contains("b3"), "{text}");
        let text = choose(&jobs[..1], Some("")).unwrap_err().to_string();
        assert!(text.starts_with("no job has an id that begins with \"\""), "{text}");
        let text = choose(&jobs[..1], None).unwrap_err().to_string();
        assert_eq!(text, "no job runs on this cluster");
    }
}
