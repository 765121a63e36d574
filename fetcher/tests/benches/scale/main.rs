//! Many agents get one tree at the same time, with peers and from the artifact server alone, in
//! virtual time. Prints rows for `tests/bench/bench` and draws `scale-peers.svg` into the given
//! folder.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod chart;
mod network;
mod simulation;
mod tree;

use std::path::PathBuf;

use chart::{Axis, Line, Panel};
use simulation::{Outcome, run};
use tree::seconds_alone;

const AGENTS: [usize; 10] = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
/// Up to this many agents are also simulated without peers. For more, the bandwidth of the server's
/// link gives a lower bound of the time.
const SIMULATED_ALONE: usize = 200;
const SEEDS: [u64; 3] = [1, 2, 3];

fn main() {
    let folder =
        std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let with_peers = AGENTS.map(|agents| (agents, median(agents, true)));
    let alone = AGENTS.map(|agents| (agents, alone(agents)));
    for ((agents, ours), (_, peer)) in with_peers.iter().zip(&alone) {
        let name = match agents {
            10_000 => String::new(),
            10 | 100 | 1000 => format!("-{agents}"),
            _ => continue,
        };
        row(&format!("scale-peers{name}"), ours.seconds, peer.seconds, "s");
        row(&format!("scale-egress{name}"), ours.copies, peer.copies, "trees");
    }
    if let Some(folder) = folder {
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("scale-peers.svg"), picture(&with_peers, &alone)).unwrap();
    }
}

fn row(name: &str, ours: f64, peer: f64, unit: &str) {
    println!("{name}\tscale\t{ours:.2}\t{peer:.2}\t{:.2}\t{unit}", peer / ours);
}

/// The median of several seeds, as many as time permits.
fn median(agents: usize, with_peers: bool) -> Outcome {
    let seeds = if agents > 1000 { &SEEDS[..1] } else { &SEEDS };
    let mut outcomes: Vec<Outcome> =
        seeds.iter().map(|seed| run(agents, with_peers, *seed)).collect();
    outcomes.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    outcomes[outcomes.len() / 2]
}

fn alone(agents: usize) -> Outcome {
    match agents {
        ..=SIMULATED_ALONE => run(agents, false, SEEDS[0]),
        _ => Outcome { seconds: seconds_alone(agents), copies: agents as f64 },
    }
}

type Series = [(usize, Outcome); AGENTS.len()];

fn picture(with_peers: &Series, server_alone: &Series) -> String {
    let agents = || Axis { name: "agents that start at the same time", decades: (1, 4) };
    let points = |series: &Series, what: fn(&Outcome) -> f64, keep: fn(usize) -> bool| {
        series
            .iter()
            .filter(|(agents, _)| keep(*agents))
            .map(|(agents, one)| (*agents as f64, what(one)))
            .collect()
    };
    let lines = |what: fn(&Outcome) -> f64| {
        vec![
            Line {
                name: "server alone",
                colour: "#c0392b",
                dashed: false,
                points: points(server_alone, what, |at| at <= SIMULATED_ALONE),
            },
            Line {
                name: "server alone, at best",
                colour: "#c0392b",
                dashed: true,
                points: points(server_alone, what, |at| at >= SIMULATED_ALONE),
            },
            Line {
                name: "with peers",
                colour: "#1f6fb4",
                dashed: false,
                points: points(with_peers, what, |_| true),
            },
        ]
    };
    chart::draw(&[
        Panel {
            title: "Until every agent has the tree of 244 MB",
            x: agents(),
            y: Axis { name: "seconds", decades: (-1, 4) },
            lines: lines(|outcome| outcome.seconds),
        },
        Panel {
            title: "What the artifact server sends",
            x: agents(),
            y: Axis { name: "copies of the tree", decades: (0, 5) },
            lines: lines(|outcome| outcome.copies),
        },
    ])
}
