//! Where Flink's processes use TLS.

use flink::config::{Configuration, Source};
use flink::tls;

use super::oracle::flink;
use super::values::VERSIONS;

const KEYS: [&str; 3] =
    ["security.ssl.enabled", "security.ssl.internal.enabled", "security.ssl.rest.enabled"];

#[test]
fn tls_is_on_between_flinks_processes_and_at_rest_where_flink_has_it_on() {
    let settings = [None, Some("true"), Some("false")];
    let values = settings
        .iter()
        .flat_map(|a| settings.iter().flat_map(move |b| settings.map(|c| [*a, *b, c])));
    let values: Vec<_> = values.collect();
    for version in VERSIONS {
        let mut flink = flink(version);
        for values in &values {
            let mut config = Configuration::new();
            config.read_as(flink.version);
            for (key, value) in KEYS.into_iter().zip(values) {
                let Some(value) = value else { continue };
                config.set(key, *value, Source::DynamicProperty);
            }
            let entries: Vec<_> =
                config.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let theirs = flink.ask("tls", &entries).unwrap();
            let ours = [tls::internal(&config), tls::rest(&config)];
            assert_eq!(
                ours.map(|on| on.unwrap().to_string()).to_vec(),
                theirs,
                "{version} {entries:?}"
            );
        }
    }
}
