//! `flink-mesos list`: all clusters that are found, with what they do.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Cluster, Search, at_master::Master, configured::Configured, master};
use crate::{
    cli::List,
    console::{OutputForm, one_line},
    control::{
        Token,
        client::{Client, ControlError},
        run_file::RunFolderError,
        status::Status,
    },
    environment::Lookup,
    failure::Failure,
    table::{Mood, Paint, ago, rfc3339, table},
};

/// How long a cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The clusters that were found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The clusters, by name.
    pub clusters: Vec<Listed>,
    /// Where they were looked for.
    pub searched: Vec<String>,
    /// Why other places could not be searched.
    pub problems: Vec<String>,
}

/// A cluster that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The framework's name.
    pub name: String,
    /// The framework's id, if it is known.
    pub framework: Option<String>,
    /// Whether it answers.
    pub state: State,
    /// Why it does not answer, or cannot be reached from this machine.
    pub reason: Option<String>,
    /// The control API's URL, if it can be used from this machine.
    pub control: Option<String>,
    /// The JobManager's web page.
    pub web: Option<String>,
    /// The user of the application master, or of the framework's tasks.
    pub user: Option<String>,
    /// Since when it runs, in RFC 3339.
    pub since: Option<String>,
}

/// Whether a cluster answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its control API answers, or can be used only from another machine.
    Running,
    /// Its control API does not answer.
    NotAnswering,
    /// The Mesos master has lost its application master.
    Disconnected,
}

/// Finds the clusters and returns the text to print.
pub async fn list(list: List, lookup: &Lookup) -> Result<String, Failure> {
    let mut search = Search::here(lookup);
    if let Some(text) = &list.master {
        search.add_master(&Master { url: master(text)?, credential: None }).await?;
    }
    let configured = Configured::read(lookup);
    // Those that were found are worth listing without the others.
    let mut failures = vec![search.add_zookeeper(&configured).await];
    if let (None, Some(master)) = (&list.master, &configured.master) {
        failures.push(search.add_master(master).await);
    }
    let failures = failures.into_iter().filter_map(Result::err).map(|error| error.to_string());
    let obstacle = search.obstacle.as_ref().map(RunFolderError::advice);
    let problems = obstacle.into_iter().chain(failures).collect();
    let mut clusters = join_all(search.clusters.into_iter().map(look)).await;
    clusters
        .sort_by(|one, other| (&one.name, &one.framework).cmp(&(&other.name, &other.framework)));
    let listing = Listing { clusters, searched: search.places, problems };
    Ok(match list.form.output {
        OutputForm::Json => serde_json::to_string(&listing).map_err(Failure::other)?,
        OutputForm::Text => lines(&listing, SystemTime::now(), Paint::stdout(lookup)),
    })
}

/// Asks the cluster for its status.
async fn look(cluster: Cluster) -> Listed {
    let answer = match &cluster.control {
        Err(_) => None,
        Ok(control) => Some(ask(control, &cluster).await),
    };
    let (state, reason) = match (&answer, &cluster.control) {
        _ if cluster.disconnected => (State::Disconnected, None),
        (Some(Err(error)), _) => (State::NotAnswering, Some(error.clone())),
        (None, Err(why)) => (State::Running, Some(why.clone())),
        _ => (State::Running, None),
    };
    let listed = Listed {
        state,
        reason,
        name: cluster.name,
        framework: cluster.framework,
        control: cluster.control.ok(),
        web: cluster.web,
        user: cluster.user,
        since: cluster.since.map(rfc3339),
    };
    match answer {
        Some(Ok(Some(status))) => Listed {
            framework: status.framework.or(listed.framework),
            user: Some(status.user),
            since: Some(status.since),
            web: status.job_manager.web.or(listed.web),
            ..listed
        },
        _ => listed,
    }
}

