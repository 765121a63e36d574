//! Values as Flink's typed options read them.

use overlays::config::{Configuration, Source};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::oracle::{LINES, Oracle, flink_home, seeded};

const VALUES: usize = 4000;

/// A type of option, pieces that its values are made of, and our reading as the text that the oracle answers with.
type Kind = (&'static str, &'static [&'static str], fn(&Configuration) -> Option<String>);

const KINDS: [Kind; 7] = [
    (
        "duration",
        &["1", "0", "25", " ", "s", "ms", "min", "M", "h", "d", "days", "ns", "µs", "micro", "S", "-", "."],
        |config| Some(config.get_duration("k").ok()??.as_nanos().to_string()),
    ),
    (
        "memory",
        &["1", "0", "7", "64", " ", "b", "k", "kb", "m", "MB", "g", "t", "tebibytes", "999999", "-", "."],
        |config| Some(config.get_memory("k").ok()??.0.to_string()),
    ),
    ("boolean", &["true", "TRUE", "fAlse", "false", " ", "yes", "1", "on"], |config| {
        Some(config.get_bool("k").ok()??.to_string())
    }),
    ("long", &["1", "0", "-", "+", " ", "9223372036854775807", "_", "x", "."], |config| {
        Some(config.get_i64("k").ok()??.to_string())
    }),
    ("double", &["1", "0", "25", ".", "e", "E", "-", "+", " ", "d", "F", "NaN", "Infinity", "inf", "_"], |config| {
        let number = config.get_f64("k").ok()??;
        // Java has one not-a-number.
        Some(if number.is_nan() { f64::NAN } else { number }.to_bits().to_string())
    }),
    ("list", &["a", "b c", ";", " ", "'", "\"", "[", "]", ",", "''", "x", "1", "true", "- ", "\\"], |config| {
        Some(config.get_list("k").ok()??.join("\n"))
    }),
    ("map", &["a", "b:c", "a:b,c:d", ":", ": ", ", ", " ", "'", "\"", "''", "x y", "{", "}", "1", "true"], |config| {
        let mut pairs = config.get_map("k").ok()??;
        pairs.sort();
        Some(pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("\n"))
    }),
];

#[test]
fn typed_values_are_read_as_flink_reads_them() {
    for line in LINES {
        let mut flink = Oracle::start(&flink_home(line));
        let (seed, mut random) = seeded(&format!("{line} values"));
        for (kind, pieces, ours) in KINDS {
            let (mut accepted, mut refused) = (0, 0);
            for _ in 0..VALUES / KINDS.len() {
                let count = random.random_range(1..=5);
                let value: String = (0..count).map(|_| *pieces.choose(&mut random).unwrap()).collect();
                let mut config = Configuration::new();
                config.set("k", value.clone(), Source::DynamicProperty);
                let theirs =
                    flink.ask("get", &[kind.to_owned(), value.clone()]).ok().map(|mut fields| fields.remove(0));
                let ours = ours(&config);
                assert_eq!(ours, theirs, "{line} seed {seed}: {kind} {value:?}");
                *if ours.is_some() { &mut accepted } else { &mut refused } += 1;
            }
            assert!(accepted > 5 && (refused > 5 || kind == "list"), "{kind}: {accepted} accepted, {refused} refused");
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
        let mut flink = Oracle::start(&flink_home(line));
        for key in keys {
            let theirs = flink.ask("sensitive", &[key.to_owned()]).unwrap();
            let ours = Configuration::is_secret(key);
            assert!(ours || theirs[0] == "false", "{line}: Flink hides {key}, we do not");
            assert_eq!(ours, !shown.contains(&key), "{key}");
        }
    }
}
