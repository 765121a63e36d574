//! How the real master applies our constraints: it never holds back an offer that we would use.

use std::{collections::BTreeSet, time::Duration};

use appmaster::settings::offer_constraints;
use mesos::{
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1::{FrameworkInfo, Offer, OfferId, framework_info, scheduler as v1},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use scheduler::core::constraint::{Census, Constraint, values};
use tests::{RealMesos, RealMesosOptions};
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const ROLE: &str = "flink";
const LISTS: usize = 60;

const AGENTS: [&str; 5] = ["x:a;y:r1", "x:1.10;y:[1-3]", "x:b;x:a;y:007", "", "x:ab;y:1e3"];
const VALUES: [&str; 15] = [
    "a",
    "b",
    "ab",
    "a.b",
    "r1",
    "r2",
    "1.1",
    "1.10",
    "007",
    "7",
    "1e3",
    "[1-3]",
    "eu",
    "us",
    "127.0.0.1",
];
const PATTERNS: [&str; 20] = [
    "a",
    "a|b",
    "a|",
    "r[12]",
    "r[0-9]+",
    ".*",
    "a.?",
    r"127\.0\.0\.(1|2)",
    "(a|b)(|b)",
    "(?i)A",
    "1",
    r"1\.1",
    r"\[1-3\]",
    "ä|a",
    "[^a]",
    "(r1|r2|a)",
    "1000|7",
    "a{1,2}",
    r"\ba\b",
    "eu|us",
];

/// The hosts of a usual cluster, as a pattern and as users write it.
const HOSTS: [&str; 2] = [
    r"hostname:LIKE:worker-0001\.eu-west\.example\.org|worker-0002\.eu-west\.example\.org|worker-0003\.eu-west\.example\.org|127\.0\.0\.1",
    "hostname:LIKE:worker-0001.eu-west.example.org|worker-0002.eu-west.example.org|worker-0003.eu-west.example.org|127.0.0.1",
];

fn some_constraint(dice: &mut StdRng) -> String {
    let field = ["hostname", "@zone", "@region", "x", "y", "x", "y"].choose(dice).unwrap();
    let (value, pattern) = (VALUES.choose(dice).unwrap(), PATTERNS.choose(dice).unwrap());
    match dice.random_range(0..8) {
        0 => format!("{field}:UNIQUE"),
        1 => format!("{field}:GROUP_BY:2"),
        2 => format!("{field}:CLUSTER:{value}"),
        3 => format!("{field}:IS:{value}"),
        4 | 5 => format!("{field}:LIKE:{pattern}"),
        _ => format!("{field}:UNLIKE:{pattern}"),
    }
}

fn cluster() -> RealMesosOptions {
    let domain = |region: &str, zone: &str| {
        format!(
            r#"--domain={{"fault_domain":{{"region":{{"name":"{region}"}},"zone":{{"name":"{zone}"}}}}}}"#
        )
    };
    let mut each: Vec<Vec<String>> =
        AGENTS.iter().map(|attributes| vec![format!("--attributes={attributes}")]).collect();
    each[0].push(domain("eu", "a"));
    each[2].push(domain("us", "b"));
    RealMesosOptions {
        agents: AGENTS.len(),
        master_flags: vec![domain("eu", "a")],
        flags_of_each_agent: each,
        ..RealMesosOptions::default()
    }
}

/// A framework that asks for offers repeatedly, each time with other constraints.
struct Probe {
    handle: SchedulerHandle,
    info: FrameworkInfo,
    offers: mpsc::UnboundedReceiver<Vec<Offer>>,
    held: Vec<OfferId>,
}

impl Probe {
    async fn subscribe(mesos: &RealMesos) -> Self {
        let capability = |kind: framework_info::capability::Type| framework_info::Capability {
            r#type: Some(kind.into()),
        };
        let special = [
            framework_info::capability::Type::MultiRole,
            framework_info::capability::Type::RegionAware,
        ];
        let mut info = FrameworkInfo {
            user: "root".to_owned(),
            name: "asking".to_owned(),
            roles: vec![ROLE.to_owned()],
            capabilities: special.map(capability).to_vec(),
            ..FrameworkInfo::default()
        };
        let options = SchedulerOptions::new(mesos.master().parse().unwrap());
        let suppressed = vec![ROLE.to_owned()];
        let (handle, mut events) =
            SchedulerConnection::open(options, info.clone(), suppressed).await.unwrap();
        loop {
            if let Some(SchedulerEvent::Subscribed { framework_id, .. }) = events.recv().await {
                info.id = Some(framework_id);
                break;
            }
        }
        let (sender, offers) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let SchedulerEvent::Event(v1::Event { offers: Some(offers), .. }) = event {
                    drop(sender.send(offers.offers));
                }
            }
        });
        Self { handle, info, offers, held: Vec::new() }
    }

    async fn call(&self, call: v1::Call) {
        self.handle.call(call).await.unwrap();
    }

    /// Waits for offers, and holds them.
    async fn more(&mut self) -> Option<Vec<Offer>> {
        let offers = timeout(PATIENCE, self.offers.recv()).await.ok()??;
        self.held.extend(offers.iter().map(|offer| offer.id.clone()));
        Some(offers)
    }

    /// Replaces the constraints at the master.
    async fn ask(&mut self, constraints: Option<v1::OfferConstraints>) {
        self.call(calls::suppress(Vec::new())).await;
        self.call(calls::update_framework(self.info.clone(), vec![ROLE.to_owned()], constraints))
            .await;
        while let Ok(offers) = self.offers.try_recv() {
            self.held.extend(offers.into_iter().map(|offer| offer.id));
        }
        let held = std::mem::take(&mut self.held);
        self.call(calls::decline(held, 0.0)).await;
        self.call(calls::revive(Vec::new())).await;
    }
}

