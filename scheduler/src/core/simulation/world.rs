//! The world: its clock, its event queue, its random numbers and its faults.

mod life;
mod misfortune;

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    time::Duration,
};

use mesos::v1::TaskState;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    events::{Due, Event, FromMaster},
    parts::{Agent, ApplicationMaster, Keeper, Master},
    resources::Amounts,
};
use crate::core::{
    Core,
    ids::{Moment, WorkerId},
    message::Input,
    state::{Move, State},
};

/// Which faults occur in this world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Only application masters, Mesos masters, connections and the store fail: no TaskManager may
    /// be lost.
    Gentle,
    /// Everything fails.
    Wild,
}

/// Probabilities in thousandths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) launch_fails: u32,
    /// Of the workers that fail at their start: the share that fails at once.
    pub(crate) at_once: u32,
    pub(crate) falls_silent: u32,
    pub(crate) task_fails: u32,
    pub(crate) never_registers: u32,
    pub(crate) duplicates: u32,
    pub(crate) events_lost: u32,
    pub(crate) calls_lost: u32,
    pub(crate) crash_between: u32,
    pub(crate) reorder: u32,
}

pub(crate) struct World {
    pub(crate) verbose: bool,
    pub(crate) log: Vec<String>,
    dice: StdRng,
    pub(crate) now: Moment,
    queue: BinaryHeap<Due>,
    pushed: u64,
    pub(crate) profile: Profile,
    pub(crate) faults: Faults,
    pub(crate) constraints: &'static str,
    /// In some worlds the JobManager never comes up, so it reports no lost TaskManagers.
    pub(crate) job_manager_works: bool,
    pub(crate) master: Master,
    pub(crate) agents: Vec<Agent>,
    pub(crate) keeper: Keeper,
    pub(crate) file_store: bool,
    /// The application master that cannot reach the store.
    pub(crate) cut_from_keeper: Option<usize>,
    pub(crate) masters: Vec<ApplicationMaster>,
    /// The application master of each connection to the Mesos master.
    pub(crate) links: BTreeMap<u64, usize>,
    /// Broken connections whose ends have not noticed.
    pub(crate) silent: BTreeSet<u64>,
    /// When the last message on a link or to the store arrives; later ones do not overtake it.
    order: BTreeMap<(u64, bool), Moment>,
    pub(crate) target: usize,
    /// Whether the number of wanted workers was ever reduced.
    pub(crate) lowered: bool,
    /// Every worker that was ever not used.
    pub(crate) unused: BTreeSet<WorkerId>,
    /// Whether workers ever had to move, and how many could be missing meanwhile.
    pub(crate) moved: bool,
    pub(crate) most_unavailable: usize,
    pub(crate) restarts: u64,
    last_restart: bool,
    pub(crate) stop_asked: bool,
    pub(crate) stopped: bool,
    healed: bool,
    /// Every worker that was ever launched.
    pub(crate) launched: BTreeSet<WorkerId>,
    /// Every worker that was once registered.
    pub(crate) ran: BTreeSet<WorkerId>,
    pub(crate) gone_agents: BTreeSet<String>,
    /// Workers that may live although the store does not know them, because it has lost them or
    /// Mesos has denied them.
    pub(crate) excused: BTreeSet<WorkerId>,
    /// Since when the stored state says that workers must leave these agents.
    pub(crate) drained: BTreeMap<String, Moment>,
    /// Since when more workers live than are wanted although an application master could end them.
    pub(crate) too_many: Option<Moment>,
    pub(crate) next_uuid: u64,
    pub(crate) next_agent: u64,
    pub(crate) next_link: u64,
    pub(crate) next_session: u64,
    pub(crate) next_framework: u64,
    allocating: bool,
    listing: bool,
}

const TROUBLE: u64 = 600_000;
const PEACE: u64 = 3_600_000;

