//! A client of the cluster that a command means.

use anyhow::anyhow;
use common::files::{LARGEST_CERTIFICATES, read_secret, read_text};

use super::{Cluster, Search, at_master::Master, configured::Configured, master};
use crate::{
    cli::Contact,
    control::{
        Token,
        client::{Client, address},
        run_file::Running,
    },
    environment::Lookup,
    failure::Failure,
};

/// Variable with the token, for users who do not want it in a file.
const TOKEN_VARIABLE: &str = "FLINK_MESOS_CONTROL_TOKEN";

/// Where the control API is, and what is known of its token and certificates.
struct Target {
    address: String,
    running: Option<Running>,
    configured: Option<Token>,
}

/// A client of the application master at the given address, of the cluster with the given name, or
/// of the only one.
pub async fn client(contact: Contact, lookup: &Lookup) -> Result<Client, Failure> {
    let Target { address, running, configured } = target(&contact, lookup).await?;
    let given = match (contact.token_file, lookup(TOKEN_VARIABLE)) {
        (Some(file), _) => {
            let text = read_secret(&file).map_err(Failure::usage)?;
            Some(token(&text, &format!("--token-file: {}", file.display()))?)
        }
        (None, Some(text)) => Some(token(&text, TOKEN_VARIABLE)?),
        (None, None) => None,
    };
    let own = running.as_ref().map(|running| running.token.clone());
    let token = given.or(own).or_else(|| configured.map(|token| token.reveal().to_owned()));
    let own = contact.authorities.map(|file| read_text(&file, LARGEST_CERTIFICATES));
    let own = own.transpose().map_err(Failure::usage)?;
    let authorities = own.or_else(|| running.and_then(|running| running.authorities));
    Client::new(&address, token.as_deref(), authorities.as_deref()).map_err(Failure::usage)
}

async fn target(contact: &Contact, lookup: &Lookup) -> Result<Target, Failure> {
    let Some(at) = &contact.at else {
        let cluster = found(contact, lookup).await?;
        return reached(cluster, contact.authorities.is_some());
    };
    for (option, value) in [("--cluster", &contact.cluster), ("--master", &contact.master)] {
        if let Some(value) = value {
            return Err(Failure::usage(anyhow!(
                "both {at} (--at or FLINK_MESOS_CONTROL) and {option} {value} are given: give one of them"
            )));
        }
    }
    let url = address(at).map_err(Failure::usage)?;
    let mut here = Search::here(lookup);
    let known = |cluster: &Cluster| cluster.running.as_ref().is_some_and(|it| it.is_at(&url));
    let running = here.clusters.iter().position(known);
    let running = running.and_then(|at| here.clusters.swap_remove(at).running);
    let has_token = contact.token_file.is_some() || lookup(TOKEN_VARIABLE).is_some();
    if let (None, false, Some(obstacle)) = (&running, has_token, &here.obstacle) {
        return Err(Failure::usage(anyhow!(obstacle.advice())));
    }
    // The run file has the URL for this machine.
    let address = running.as_ref().map_or_else(|| url.into(), |running| running.address.clone());
    Ok(Target { address, running, configured: None })
}

/// Looks where the command says, or else here, and then where the configuration says.
async fn found(contact: &Contact, lookup: &Lookup) -> Result<Cluster, Failure> {
    let wanted = contact.cluster.as_deref();
    let mut search = Search::here(lookup);
    // Why ZooKeeper could not be asked.
    let mut away = None;
    if let Some(text) = &contact.master {
        search.add_master(&Master { url: master(text)?, credential: None }).await?;
        // Others of this machine are not meant.
        search.clusters.retain(|cluster| cluster.framework.is_some());
    } else if search.choose(wanted)?.is_none() {
        let configured = Configured::read(lookup);
        away = search.add_zookeeper(&configured).await.err();
        if let (None, Some(master)) = (search.choose(wanted)?, &configured.master) {
            search.add_master(master).await.map_err(|error| both(away.take(), error))?;
        }
    }
    let chosen = search.choose(wanted)?.cloned();
    chosen.ok_or_else(|| away.unwrap_or_else(|| search.missing(wanted)))
}

