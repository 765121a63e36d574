//! Whole configuration folders as Flink loads them, and what we write read by Flink.

use std::collections::BTreeMap;
use std::fmt;

use flink::config::{Configuration, Source};
use flink::version::FlinkVersion;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::cases;
use super::mutation::{corpus, mutated};
use super::oracle::{LINES, Oracle, Refusal, flink, seeded};

const FILES: usize = 300;
const BROKEN: usize = 400;

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
fn files_that_are_odd_are_read_as_flink_reads_them() {
    let long = |length: usize| "k".repeat(length);
    let mut files: Vec<String> = cases::FILES.iter().map(ToString::to_string).collect();
    files.extend(cases::SCALARS.iter().map(|scalar| format!("k: {scalar}\nl: m\n")));
    files.extend(cases::SCALARS.iter().map(|scalar| format!("k:\n  - {scalar}\n  - m\n")));
    for length in [1, 74, 75, 76, 120, 121, 122, 123, 124, 127, 128, 129, 300] {
        files.push(format!("k: [{{{}: v}}, w]\n", long(length)));
        files.push(format!("k: [{}, {{'': v}}, w]\n", long(length)));
        files.push(format!("k: [{{'': v}}, {{{}: {{'': v}}}}, w]\n", long(length)));
        files.push(format!("k: [{{1{0}: v, '1{0}': w}}]\n", "0".repeat(length)));
        files.push(format!("k: [{{? [{}] : v}}]\n", long(length)));
    }
    for length in [1022, 1023, 1024, 1025, 1026] {
        files.push(format!("{}: v\n", long(length)));
        files.push(format!("a: {{{}: v}}\n", long(length)));
        files.push(format!("? {}\n: v\n", long(length)));
    }
    for aliases in [50, 51] {
        files.push(format!("a: &x [1]\nb: [{}]\n", vec!["*x"; aliases].join(", ")));
        files.push(format!("a: &x 1\nb: [{}]\n", vec!["*x"; aliases].join(", ")));
    }
    let mut differences = Vec::new();
    for line in LINES {
        let mut flink = flink(line);
        for text in &files {
            differences.extend(
                difference(&mut flink, text.as_bytes())
                    .map(|difference| format!("{line}: {difference}")),
            );
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        2 * files.len(),
        differences.join("\n")
    );
}

#[test]
fn utf_16_with_a_byte_order_mark_is_read_as_flink_reads_it() {
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let text = "\u{feff}a: \u{e9}\n\u{1f600}: [b]\n";
    let mut flink = flink(LINES[1]);
    for bytes in [
        big(text),
        little(text),
        big("\u{feff}"),
        big("a: b\n"),
        b"\xef\xbb\xbfa: b\n".to_vec(),
        b"a: \xe9\n".to_vec(),
    ] {
        assert_eq!(difference(&mut flink, &bytes), None);
    }
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("config.yaml"), little(text)).unwrap();
    let config = Configuration::load(folder.path(), &flink.version).unwrap();
    assert_eq!(config.iter().collect::<Vec<_>>(), [("a", "\u{e9}"), ("\u{1f600}", "[b]")]);
}

/// How our reading of a `config.yaml`, or Flink's of what we write of it, differs from Flink's, if
/// it does.
fn difference(flink: &mut Oracle, bytes: &[u8]) -> Option<String> {
    let differ = |theirs: &dyn fmt::Debug, ours: &dyn fmt::Debug| {
        Some(format!(
            "{:?}\n  Flink: {theirs:?}\n  ours:  {ours:?}",
            String::from_utf8_lossy(bytes)
        ))
    };
    match both(flink, "config.yaml", bytes) {
        (Err(_), Err(_)) => None,
        (Ok(_), Err(error)) if cases::reason(&String::from_utf8_lossy(bytes), &error).is_some() => {
            None
        }
        (Ok(theirs), Ok(ours)) if theirs == ours => {
            let folder = tempfile::tempdir().unwrap();
            fs_err::write(folder.path().join("config.yaml"), bytes).unwrap();
            let config = Configuration::load(folder.path(), &flink.version).unwrap();
            let path = config.write(folder.path(), &flink.version).unwrap();
            let again = load(flink, folder.path());
            if again.as_ref().ok() == Some(&theirs) {
                return None;
            }
            differ(
                &theirs,
                &format!("written {again:?}\n{}", fs_err::read_to_string(path).unwrap()),
            )
        }
        (theirs, ours) => differ(&theirs, &ours),
    }
}

#[test]
fn broken_files_are_read_as_flink_reads_them() {
    let corpus = corpus("config.yaml");
    for line in LINES {
        let mut flink = flink(line);
        let (seed, mut random) = seeded(&format!("{line} broken files"));
        let mut differences = Vec::new();
        for _ in 0..BROKEN {
            let bytes = mutated(&corpus, &mut random);
            differences.extend(difference(&mut flink, &bytes));
        }
        let count = differences.len();
        assert!(differences.is_empty(), "{line} seed {seed}: {count}:\n{}", differences.join("\n"));
    }
}