impl World {
    pub(crate) fn new(seed: u64, verbose: bool) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let profile = if seed.is_multiple_of(3) { Profile::Gentle } else { Profile::Wild };
        let mut some =
            |most: u32| if dice.random_ratio(1, 2) { dice.random_range(0..=most) } else { 0 };
        let faults = match profile {
            Profile::Gentle => Faults {
                duplicates: some(300),
                crash_between: some(40),
                reorder: some(200),
                ..Faults::default()
            },
            Profile::Wild => Faults {
                launch_fails: some(1000),
                at_once: some(1000),
                falls_silent: some(100),
                task_fails: some(300),
                never_registers: some(100),
                duplicates: some(300),
                events_lost: some(100),
                calls_lost: some(100),
                crash_between: some(30),
                reorder: some(200),
            },
        };
        let hosts = dice.random_range(1..=5);
        let agents: Vec<_> = (0..hosts)
            .map(|host| Agent {
                id: format!("S{host}"),
                host,
                up: true,
                cut: false,
                capacity: Amounts::room(
                    dice.random_range(1..=4),
                    *[0, 0, 300, 1000].get(host % 4).unwrap(),
                ),
                foreign_ports: match profile {
                    Profile::Wild => (31000..31010).filter(|_| dice.random_ratio(1, 4)).collect(),
                    Profile::Gentle => BTreeSet::new(),
                },
                registration: 0,
                tasks: BTreeMap::new(),
            })
            .collect();
        // With one worker per agent, any of these is met.
        let constraints = *["", "", "hostname:MAX_PER:1", "hostname:UNIQUE"]
            .get(dice.random_range(0..4))
            .unwrap();
        let file_store = dice.random_ratio(1, 4);
        let masters = if file_store { 1 } else { dice.random_range(1..=3) };
        Self {
            verbose,
            log: Vec::new(),
            now: Moment(1_000_000),
            queue: BinaryHeap::new(),
            pushed: 0,
            profile,
            faults,
            constraints,
            job_manager_works: dice.random_ratio(3, 4),
            master: Master::default(),
            target: dice.random_range(1..=hosts),
            agents,
            keeper: Keeper::new(format!("e{seed}")),
            file_store,
            cut_from_keeper: None,
            masters: (0..masters).map(|_| ApplicationMaster::new()).collect(),
            links: BTreeMap::new(),
            silent: BTreeSet::new(),
            order: BTreeMap::new(),
            lowered: false,
            unused: BTreeSet::new(),
            moved: false,
            most_unavailable: 0,
            restarts: 0,
            last_restart: false,
            stop_asked: false,
            stopped: false,
            healed: false,
            launched: BTreeSet::new(),
            ran: BTreeSet::new(),
            gone_agents: BTreeSet::new(),
            excused: BTreeSet::new(),
            drained: BTreeMap::new(),
            too_many: None,
            next_uuid: 0,
            next_agent: hosts as u64,
            next_link: 0,
            next_session: 0,
            next_framework: 0,
            allocating: false,
            listing: false,
            dice,
        }
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        self.dice.random_range(least..=most)
    }

    pub(crate) fn chance(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.dice.random_range(0..1000) < thousandths
    }

    /// Never drawn before.
    pub(crate) fn fresh_epoch(&mut self) -> String {
        format!("{:08x}", self.dice.random::<u32>())
    }

    pub(crate) fn latency(&mut self) -> u64 {
        if self.chance(self.faults.reorder) { self.between(1, 3000) } else { self.between(1, 40) }
    }

    pub(crate) fn push(&mut self, at: Moment, event: Event) {
        self.pushed += 1;
        self.queue.push(Due { at, number: self.pushed, event });
    }

    pub(crate) fn at(&mut self, milliseconds: u64, event: Event) {
        self.push(self.now.after(Duration::from_millis(milliseconds)), event);
    }

    /// When the next message on this link arrives, if messages do not overtake each other there.
    pub(crate) fn in_order(&mut self, link: u64, to_master: bool) -> Moment {
        let latency = self.latency();
        let arrival = self.now.after(Duration::from_millis(latency));
        let last = self.order.entry((link, to_master)).or_default();
        *last = (*last).max(arrival);
        *last
    }

    pub(crate) fn send(&mut self, link: u64, what: FromMaster) {
        if self.silent.contains(&link) {
            return;
        }
        // Updates of different agents may overtake each other.
        let at = match &what {
            FromMaster::Update(_) if self.chance(self.faults.reorder) => {
                let late = self.between(1, 5000);
                self.now.after(Duration::from_millis(late))
            }
            _ => self.in_order(u64::MAX - link, false),
        };
        self.push(at, Event::FromMaster { link, what });
    }

    /// Something changed that offers or the JobManager's list depend on.
    pub(crate) fn changed(&mut self) {
        if !std::mem::replace(&mut self.allocating, true) {
            self.at(300, Event::Allocate);
        }
        if !std::mem::replace(&mut self.listing, true) {
            self.at(500, Event::Lists);
        }
    }

    /// Adds a line to the story, if it is recorded.
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.verbose {
            let text = text();
            self.log.push(format!("{:>9} {text}", self.now.0));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() && self.verbose {
            println!("{}", self.log.join("\n"));
        }
    }
}