#[tokio::test]
async fn the_master_never_holds_back_an_offer_that_we_would_use() {
    let mesos = RealMesos::start_with(cluster()).await;
    let mut asking = Probe::subscribe(&mesos).await;
    asking.ask(None).await;
    let mut all: Vec<Offer> = Vec::new();
    while all.len() < AGENTS.len() {
        all.extend(asking.more().await.expect("an offer of each agent"));
    }
    let mut dice = StdRng::seed_from_u64(1);
    let drawn = (0..LISTS).map(|_| {
        let many = dice.random_range(1..=3);
        (0..many).map(|_| some_constraint(&mut dice)).collect::<Vec<_>>()
    });
    let lists = HOSTS.iter().map(|list| vec![(*list).to_owned()]).chain(drawn);
    let (mut pairs, mut withheld) = (0, 0);
    for list in lists {
        let parsed: Vec<Constraint> = list.iter().map(|text| text.parse().unwrap()).collect();
        let takes = |offer: &&Offer| {
            let values = values(offer, &parsed);
            let value = |one: &Constraint| values.get(&one.field).map(|value| &**value);
            parsed.iter().all(|one| one.check(value(one), &Census::default()).is_ok())
        };
        let mut missing: BTreeSet<_> =
            all.iter().filter(takes).map(|offer| offer.agent_id.value.clone()).collect();
        let (wanted, mut offered) = (missing.len(), 0);
        asking.ask(offer_constraints(&[ROLE.to_owned()], &parsed)).await;
        while !missing.is_empty() {
            let Some(offers) = asking.more().await else {
                panic!("{list:?}: no offer of {missing:?}")
            };
            for offer in offers {
                offered += 1;
                missing.remove(&offer.agent_id.value);
            }
        }
        pairs += all.len();
        withheld += if wanted > 0 { all.len().saturating_sub(offered) } else { 0 };
    }
    assert!(
        pairs >= 200 && withheld >= LISTS / 4,
        "{pairs} pairs, {withheld} offers that were spared"
    );
}
