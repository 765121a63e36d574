//! Asks the Mesos master and its agents.

use std::time::{Duration, SystemTime};

use common::causes::root_cause;
use flink::options::mesos::MASTER;
use futures_util::{StreamExt as _, stream};
use mesos::{master::MasterUrl, scheduler::Credential};
use reqwest::{
    Client, RequestBuilder, Response,
    header::{CONTENT_TYPE, DATE, LOCATION},
    redirect::Policy,
};
use serde::Deserialize;

use super::{judge, row::Row};
use crate::{
    bounded_answer::{self as answer, LARGEST, LARGEST_LIST},
    check::reach,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Agents whose clocks are asked for, and how many of them at a time.
const MOST_AGENTS: usize = 100;
const AT_A_TIME: usize = 16;

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Agents {
    slaves: Vec<Agent>,
}

/// An agent of the master.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Agent {
    pub(super) hostname: String,
    /// `slave(1)@10.0.0.1:5051`.
    pid: String,
}

impl Agent {
    /// `10.0.0.1:5051`.
    pub(super) fn address(&self) -> &str {
        self.pid.rsplit_once('@').map_or(self.pid.as_str(), |(_, address)| address)
    }
}

/// What the master says of itself, its agents, and the clocks of all of them. Also returns the
/// agents.
pub(super) async fn check(
    url: &MasterUrl,
    credential: Option<&Credential>,
) -> (Vec<Row>, Vec<Agent>) {
    let unreachable = |why: String| {
        let finding = format!("{MASTER}: {url} cannot be reached: {why}");
        let next = "start the master, or correct mesos.master";
        (vec![Row::failed("mesos", finding, next)], Vec::new())
    };
    let client = match client() {
        Ok(client) => client,
        Err(error) => return unreachable(error.to_string()),
    };
    let master = match reach::master_that_answers(url).await {
        Ok(master) => master.url(false),
        Err(why) => return unreachable(why),
    };
    let leader = leader(&client, &master).await.unwrap_or(master);
    let about = AtMaster { client: &client, leader: &leader, credential };
    let ((version, clock), login, agents) =
        tokio::join!(about.version(), about.login(), about.agents());
    let mut rows = vec![version, login];
    rows.extend(clock);
    let agents = match agents {
        Ok(agents) => agents,
        Err(row) => {
            rows.push(row);
            return (rows, Vec::new());
        }
    };
    rows.push(registered(&agents));
    rows.extend(clocks(&client, &agents).await);
    (rows, agents)
}

/// A client that shows redirects and uses no proxy.
fn client() -> Result<Client, reqwest::Error> {
    common::tls::install_provider();
    Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build()
}

/// The URL of the master that leads, as another one says.
async fn leader(client: &Client, master: &str) -> Option<String> {
    let redirect = client.get(format!("{master}/master/redirect")).send().await.ok()?;
    let location = redirect.headers().get(LOCATION)?.to_str().ok()?;
    let there = location.strip_prefix("//")?.trim_end_matches('/');
    Some(format!("http://{there}"))
}

/// The master that leads.
struct AtMaster<'a> {
    client: &'a Client,
    leader: &'a str,
    credential: Option<&'a Credential>,
}

impl AtMaster<'_> {
    fn authenticated(&self, request: RequestBuilder) -> RequestBuilder {
        match self.credential {
            Some(Credential { principal, secret }) => request.basic_auth(principal, Some(secret)),
            None => request,
        }
    }

    /// Its version, and its clock.
    async fn version(&self) -> (Row, Option<Row>) {
        let sent = self.client.get(format!("{}/version", self.leader)).send().await;
        let answered = match sent {
            Ok(answered) => answered,
            Err(error) => {
                let finding = format!("the leading master {}: {}", self.leader, root_cause(&error));
                let next = "check that this machine reaches it";
                return (Row::failed("mesos", finding, next), None);
            }
        };
        let clock = clock(&answered, "the Mesos master");
        let version = answer::json::<Version>(answered, LARGEST).await;
        let version = version.map_or_else(|_| "of an unknown version".to_owned(), |it| it.version);
        let finding = format!("Mesos {version} leads at {}", self.leader);
        (judge::mesos(&version, finding), clock)
    }

    /// Whether it accepts our credential: it looks at that before it reads a call, and this one it
    /// cannot read.
    async fn login(&self) -> Row {
        let call = self.client.post(format!("{}/api/v1/scheduler", self.leader));
        let call = self.authenticated(call).header(CONTENT_TYPE, "application/json").body("{");
        match call.send().await {
            Ok(answered) => judge::authentication(
                answered.status().as_u16(),
                self.credential.map(|credential| credential.principal.as_str()),
            ),
            Err(error) => Row::warning(
                "mesos login",
                format!("no answer to a request of a framework: {}", root_cause(&error)),
                "look into the master's log",
            ),
        }
    }

    async fn agents(&self) -> Result<Vec<Agent>, Row> {
        let request = self.client.get(format!("{}/master/slaves", self.leader));
        let sent = self.authenticated(request).send().await;
        let unknown = |why: String| {
            let next = "the credential of the framework needs to read the master's HTTP endpoints for this check";
            Row::warning("agents", format!("the master does not show its agents: {why}"), next)
        };
        let answered = sent.and_then(Response::error_for_status);
        let answered = answered.map_err(|error| unknown(root_cause(&error)))?;
        let listed = answer::json::<Agents>(answered, LARGEST_LIST).await;
        Ok(listed.map_err(|error| unknown(error.to_string()))?.slaves)
    }
}

fn registered(agents: &[Agent]) -> Row {
    match agents.len() {
        0 => Row::warning(
            "agents",
            "no agent is registered: there are no offers",
            "start mesos-agent with this master",
        ),
        1 => Row::ok("agents", "1 agent is registered"),
        many => Row::ok("agents", format!("{many} agents are registered")),
    }
}

/// The clocks of the agents. Those that agree with ours are one row.
async fn clocks(client: &Client, agents: &[Agent]) -> Vec<Row> {
    let asked = agents.iter().take(MOST_AGENTS).map(|agent| async move {
        let whose = format!("agent {}", agent.hostname);
        match client.get(format!("http://{}/slave(1)/health", agent.address())).send().await {
            Ok(answered) => clock(&answered, &whose),
            Err(error) => Some(Row::warning(
                "agents",
                format!("{whose} at {} does not answer: {}", agent.address(), root_cause(&error)),
                "`flink-mesos logs` of its TaskManagers will not work from here",
            )),
        }
    });
    let rows: Vec<_> = stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await;
    let (fine, other): (Vec<_>, Vec<_>) =
        rows.into_iter().flatten().partition(|row| *row == Row::ok("clock", row.finding.clone()));
    let summary = match fine.len() {
        0 => None,
        1 => fine.into_iter().next(),
        many => Some(Row::ok("clock", format!("{many} agents agree with this machine"))),
    };
    summary.into_iter().chain(other).collect()
}

/// Whether the clock of the machine that has just answered agrees with ours.
fn clock(answered: &Response, whose: &str) -> Option<Row> {
    let there = httpdate::parse_http_date(answered.headers().get(DATE)?.to_str().ok()?).ok()?;
    let here = SystemTime::now();
    Some(match there.duration_since(here) {
        Ok(ahead) => judge::clock(whose, ahead, true),
        Err(behind) => judge::clock(whose, behind.duration(), false),
    })
}
