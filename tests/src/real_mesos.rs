//! The real Mesos 1.11: masters and agents as processes, with their own ports and folders.

mod command;
mod daemon;
mod logs;
mod mounts;
mod options;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Keeper, PortBlock, RealZooKeeper, http, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use self::daemon::Daemon;
pub use self::options::{ExecutorsCache, RealMesosOptions};

const PATIENCE: Duration = Duration::from_secs(60);

/// A Mesos cluster for one test. Dropping it kills and reaps all its processes, including executors
/// and what they started; so does the end of the test's process. If the test fails, the logs are
/// kept.
#[derive(Debug)]
pub struct RealMesos {
    keeper: Keeper,
    zookeeper: Option<RealZooKeeper>,
    masters: Vec<Daemon>,
    agents: Vec<Daemon>,
    client: reqwest::Client,
    /// Reserved so that no other agent offers the same ports.
    _blocks: Vec<PortBlock>,
    work: TempDir,
}

impl RealMesos {
    /// Starts one master and this many agents; returns when all are registered.
    pub async fn start(agents: usize) -> Self {
        Self::start_with(RealMesosOptions { agents, ..Default::default() }).await
    }

    /// Starts this many masters, which elect their leader with their own ZooKeeper, and this many
    /// agents.
    pub async fn start_ha(masters: usize, agents: usize) -> Self {
        Self::start_with(RealMesosOptions { masters, agents, ..Default::default() }).await
    }

    /// Starts a cluster with these options; returns when all agents are registered.
    pub async fn start_with(options: RealMesosOptions) -> Self {
        let keeper = Keeper::start();
        let client = http::client();
        let work = TempDir::with_prefix("real-mesos-").expect("a temporary folder");
        let zookeeper = if options.masters > 1 { Some(RealZooKeeper::start().await) } else { None };
        let election = zookeeper.as_ref().map(|zookeeper| zookeeper.url("/mesos"));
        let blocks: Vec<_> = (0..options.agents).map(|_| PortBlock::new()).collect();

        let start_master = |i| {
            let program =
                command::master(&options, work.path(), &format!("master{i}"), election.as_deref());
            Daemon::start(&keeper, program)
        };
        let mut masters: Vec<_> = (0..options.masters).map(start_master).collect();
        // An agent that finds no master would wait for seconds.
        for master in &mut masters {
            master.until_it_answers(&keeper, &client).await;
        }
        if zookeeper.is_some() {
            for master in &masters {
                master.until_its_log_votes(&client).await;
            }
        }
        let master = election.unwrap_or_else(|| masters[0].address());
        let start_agent = |(i, block)| {
            let mut program =
                command::agent(&options, work.path(), &format!("agent{i}"), &master, block);
            program
                .arguments
                .extend(options.flags_of_each_agent.get(i).into_iter().flatten().cloned());
            Daemon::start(&keeper, program)
        };
        let mut agents: Vec<_> = blocks.iter().enumerate().map(start_agent).collect();
        for agent in &mut agents {
            agent.until_it_answers(&keeper, &client).await;
        }
        let this = Self { keeper, zookeeper, masters, agents, client, _blocks: blocks, work };
        this.until_agents_are_active().await;
        this
    }

    /// The value for `mesos.master`: "127.0.0.1:port", or "zk://..." with several masters.
    pub fn master(&self) -> String {
        match &self.zookeeper {
            Some(zookeeper) => zookeeper.url("/mesos"),
            None => self.masters[0].address(),
        }
    }

    /// "127.0.0.1:port" of one master.
    pub fn master_address(&self, master: usize) -> String {
        self.masters[master].address()
    }

    /// "127.0.0.1:port" of one agent.
    pub fn agent(&self, agent: usize) -> String {
        self.agents[agent].address()
    }

    /// The process id of one agent.
    pub fn agent_pid(&self, agent: usize) -> i32 {
        self.agents[agent].pid()
    }

    /// The cluster's files: `master0.log`, `agent0.log`, `agent0/work/slaves/...`.
    pub fn work_dir(&self) -> &Path {
        self.work.path()
    }

    /// The parent folder of an agent's sandboxes.
    pub fn sandboxes(&self, agent: usize) -> PathBuf {
        self.work.path().join(format!("agent{agent}/work/slaves"))
    }

    /// The masters' ZooKeeper, if there are several masters.
    pub fn zookeeper(&mut self) -> Option<&mut RealZooKeeper> {
        self.zookeeper.as_mut()
    }

    /// The index of the leading master, once there is one.
    pub async fn leader(&self) -> usize {
        wait_until("a master leads", PATIENCE, async || {
            let port = self.ask("state").await?["leader_info"]["port"].as_u64()?;
            self.masters.iter().position(|master| {
                u64::from(master.port()) == port && master.is_alive(&self.keeper)
            })
        })
        .await
    }

    /// The leading master's `/state`: frameworks, tasks, agents.
    pub async fn state(&self) -> Value {
        wait_until("the master returns its state", PATIENCE, async || self.ask("state").await).await
    }

    /// The leading master's `/slaves`: all resources of each agent.
    pub async fn agents(&self) -> Value {
        wait_until("the master returns its agents", PATIENCE, async || self.ask("slaves").await)
            .await
    }

