//! Which of the clusters a command means.

use anyhow::anyhow;

use super::{Cluster, Search};
use crate::{console::one_line, control::run_file::RunFolderError, failure::Failure};

/// At most this many names are suggested for one that is unknown.
const MOST_NEAR: usize = 3;
/// How similar they must be, from 0 to 1.
const NEAR: f64 = 0.75;
/// The shortest end of a framework's id that stands for all of it.
const SHORTEST_ID: usize = 4;

impl Search {
    /// The cluster with this name or framework id, or else the only one. `None` if there is none.
    pub(super) fn choose(&self, wanted: Option<&str>) -> Result<Option<&Cluster>, Failure> {
        let meant: Vec<_> = self
            .clusters
            .iter()
            .filter(|cluster| wanted.is_none_or(|wanted| cluster.is_called(wanted)))
            .collect();
        match meant.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            several => Err(Failure::usage(anyhow!("{}", choose_one(several, wanted)))),
        }
    }

    /// What to do when there is no such cluster.
    pub(super) fn missing(&self, wanted: Option<&str>) -> Failure {
        let places = self.places.join(", ");
        let other = "Use --master MASTER for one that a Mesos master knows, or --at URL (the \"Control API\" address printed at \
                     startup)";
        let Some(wanted) = wanted else {
            let obstacle = self.obstacle.as_ref().map(RunFolderError::advice);
            return Failure::usage(anyhow!(
                obstacle
                    .unwrap_or_else(|| format!("no running cluster found in {places}. {other}"))
            ));
        };
        let near = self.near(wanted);
        let next = match near.as_slice() {
            [] => format!("{other}. `flink-mesos list` shows all clusters that are found"),
            near => {
                let options: Vec<_> =
                    near.iter().map(|name| format!("--cluster {}", one_line(name))).collect();
                format!("Did you mean {}?", options.join(" or "))
            }
        };
        Failure::usage(anyhow!("no running cluster {wanted:?} in {places}. {next}"))
    }

    /// The names that are most like this one.
    fn near(&self, wanted: &str) -> Vec<&str> {
        let wanted = wanted.to_lowercase();
        let mut near: Vec<_> = self
            .clusters
            .iter()
            .map(|cluster| {
                let name = cluster.name.as_str();
                (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name)
            })
            .filter(|(likeness, _)| *likeness >= NEAR)
            .collect();
        near.sort_by(|one, other| other.0.total_cmp(&one.0));
        near.dedup_by(|one, other| one.1 == other.1);
        near.into_iter().take(MOST_NEAR).map(|(_, name)| name).collect()
    }
}

impl Cluster {
    fn is_called(&self, wanted: &str) -> bool {
        let is_id = |id: &str| {
            id == wanted || wanted.len() >= SHORTEST_ID && id.ends_with(&format!("-{wanted}"))
        };
        self.name == wanted || self.framework.as_deref().is_some_and(is_id)
    }
}

/// Lists the clusters with what to type for each.
fn choose_one(several: &[&Cluster], wanted: Option<&str>) -> String {
    let named = wanted.map(|name| format!(" are named {name:?}")).unwrap_or_default();
    let is_unique = |name: &str| several.iter().filter(|cluster| cluster.name == name).count() == 1;
    let line = |cluster: &&Cluster| {
        let option = match (&cluster.framework, &cluster.control) {
            _ if is_unique(&cluster.name) => format!("--cluster {}", one_line(&cluster.name)),
            (Some(id), _) => format!("--cluster {}", one_line(id)),
            (None, Ok(control)) => format!("--at {control}"),
            (None, Err(_)) => format!("--cluster {}", one_line(&cluster.name)),
        };
        let running = cluster.running.as_ref();
        let process = running.map(|running| format!("process {}", running.pid()));
        let web = cluster.web.as_deref().map(one_line);
        let details: Vec<_> = process.into_iter().chain(web).collect();
        format!("\n  {option}  {}", details.join(", "))
    };
    let lines: String = several.iter().map(line).collect();
    format!("{} running clusters{named}; choose one:{lines}", several.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;
    use crate::control::{Token, run_file::Running};

    /// A cluster of this user on this machine.
    pub(in crate::clusters) fn local(name: &str, port: u16) -> Cluster {
        let token = Token::parse("a-token-of-a-test").unwrap();
        let address = format!("http://127.0.0.1:{port}");
        Running::here(address.clone(), address, &token, None, name.to_owned()).into()
    }

    fn search(names: &[&str]) -> Search {
        let local = |(port, name): (usize, &&str)| local(name, u16::try_from(port).unwrap() + 1);
        Search { clusters: names.iter().enumerate().map(local).collect(), ..Search::default() }
    }

    fn refused(search: &Search, wanted: Option<&str>) -> String {
        let error = match search.choose(wanted) {
            Ok(None) => search.missing(wanted),
            Ok(Some(cluster)) => panic!("{cluster:?}"),
            Err(error) => error,
        };
        assert_eq!(error.exit_code(), 64);
        error.to_string()
    }

    #[test]
    fn the_only_cluster_needs_no_name_and_a_name_chooses_one_of_several() {
        assert_eq!(search(&["blue"]).choose(None).unwrap().unwrap().name, "blue");
        let both = search(&["blue", "green"]);
        assert_eq!(both.choose(Some("green")).unwrap().unwrap().name, "green");
        assert!(search(&[]).choose(None).unwrap().is_none());
    }

    #[test]
    fn without_a_name_several_clusters_are_listed_with_what_to_type_and_no_token() {
        let text = refused(&search(&["blue", "green"]), None);
        assert!(text.starts_with("2 running clusters; choose one:"), "{text}");
        assert!(text.contains("\n  --cluster blue  process "), "{text}");
        assert!(!text.contains("a-token"), "{text}");
        let same = refused(&search(&["blue", "blue"]), Some("blue"));
        assert!(
            same.contains("are named \"blue\"") && same.contains("--at http://127.0.0.1:2"),
            "{same}"
        );
    }

    #[test]
    fn an_unknown_name_gets_the_near_ones() {
        let all = search(&["blue", "green", "payments"]);
        let near = refused(&all, Some("bleu"));
        assert!(near.contains("no running cluster \"bleu\""), "{near}");
        assert!(near.ends_with("Did you mean --cluster blue?"), "{near}");
        assert!(refused(&all, Some("PAYMENT")).ends_with("--cluster payments?"));
        let far = refused(&all, Some("x"));
        assert!(far.contains("flink-mesos list"), "{far}");
    }

    #[test]
    fn a_framework_id_or_its_end_names_a_cluster_too() {
        let mut all = search(&["blue", "blue"]);
        all.clusters[1].framework = Some("4c1d-ab-0007".to_owned());
        for id in ["4c1d-ab-0007", "0007"] {
            assert_eq!(
                all.choose(Some(id)).unwrap().unwrap().control.as_deref(),
                Ok("http://127.0.0.1:2")
            );
        }
        assert!(all.choose(Some("007")).unwrap().is_none());
        assert!(refused(&all, Some("blue")).contains("--cluster 4c1d-ab-0007"));
    }

    #[test]
    fn where_nothing_runs_the_places_and_the_next_step_are_named() {
        let nothing =
            Search { places: vec!["this user's run files".to_owned()], ..Search::default() };
        let text = refused(&nothing, None);
        assert!(text.contains("in this user's run files") && text.contains("--at URL"), "{text}");
    }
}
