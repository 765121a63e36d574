//! One master or agent: its command and its process.

use crate::{Keeper, Program, ReservedPort, http, wait_until};
use nix::sys::signal::Signal;

use super::PATIENCE;

#[derive(Debug)]
pub(super) struct Daemon {
    program: Program,
    port: ReservedPort,
    pid: i32,
}

impl Daemon {
    pub(super) fn start(keeper: &Keeper, program: Program) -> Self {
        let mut this = Self { program, port: ReservedPort::new(), pid: 0 };
        this.run(keeper);
        this
    }

    /// Adds arguments for its next start.
    pub(super) fn reconfigure(&mut self, more: &[&str]) {
        self.program.arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    }

    /// Starts it (again) on its port.
    pub(super) fn run(&mut self, keeper: &Keeper) {
        let mut program = self.program.clone();
        program.arguments.insert(0, format!("--port={}", self.port.number()));
        self.pid = keeper.run(&program);
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn is_alive(&self, keeper: &Keeper) -> bool {
        keeper.ended(self.pid).is_none()
    }

    pub(super) fn signal(&self, keeper: &Keeper, signal: Signal) {
        keeper.signal(self.pid, signal);
    }

    pub(super) async fn kill(&self, keeper: &Keeper) {
        keeper.kill(self.pid).await;
    }

    /// Waits until it answers. If another process took its port, it is started once more on another
    /// port.
    pub(super) async fn until_it_answers(&mut self, keeper: &Keeper, client: &reqwest::Client) {
        let what = format!("{} answers", self.program.log.display());
        wait_until(&what, PATIENCE, async || {
            if let Some(how) = keeper.ended(self.pid) {
                let log = fs_err::read_to_string(&self.program.log).unwrap_or_default();
                assert!(
                    log.contains("Address already in use"),
                    "{what}, but it ended ({how:?}):\n{log}"
                );
                fs_err::remove_file(&self.program.log)
                    .expect("the log of the failed start can be removed");
                self.port = ReservedPort::new();
                self.run(keeper);
            }
            let answer =
                client.get(format!("http://{}/health", self.address())).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Waits until this master's replica of the log may vote. If another master died earlier, a
    /// cluster of three would have no quorum, and no leader for a minute.
    pub(super) async fn until_its_log_votes(&self, client: &reqwest::Client) {
        let url = format!("http://{}/metrics/snapshot?timeout=500ms", self.address());
        wait_until("the master's replicated log has recovered", PATIENCE, async || {
            let metrics = http::json(client, &url).await.ok()?;
            (metrics["registrar/log/recovered"] == 1.0).then_some(())
        })
        .await;
    }
}
