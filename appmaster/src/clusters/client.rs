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
        return found(contact, lookup).await.and_then(reached);
    };
    if let Some(name) = &contact.cluster {
        return Err(Failure::usage(anyhow!(
            "both {at} (--at or FLINK_MESOS_CONTROL) and --cluster {name} are given: give one of them"
        )));
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
    if let Some(text) = &contact.master {
        search.add_master(&Master { url: master(text)?, credential: None }).await?;
        // Others of this machine are not meant.
        search.clusters.retain(|cluster| cluster.framework.is_some());
    } else if search.choose(wanted)?.is_none() {
        let configured = Configured::read(lookup);
        search.add_zookeeper(&configured).await?;
        if let (None, Some(master)) = (search.choose(wanted)?, &configured.master) {
            search.add_master(master).await?;
        }
    }
    let chosen = search.choose(wanted)?.cloned();
    chosen.ok_or_else(|| search.missing(wanted))
}

fn reached(cluster: Cluster) -> Result<Target, Failure> {
    let Cluster { name, control, running, token, .. } = cluster;
    let unusable =
        |why| Failure::usage(anyhow!("cluster {name:?} cannot be reached from here: {why}"));
    Ok(Target { address: control.map_err(unusable)?, running, configured: token })
}

fn token(text: &str, place: &str) -> Result<String, Failure> {
    Ok(Token::parse(text)
        .map_err(|error| Failure::usage(anyhow!("{place} {error}")))?
        .reveal()
        .to_owned())
}
