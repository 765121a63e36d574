//! Whole configuration folders as Flink loads them, and what we write read by Flink.

use std::collections::BTreeMap;

use overlays::config::{Configuration, Source};
use overlays::flink::FlinkVersion;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::oracle::{LINES, Oracle, Refusal, flink_home};

const FILES: usize = 300;

/// Scalars as they may stand in a file.
const SCALARS: &[&str] = &[
    "a",
    "some text",
    "'it''s'",
    "\"x\\ty\\u00e9\"",
    "1",
    "007",
    "-0",
    "+5",
    "0x1F",
    "0o17",
    "1.50",
    ".5",
    "1e3",
    "1.0E-5",
    "12345678.9",
    "true",
    "False",
    "TRUE",
    "yes",
    ".inf",
    "-.INF",
    "1_000",
    "2020-01-01",
    "12:30:45",
    "hdfs://h:1/p",
    "a#b",
    "a:b",
    "\"a: b\"",
    "'#'",
    "10 min",
    "1728m",
    "é",
    "\"\"",
    "'  '",
    "-Xmx1g -Dx=y",
    "[x, 'y z', 2, \"t\\n\", '', '1', null]",
    "[]",
    "[a:b, 'c,d', e#f, '- g', h i, \"it's\", 'true', -1, 0.10]",
    "{k: v, w: 1}",
    "[{1: a, true: b, '1': c}]",
    "[[1], {a: b}]",
    "!!str 5",
    "99999999999999999999",
    "0.1",
    "100",
    "1e400",
    "*",
    "&x",
    "@",
    "~",
    "",
    "null",
    "a: b",
    "[",
    "%x",
    "`x`",
];

#[test]
fn yaml_files_are_read_as_flink_reads_them() {
    for line in LINES {
        let mut flink = Oracle::start(&flink_home(line));
        let mut random = seeded(line);
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..FILES {
            let text = yaml_file(&mut random);
            let (theirs, ours) = both(&mut flink, "config.yaml", &text);
            match (theirs, ours) {
                (Ok(theirs), Ok(ours)) => {
                    accepted += 1;
                    assert_eq!(ours, theirs, "{line}:\n{text}");
                }
                (Err(_), Err(_)) => refused += 1,
                (theirs, ours) => panic!("{line}:\n{text}\nFlink: {theirs:?}\nours: {ours:?}"),
            }
        }
        assert!(accepted > FILES / 5 && refused > FILES / 20, "{accepted} accepted, {refused} refused");
    }
}

#[test]
fn flat_files_are_read_as_flink_reads_them() {
    let line = LINES[0];
    let mut flink = Oracle::start(&flink_home(line));
    let mut random = seeded(line);
    let pieces = [
        "a", "b.c", "key", ":", ": ", " : ", " ", "\t", "#", "# x", "\n", "\n\n", "\"q\"", "é", "1", "- ", "\u{a0}",
        "\r\n", "\r",
    ];
    for _ in 0..FILES {
        let text: String = (0..random.random_range(0..30)).map(|_| *pieces.choose(&mut random).unwrap()).collect();
        let (theirs, ours) = both(&mut flink, "flink-conf.yaml", &text);
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{text:?}");
    }
}

#[test]
fn what_we_write_is_what_flink_reads() {
    for line in LINES {
        let mut flink = Oracle::start(&flink_home(line));
        let mut random = seeded(line);
        for _ in 0..FILES {
            let mut config = Configuration::new();
            for i in 0..random.random_range(0..8) {
                let pieces = [
                    "a", "b c", ": ", " #", "'", "\"", "\\", "\n", "\t", "-", "[", "]", "{", ",", "é", "😀", "1",
                    "true", "\u{7f}", "?", "&", "*", "!", "|", "%", "@",
                ];
                let value: String =
                    (0..random.random_range(0..6)).map(|_| *pieces.choose(&mut random).unwrap()).collect();
                config.set(format!("k{i}.x"), value, Source::DynamicProperty);
            }
            let folder = tempfile::tempdir().unwrap();
            let path = config.write(folder.path(), &flink.version).unwrap();
            let theirs = load(&mut flink, folder.path())
                .unwrap_or_else(|refusal| panic!("{line}: {refusal:?}\n{}", fs_err::read_to_string(path).unwrap()));
            let ours = config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(theirs, ours, "{line}");
        }
    }
}

type Entries = BTreeMap<String, String>;

fn both(flink: &mut Oracle, name: &str, text: &str) -> (Result<Entries, Refusal>, Result<Entries, String>) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join(name), text).unwrap();
    let version: FlinkVersion = flink.version;
    let ours = Configuration::load(folder.path(), &version).map_err(|error| error.to_string());
    let ours = ours.map(|config| config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect());
    (load(flink, folder.path()), ours)
}

fn load(flink: &mut Oracle, folder: &std::path::Path) -> Result<Entries, Refusal> {
    let entries = flink.ask("load", &[folder.to_str().unwrap().to_owned()])?;
    let pair = |entry: String| entry.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(entries.into_iter().filter_map(pair).collect())
}

fn seeded(line: &str) -> StdRng {
    let seed: u64 = rand::random();
    println!("{line}: seed {seed}");
    StdRng::seed_from_u64(seed)
}

/// Keys, nested or dotted, none of them twice; most scalars are good ones.
fn yaml_file(random: &mut StdRng) -> String {
    let mut text = String::from(*["", "", "# comment\n", "---\n"].choose(random).unwrap());
    for i in 0..random.random_range(0..6) {
        match random.random_range(0..4) {
            0 => {
                text += &format!("m{i}:\n");
                for j in 0..random.random_range(1..4) {
                    text += &format!("  n{j}: {}\n", scalar(random));
                }
            }
            1 => {
                text += &format!("l{i}:\n");
                for _ in 0..random.random_range(1..4) {
                    text += &format!("  - {}\n", scalar(random));
                }
            }
            _ => text += &format!("f{i}.g: {}{}\n", scalar(random), [" # c", ""].choose(random).unwrap()),
        }
    }
    text
}

fn scalar(random: &mut StdRng) -> &'static str {
    // Bad ones are at the end of the list and would spoil every file if they came as often as the others.
    let good = if random.random_bool(0.7) { SCALARS.len() - 12 } else { SCALARS.len() };
    SCALARS[..good].choose(random).unwrap()
}