    /// Posts a form to an operator endpoint of the leading master: `teardown`, `reserve`.
    pub async fn post(&self, what: &str, form: &[(&str, &str)]) {
        let master = &self.masters[self.leader().await];
        let body: Vec<_> =
            form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let url = format!("http://{}/master/{what}", master.address());
        let answer =
            self.client.post(url).body(body.join("&")).send().await.expect("the master answers");
        let status = answer.status();
        assert!(
            status.is_success(),
            "{what}: {status} {}",
            answer.text().await.unwrap_or_default()
        );
    }

    /// Posts JSON to an operator endpoint: `maintenance/schedule`, `api/v1`.
    pub async fn post_json(&self, what: &str, body: &Value) {
        let master = &self.masters[self.leader().await];
        let url = format!("http://{}/master/{what}", master.address());
        let answer =
            self.client.post(url).header("Content-Type", "application/json").body(body.to_string());
        let answer = answer.send().await.expect("the master answers");
        let status = answer.status();
        assert!(
            status.is_success(),
            "{what}: {status} {}",
            answer.text().await.unwrap_or_default()
        );
    }

    /// The leading master's answer at an operator endpoint, such as `maintenance/status`.
    pub async fn master_json(&self, route: &str) -> Value {
        wait_until("the master answers", PATIENCE, async || self.ask(route).await).await
    }

    /// The ids of all living processes except masters and agents: executors and their descendants.
    pub fn below_agents(&self) -> Vec<i32> {
        let mut pids = self.keeper.living();
        pids.retain(|pid| {
            !self.masters.iter().chain(&self.agents).any(|daemon| daemon.pid() == *pid)
        });
        pids
    }

    /// Kills a master as `kill -9` does.
    pub async fn kill_master(&self, master: usize) {
        self.masters[master].kill(&self.keeper).await;
    }

    /// Kills an agent as `kill -9` does. Its executors keep running.
    pub async fn kill_agent(&self, agent: usize) {
        self.agents[agent].kill(&self.keeper).await;
    }

    /// Starts a master again with the same data (kills it first if it runs), and waits until all
    /// running agents have registered with the leader.
    pub async fn restart_master(&mut self, master: usize) {
        self.kill_master(master).await;
        self.masters[master].run(&self.keeper);
        self.masters[master].until_it_answers(&self.keeper, &self.client).await;
        if self.zookeeper.is_some() {
            self.masters[master].until_its_log_votes(&self.client).await;
        }
        self.until_agents_are_active().await;
    }

    /// Starts an agent again with the same data (kills it first if it runs), and waits until it has
    /// registered again.
    pub async fn restart_agent(&mut self, agent: usize) {
        self.kill_agent(agent).await;
        let before = self.registered(agent).await;
        self.agents[agent].run(&self.keeper);
        self.agents[agent].until_it_answers(&self.keeper, &self.client).await;
        wait_until("the agent has registered again", PATIENCE, async || {
            let now = self.registered(agent).await?;
            (before != Some(now)).then_some(())
        })
        .await;
    }

    /// Adds flags for an agent's next start.
    pub fn reconfigure_agent(&mut self, agent: usize, more: &[&str]) {
        self.agents[agent].reconfigure(more);
    }

    /// Sends a signal to a master: SIGSTOP and SIGCONT simulate a partition.
    pub fn signal_master(&self, master: usize, signal: Signal) {
        self.masters[master].signal(&self.keeper, signal);
    }

    /// Sends a signal to an agent: SIGSTOP and SIGCONT simulate a partition; with SIGUSR1 it leaves
    /// the cluster.
    pub fn signal_agent(&self, agent: usize, signal: Signal) {
        self.agents[agent].signal(&self.keeper, signal);
    }

    async fn until_agents_are_active(&self) {
        wait_until("all agents are registered and active", PATIENCE, async || {
            for (i, agent) in self.agents.iter().enumerate() {
                if agent.is_alive(&self.keeper) {
                    self.registered(i).await?;
                }
            }
            Some(())
        })
        .await;
    }

    /// When this agent last registered, by the master's clock in seconds, if it is active.
    async fn registered(&self, agent: usize) -> Option<f64> {
        let answer = self.ask("slaves").await?;
        let known = answer["slaves"].as_array()?;
        let port = u64::from(self.agents[agent].port());
        let agent = known
            .iter()
            .find(|known| known["port"].as_u64() == Some(port) && known["active"] == true)?;
        agent["reregistered_time"].as_f64().or_else(|| agent["registered_time"].as_f64())
    }

    /// The leader's answer; the other masters redirect to it.
    async fn ask(&self, route: &str) -> Option<Value> {
        for master in self.masters.iter().filter(|master| master.is_alive(&self.keeper)) {
            let url = format!("http://{}/master/{route}", master.address());
            if let Ok(answer) = http::json(&self.client, &url).await {
                return Some(answer);
            }
        }
        None
    }
}

/// Encoded for a form: everything but letters and digits in hexadecimal.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl Drop for RealMesos {
    #[expect(clippy::print_stdout, reason = "cargo shows it with the failed test")]
    fn drop(&mut self) {
        self.keeper.end();
        if std::thread::panicking()
            && let Some(folder) = logs::keep(self.work.path())
        {
            println!("logs of the failed test's Mesos: {}", folder.display());
        }
        mounts::undo(self.work.path());
    }
}
