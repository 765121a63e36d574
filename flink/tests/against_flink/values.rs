//! Values as Flink's typed options read them.

use flink::config::{Configuration, Source};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::cases;
use super::oracle::{LINES, Oracle, flink, seeded};

const VALUES: usize = 4000;

/// A type of option, pieces that its values are made of, and our reading as the text that the
/// oracle answers with.
type Kind = (&'static str, &'static [&'static str], fn(&Configuration) -> Option<String>);

const KINDS: [Kind; 8] = [
    ("int", &["1", "0", "-", "+", " ", "2147483647", "2147483648", "_", "x", "."], |config| {
        // Options have their bounds in the table.
        Some(config.get_i64("k").ok()??)
            .filter(|number| i32::try_from(*number).is_ok())
            .map(|number| number.to_string())
    }),
    (
        "duration",
        &[
            "1", "0", "25", " ", "s", "ms", "min", "M", "h", "d", "days", "ns", "µs", "micro", "S",
            "-", ".",
        ],
        |config| Some(config.get_duration("k").ok()??.as_nanos().to_string()),
    ),
    (
        "memory",
        &[
            "1",
            "0",
            "7",
            "64",
            " ",
            "b",
            "k",
            "kb",
            "m",
            "MB",
            "g",
            "t",
            "tebibytes",
            "999999",
            "-",
            ".",
        ],
        |config| Some(config.get_memory("k").ok()??.0.to_string()),
    ),
    ("boolean", &["true", "TRUE", "fAlse", "false", " ", "yes", "1", "on"], |config| {
        Some(config.get_bool("k").ok()??.to_string())
    }),
    ("long", &["1", "0", "-", "+", " ", "9223372036854775807", "_", "x", "."], |config| {
        Some(config.get_i64("k").ok()??.to_string())
    }),
    (
        "double",
        &["1", "0", "25", ".", "e", "E", "-", "+", " ", "d", "F", "NaN", "Infinity", "inf", "_"],
        |config| {
            let number = config.get_f64("k").ok()??;
            // Java has one not-a-number.
            Some(if number.is_nan() { f64::NAN } else { number }.to_bits().to_string())
        },
    ),
    (
        "list",
        &["a", "b c", ";", " ", "'", "\"", "[", "]", ",", "''", "x", "1", "true", "- ", "\\"],
        |config| Some(config.get_list("k").ok()??.join("\n")),
    ),
    (
        "map",
        &[
            "a", "b:c", "a:b,c:d", ":", ": ", ", ", " ", "'", "\"", "''", "x y", "{", "}", "1",
            "true",
        ],
        |config| {
            let mut pairs = config.get_map("k").ok()??;
            pairs.sort();
            Some(
                pairs
                    .into_iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>()
                    .join("\n"),
            )
        },
    ),
];

/// Flink's versions that read values in different ways.
pub(crate) const VERSIONS: [&str; 3] = ["flink-1.18.1", LINES[0], LINES[1]];

/// A configuration of one value, which Flink reads out of this file. Nothing if the file cannot be
/// read.
fn in_file(
    flink: &mut Oracle,
    folder: &std::path::Path,
    name: &str,
    text: &str,
) -> Option<Configuration> {
    fs_err::write(folder.join(name), text).unwrap();
    Configuration::load(folder, &flink.version).ok()
}

fn ours_of(kind: &str) -> fn(&Configuration) -> Option<String> {
    KINDS.iter().find(|(name, ..)| *name == kind).map(|(.., ours)| *ours).unwrap()
}

/// Java takes the digits of all scripts; we refuse all but our own.
fn has_other_digits(value: &str) -> bool {
    value.contains(|c: char| c.is_numeric() && !c.is_ascii())
}

/// The kinds with their fixed values as text.
fn fixed() -> Vec<(&'static str, &'static [&'static str])> {
    let lists = [
        ("memory", cases::SIZES),
        ("duration", cases::DURATIONS),
        ("list", cases::LISTS),
        ("map", cases::MAPS),
    ];
    [&lists, cases::TYPED].concat()
}

#[test]
fn there_are_as_many_fixed_values_of_each_kind_as_were_once_compared_by_hand() {
    let typed: usize =
        cases::TYPED.iter().chain(cases::TYPED_IN_YAML).map(|(_, values)| values.len()).sum();
    let counts = [
        (cases::FILES.len() + 2 * cases::SCALARS.len(), 252),
        (cases::SIZES.len(), 65),
        (cases::DURATIONS.len(), 111),
        (cases::LISTS.len(), 87),
        (cases::MAPS.len(), 46),
        (typed, 142),
    ];
    println!("{counts:?}");
    assert!(counts.iter().all(|(count, least)| count >= least), "{counts:?}");
}

#[test]
fn values_that_are_odd_are_read_as_each_flink_reads_them() {
    let mut differences = Vec::new();
    for line in VERSIONS {
        let mut flink = flink(line);
        let mut compare = |kind: &str, value: &str| {
            let mut config = Configuration::new();
            config.read_as(flink.version);
            config.set("k", value, Source::DynamicProperty);
            let theirs = flink.ask("get", &[kind.to_owned(), value.to_owned()]);
            let ours = ours_of(kind)(&config);
            let is_excused = ours.is_none() && has_other_digits(value);
            if ours.as_deref() != theirs.as_ref().ok().map(|fields| fields[0].as_str())
                && !is_excused
            {
                differences.push(format!(
                    "{line} {kind} {value:?}:\n  Flink: {theirs:?}\n  ours:  {ours:?}"
                ));
            }
        };
        // Flink 1.18 has no YAML, which a configuration only knows by its file; see the next test.
        let is_flat = line == VERSIONS[0];
        for (kind, values) in
            fixed().into_iter().filter(|(kind, _)| !is_flat || !["list", "map"].contains(kind))
        {
            for value in values {
                compare(kind, value);
            }
        }
    }
    assert!(differences.is_empty(), "{}:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn values_in_a_file_are_read_as_each_flink_reads_them() {
    let mut differences = Vec::new();
    for line in VERSIONS {
        let mut flink = flink(line);
        let mut compare = |name: &str, kind: &str, value: &str| {
            let folder = tempfile::tempdir().unwrap();
            let ours = in_file(&mut flink, folder.path(), name, &format!("k: {value}\n"));
            let ours = ours.as_ref().and_then(ours_of(kind));
            let theirs =
                flink.ask("read", &[folder.path().to_str().unwrap().to_owned(), kind.to_owned()]);
            let theirs = theirs.map(|mut fields| fields.remove(0));
            // The oracle says so of a key that is not there. A map without entries is none for us.
            let is_there = |text: &&str| value == "null" || *text != "null";
            let is_some = |text: &&str| kind != "map" || !text.is_empty();
            let shown = theirs.as_deref().ok().filter(is_there).filter(is_some);
            let is_excused = ours.is_none() && has_other_digits(value);
            if ours.as_deref().filter(is_some) != shown && !is_excused {
                differences.push(format!(
                    "{line} {name} {kind} {value:?}:\n  Flink: {theirs:?}\n  ours:  {ours:?}"
                ));
            }
        };
        if line != VERSIONS[0] {
            for (kind, values) in cases::TYPED_IN_YAML {
                for value in *values {
                    compare("config.yaml", kind, value);
                }
            }
        }
        if line != VERSIONS[2] {
            for (kind, values) in fixed() {
                for value in values.iter().filter(|value| !value.contains('\n')) {
                    compare("flink-conf.yaml", kind, value);
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn lists_and_maps_of_the_old_file_mean_the_same_in_the_new_one() {
    let mut flink = flink(LINES[0]);
    for (kind, key, values) in [
        ("list", "external-resources", cases::LISTS),
        ("map", "taskmanager.memory.managed.consumer-weights", cases::MAPS),
    ] {
        for value in values.iter().filter(|value| !value.contains('\n')) {
            let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let Some(config) =
                in_file(&mut flink, from.path(), "flink-conf.yaml", &format!("{key}: {value}\n"))
            else {
                continue;
            };
            config.write(to.path(), &flink.version).unwrap();
            let mut typed = |folder: &std::path::Path| {
                let answer = flink.ask(
                    "read",
                    &[folder.to_str().unwrap().to_owned(), kind.to_owned(), key.to_owned()],
                );
                answer.map(|mut fields| fields.remove(0)).ok()
            };
            let before = typed(from.path());
            assert!(
                before.is_none() || typed(to.path()) == before,
                "{key}: {value:?}: {before:?}\n{}",
                fs_err::read_to_string(to.path().join("config.yaml")).unwrap()
            );
        }
    }
}

#[test]
fn typed_values_are_read_as_flink_reads_them() {
    for line in LINES {
        let mut flink = flink(line);
        let (seed, mut random) = seeded(&format!("{line} values"));
        for (kind, pieces, ours) in KINDS {
            let (mut accepted, mut refused) = (0, 0);
            for _ in 0..VALUES / KINDS.len() {
                let count = random.random_range(1..=5);
                let value: String =
                    (0..count).map(|_| *pieces.choose(&mut random).unwrap()).collect();
                let mut config = Configuration::new();
                config.read_as(flink.version);
                config.set("k", value.clone(), Source::DynamicProperty);
                let theirs = flink
                    .ask("get", &[kind.to_owned(), value.clone()])
                    .ok()
                    .map(|mut fields| fields.remove(0));
                let ours = ours(&config);
                assert_eq!(ours, theirs, "{line} seed {seed}: {kind} {value:?}");
                *if ours.is_some() { &mut accepted } else { &mut refused } += 1;
            }
            assert!(
                accepted > 5 && (refused > 5 || kind == "list"),
                "{kind}: {accepted} accepted, {refused} refused"
            );
        }
    }
}

#[test]
fn what_flink_hides_we_hide() {
    let keys = [
        "security.ssl.internal.key-password",
        "a.Secret.b",
        "s3.secret-key",
        "fs.azure.account.key.host",
        "metrics.reporter.x.apikey",
        "x.api-key",
        "fs.oss.securityToken",
        "rest.auth-params",
        "x.service-key",
        "flink.basic-auth.y",
        "sasl.jaas.config",
        "x.http-headers",
        "rest.port",
        "s3.access-key",
        "fs.oss.accessKeyId",
        "security.kerberos.login.keytab",
        "key.password.",
        "SECRET",
    ];
    let shown = ["rest.port", "security.kerberos.login.keytab"];
    for line in LINES {
        let mut flink = flink(line);
        for key in keys {
            let theirs = flink.ask("sensitive", &[key.to_owned()]).unwrap();
            let ours = Configuration::is_secret(key);
            assert!(ours || theirs[0] == "false", "{line}: Flink hides {key}, we do not");
            assert_eq!(ours, !shown.contains(&key), "{key}");
        }
    }
}