/// The cluster's status, if it shows it to us; an error if it does not answer.
async fn ask(control: &str, cluster: &Cluster) -> Result<Option<Status>, String> {
    let running = cluster.running.as_ref();
    let configured = cluster.token.as_ref().map(Token::reveal);
    let token = running.map(|running| running.token.as_str()).or(configured);
    let authorities = running.and_then(|running| running.authorities.as_deref());
    let client = Client::new(control, token, authorities).map_err(|error| error.to_string())?;
    match timeout(PATIENCE, client.status()).await {
        Ok(Ok(status)) => Ok(Some(status)),
        // It answers, but wants a token.
        Ok(Err(ControlError::Refused { .. })) => Ok(None),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// The listing for people, at `now`.
fn lines(listing: &Listing, now: SystemTime, paint: Paint) -> String {
    let problems = listing.problems.iter().map(|problem| one_line(problem));
    if listing.clusters.is_empty() {
        let places: Vec<_> = listing.searched.iter().map(|place| one_line(place)).collect();
        let nothing = format!("No running cluster found in {}", places.join(", "));
        return [nothing].into_iter().chain(problems).collect::<Vec<_>>().join("\n");
    }
    let rows = listing.clusters.iter().map(|cluster| {
        let cell = |value: &Option<String>| one_line(value.as_deref().unwrap_or("-"));
        let since = cluster.since.as_deref().map(|since| ago(since, now));
        [
            one_line(&cluster.name),
            cell(&cluster.framework),
            cluster.state.word().to_owned(),
            cell(&cluster.control),
            cell(&cluster.web),
            cell(&cluster.user),
            cell(&since),
        ]
    });
    let headings = ["NAME", "FRAMEWORK", "STATE", "CONTROL", "WEB", "USER", "SINCE"];
    let mut lines = table(headings, rows.collect());
    for (cluster, line) in listing.clusters.iter().zip(&mut lines[1..]) {
        if cluster.state != State::Running {
            *line = paint.text(Mood::Bad, line);
        }
    }
    let notes = listing.clusters.iter().filter_map(|cluster| {
        let reason = cluster.reason.as_deref()?;
        Some(format!("{}: {}", one_line(&cluster.name), one_line(reason)))
    });
    lines.extend(notes.chain(problems));
    lines.join("\n")
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::NotAnswering => "not answering",
            Self::Disconnected => "disconnected",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::{bounded_answer::tests::answering, clusters::choice::tests::local};

    fn listed(name: &str, state: State, reason: Option<&str>) -> Listed {
        Listed {
            name: name.to_owned(),
            framework: None,
            state,
            reason: reason.map(str::to_owned),
            control: Some("http://127.0.0.1:1".to_owned()),
            web: Some("http://m:8081".to_owned()),
            user: Some("flink".to_owned()),
            since: Some("1970-01-01T00:00:00.000Z".to_owned()),
        }
    }

    fn shown(clusters: Vec<Listed>) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(3 * 3600);
        let (searched, problems) =
            (vec!["run files".to_owned()], vec!["no\u{1b} answer".to_owned()]);
        let listing = Listing { clusters, searched, problems };
        lines(&listing, now, Paint::default())
    }

    #[test]
    fn people_see_a_row_for_each_cluster_and_why_one_does_not_answer() {
        let rows = vec![
            listed("blue", State::Running, None),
            listed("green", State::NotAnswering, Some("connection refused")),
        ];
        let expected = "\
NAME   FRAMEWORK  STATE          CONTROL             WEB            USER   SINCE
blue   -          running        http://127.0.0.1:1  http://m:8081  flink  3h ago
green  -          not answering  http://127.0.0.1:1  http://m:8081  flink  3h ago
green: connection refused
no\\u{1b} answer";
        assert_eq!(shown(rows), expected);
        let nothing = "No running cluster found in run files\nno\\u{1b} answer";
        assert_eq!(shown(Vec::new()), nothing);
    }

    #[test]
    fn a_name_that_anybody_may_register_cannot_control_the_terminal() {
        let evil = "x\u{1b}[2J\nready";
        let row = Listed { web: Some(evil.to_owned()), ..listed(evil, State::Running, Some(evil)) };
        let shown = shown(vec![row]);
        assert!(!shown.contains('\u{1b}') && !shown.contains("\nready"), "{shown}");
    }

    #[tokio::test]
    async fn a_cluster_that_wants_a_token_runs_and_one_that_is_gone_does_not_answer() {
        let (url, server) = answering(|| (StatusCode::UNAUTHORIZED, "the token")).await;
        let strange = |control: &str| Cluster {
            control: Ok(control.to_owned()),
            running: None,
            ..local("blue", 1)
        };
        assert_eq!(look(strange(&url)).await.state, State::Running);
        drop(server);
        let gone = look(strange("http://127.0.0.1:1")).await;
        assert_eq!(gone.state, State::NotAnswering);
        assert!(gone.reason.unwrap().contains("refused"));
        let elsewhere = Cluster { control: Err("only on host-7".to_owned()), ..strange("") };
        let elsewhere = look(elsewhere).await;
        assert_eq!((elsewhere.state, elsewhere.control), (State::Running, None));
        assert_eq!(elsewhere.reason.as_deref(), Some("only on host-7"));
    }
}
