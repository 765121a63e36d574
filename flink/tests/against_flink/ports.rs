//! Ports to choose from as Flink reads them.

use flink::check::check;
use flink::config::{Configuration, Source};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::oracle::{flink, seeded};
use super::values::VERSIONS;

const KEY: &str = "blob.server.port";

const FIXED: &[&str] = &[
    "0",
    "65535",
    "65536",
    "-1",
    " 5 ",
    "+5",
    "",
    " ",
    "x",
    "1-3",
    "1-3,5",
    "1-3, 7 ",
    "5-5",
    "0-0",
    "0-5",
    "1 - 3",
    "1-3-5",
    "5-",
    "-5",
    "1-70000",
    "50100-50000",
    ",",
    ",,",
    "1,",
    "1,,",
    "1,,2",
    ",1",
    "1, ",
    "1;2",
    "1:2",
    "\t5\t",
    "4294967297",
    "0x10",
    "1_0",
    "1.0",
    "00080",
    "+1-+3",
    "\u{a0}5",
    "5,5",
    "1-3,2-4",
];

const PIECES: [&str; 10] = ["1", "3", "50100", "65535", "9", "-", ",", " ", "+", "0"];

#[test]
fn ports_to_choose_from_are_refused_exactly_if_each_flink_refuses_them() {
    let mut differences = Vec::new();
    for line in VERSIONS {
        let mut flink = flink(line);
        let (seed, mut random) = seeded(&format!("{line} ports"));
        let by_chance = (0..500).map(|_| {
            let count = random.random_range(1..=6);
            (0..count).map(|_| *PIECES.choose(&mut random).unwrap()).collect::<String>()
        });
        for text in FIXED.iter().map(|text| (*text).to_owned()).chain(by_chance) {
            let mut config = Configuration::new();
            config.read_as(flink.version);
            config.set(KEY, text.clone(), Source::DynamicProperty);
            let ours = check(&config).is_empty();
            // A Flink that finds no port in the text does not start either.
            let theirs = flink.ask("ports", std::slice::from_ref(&text));
            let is_right = theirs.as_ref().is_ok_and(|answer| answer == &["true"]);
            if ours != is_right {
                differences
                    .push(format!("{line} seed {seed}: {text:?}: Flink: {theirs:?}, ours: {ours}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
