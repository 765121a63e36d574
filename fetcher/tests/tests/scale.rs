//! The savings through peers grow with the number of agents, shown in virtual time (`benches/scale`
//! draws it).
#![allow(clippy::print_stderr)]

#[path = "../benches/scale/network.rs"]
mod network;
#[path = "../benches/scale/simulation.rs"]
mod simulation;
#[path = "../benches/scale/tree.rs"]
mod tree;

use simulation::{Outcome, run};
use tree::seconds_alone;

/// Of three seeds, the outcome with the median time.
fn herd(agents: usize) -> Outcome {
    let mut outcomes = [1, 2, 3].map(|seed| run(agents, true, seed));
    outcomes.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    eprintln!("{agents} agents, seeds 1 to 3: {outcomes:?}");
    outcomes[1]
}

#[test]
fn ten_times_the_agents_take_little_longer_and_not_ten_times_as_long() {
    let herds = [10, 100, 1000].map(herd);
    for pair in herds.windows(2) {
        assert!(pair[1].seconds - pair[0].seconds < 2.5, "{pair:?}");
    }
    assert!(herds[2].seconds < seconds_alone(1000) / 30.0, "{herds:?}");
}

#[test]
fn the_bytes_that_the_server_sends_are_bounded() {
    for (agents, copies) in [(10, 5.0), (100, 12.0), (1000, 25.0)] {
        let herd = herd(agents);
        assert!(herd.copies < copies, "{agents}: {herd:?}");
    }
}

#[test]
fn the_server_alone_takes_as_long_as_its_link_needs() {
    let alone = run(100, false, 1);
    let least = seconds_alone(100);
    assert!(least <= alone.seconds && alone.seconds < 1.1 * least, "{alone:?}, {least} s at least");
    assert!((alone.copies - 100.0).abs() < 1e-6, "{alone:?}");
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let (one, other) = (run(50, true, 7), run(50, true, 7));
    assert!(
        one.seconds.to_bits() == other.seconds.to_bits()
            && one.copies.to_bits() == other.copies.to_bits()
    );
}