#[test]
fn yaml_files_are_read_as_flink_reads_them() {
    for line in LINES {
        let mut flink = flink(line);
        let (_, mut random) = seeded(line);
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..FILES {
            let text = yaml_file(&mut random);
            let (theirs, ours) = both(&mut flink, "config.yaml", text.as_bytes());
            match (theirs, ours) {
                (Ok(theirs), Ok(ours)) => {
                    accepted += 1;
                    assert_eq!(ours, theirs, "{line}:\n{text}");
                }
                (Err(_), Err(_)) => refused += 1,
                (theirs, ours) => panic!("{line}:\n{text}\nFlink: {theirs:?}\nours: {ours:?}"),
            }
        }
        assert!(
            accepted > FILES / 5 && refused > FILES / 20,
            "{accepted} accepted, {refused} refused"
        );
    }
}

#[test]
fn flat_files_are_read_as_flink_reads_them() {
    let line = LINES[0];
    let mut flink = flink(line);
    let (_, mut random) = seeded(line);
    let pieces = [
        "a", "b.c", "key", ":", ": ", " : ", " ", "\t", "#", "# x", "\n", "\n\n", "\"q\"", "é",
        "1", "- ", "\u{a0}", "\r\n", "\r",
    ];
    for _ in 0..FILES {
        let text: String =
            (0..random.random_range(0..30)).map(|_| *pieces.choose(&mut random).unwrap()).collect();
        let (theirs, ours) = both(&mut flink, "flink-conf.yaml", text.as_bytes());
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{text:?}");
    }
}

#[test]
fn what_we_write_is_what_flink_reads() {
    for line in LINES {
        let mut flink = flink(line);
        let (_, mut random) = seeded(line);
        for _ in 0..FILES {
            let mut config = Configuration::new();
            for i in 0..random.random_range(0..8) {
                let pieces = [
                    "a", "b c", ": ", " #", "'", "\"", "\\", "\n", "\t", "-", "[", "]", "{", ",",
                    "é", "😀", "1", "true", "\u{7f}", "?", "&", "*", "!", "|", "%", "@",
                ];
                let value: String = (0..random.random_range(0..6))
                    .map(|_| *pieces.choose(&mut random).unwrap())
                    .collect();
                config.set(format!("k{i}.x"), value, Source::DynamicProperty);
            }
            let folder = tempfile::tempdir().unwrap();
            let path = config.write(folder.path(), &flink.version).unwrap();
            let theirs = load(&mut flink, folder.path()).unwrap_or_else(|refusal| {
                panic!("{line}: {refusal:?}\n{}", fs_err::read_to_string(path).unwrap())
            });
            let ours =
                config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(theirs, ours, "{line}");
        }
    }
}

type Entries = BTreeMap<String, String>;

fn both(
    flink: &mut Oracle,
    name: &str,
    bytes: &[u8],
) -> (Result<Entries, Refusal>, Result<Entries, String>) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join(name), bytes).unwrap();
    let version: FlinkVersion = flink.version;
    let ours = Configuration::load(folder.path(), &version).map_err(|error| error.to_string());
    let ours = ours.map(|config| {
        config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    });
    (load(flink, folder.path()), ours)
}

fn load(flink: &mut Oracle, folder: &std::path::Path) -> Result<Entries, Refusal> {
    let entries = flink.ask("load", &[folder.to_str().unwrap().to_owned()])?;
    let pair = |pair: &[String]| (pair[0].clone(), anchors_from_one(&pair[1]));
    Ok(entries.chunks_exact(2).map(pair).collect())
}

/// Flink numbers anchors on and on while the JVM lives; a process that reads its file begins with
/// the first.
fn anchors_from_one(value: &str) -> String {
    let mut numbers = Vec::new();
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("&id").filter(|_| value.contains("*id")) {
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        numbers.push(after[..digits].to_owned());
        text += before;
        text += "&id";
        rest = after;
    }
    text += rest;
    numbers.sort_by_key(|number| number.parse::<u64>().unwrap());
    for (number, old) in (1..).zip(numbers) {
        text = text
            .replace(&format!("&id{old}"), &format!("&id#{number:03}"))
            .replace(&format!("*id{old}"), &format!("*id#{number:03}"));
    }
    text.replace("id#", "id")
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
            _ => {
                text += &format!(
                    "f{i}.g: {}{}\n",
                    scalar(random),
                    [" # c", ""].choose(random).unwrap()
                );
            }
        }
    }
    text
}

fn scalar(random: &mut StdRng) -> &'static str {
    // Bad ones are at the end of the list and would spoil every file if they came as often as the
    // others.
    let good = if random.random_bool(0.7) { SCALARS.len() - 12 } else { SCALARS.len() };
    SCALARS[..good].choose(random).unwrap()
}