/// Why neither ZooKeeper nor the Mesos master could be asked.
fn both(zookeeper: Option<Failure>, master: Failure) -> Failure {
    match zookeeper {
        Some(zookeeper) => Failure::other(anyhow!("{zookeeper}; {master}")),
        None => master,
    }
}

/// Where the cluster is, unless that is not certain. `has_authorities`: only a server with a
/// certificate of these can read what is sent over TLS.
fn reached(cluster: Cluster, has_authorities: bool) -> Result<Target, Failure> {
    let Cluster { name, control, labelled, running, token, .. } = cluster;
    let unusable =
        |why| Failure::usage(anyhow!("cluster {name:?} cannot be reached from here: {why}"));
    let address = control.map_err(unusable)?;
    if labelled && !(has_authorities && address.starts_with("https:")) {
        return Err(Failure::usage(anyhow!(
            "the address of cluster {name:?} is in a label of its framework, which Mesos does not verify: if it is correct, use \
             --at {address}"
        )));
    }
    Ok(Target { address, running, configured: token })
}

fn token(text: &str, place: &str) -> Result<String, Failure> {
    Ok(Token::parse(text)
        .map_err(|error| Failure::usage(anyhow!("{place} {error}")))?
        .reveal()
        .to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::Json;
    use serde_json::json;

    use super::*;
    use crate::{
        bounded_answer::tests::answering,
        clusters::{LABEL, choice::tests::local},
    };

    #[test]
    fn an_address_that_only_a_label_has_gets_no_token_and_no_job_without_a_certificate() {
        let labelled = |control: &str| Cluster {
            control: Ok(control.to_owned()),
            running: None,
            labelled: true,
            ..local("blue", 1)
        };
        for (control, has_authorities) in
            [("http://evil:1", false), ("http://evil:1", true), ("https://evil:1", false)]
        {
            let error = reached(labelled(control), has_authorities).err().unwrap();
            assert_eq!(error.exit_code(), 64);
            assert!(error.to_string().ends_with(&format!("use --at {control}")), "{error}");
        }
        assert_eq!(reached(labelled("https://m:1"), true).unwrap().address, "https://m:1");
        assert_eq!(reached(local("blue", 1), false).unwrap().address, "http://127.0.0.1:1");
    }

    #[tokio::test]
    async fn the_mesos_master_is_asked_although_zookeeper_does_not_answer() {
        let framework = json!({
            "id": "F-1", "name": "blue", "hostname": "h", "connected": true,
            "labels": [{ "key": LABEL, "value": "http://h:1" }],
        });
        let listed = json!({ "frameworks": [framework] });
        let (master, _server) = answering(move || Json(listed.clone())).await;
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("flink");
        for (name, content) in [
            ("bin/config.sh", String::new()),
            ("lib/flink-dist-1.20.5.jar", String::new()),
            (
                "conf/config.yaml",
                format!(
                    "mesos.master: {}\nhigh-availability.type: zookeeper\n\
                     high-availability.zookeeper.quorum: 127.0.0.1:1\n",
                    master.trim_start_matches("http://")
                ),
            ),
        ] {
            let path = home.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        let run = folder.path().display().to_string();
        let lookup = move |name: &str| match name {
            "FLINK_HOME" => Some(home.display().to_string()),
            "XDG_RUNTIME_DIR" => Some(run.clone()),
            _ => None,
        };
        // It is found, and an address that only a label has is not used.
        let error = client(Contact::default(), &lookup).await.unwrap_err().to_string();
        assert!(error.ends_with("use --at http://h:1"), "{error}");
    }

    #[tokio::test]
    async fn an_address_beside_a_name_or_a_master_is_a_mistake() {
        let at = || Contact { at: Some("http://m:1".to_owned()), ..Contact::default() };
        let named = Contact { cluster: Some("blue".to_owned()), ..at() };
        let listed = Contact { master: Some("zk://z/mesos".to_owned()), ..at() };
        for (contact, option) in [(named, "--cluster blue"), (listed, "--master zk://z/mesos")] {
            let error = client(contact, &|_: &str| None).await.unwrap_err();
            assert_eq!(error.exit_code(), 64);
            assert!(error.to_string().contains(option), "{error}");
        }
    }
}
